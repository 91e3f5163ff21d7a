"""Files in: suites, checks files, foreign logs."""
