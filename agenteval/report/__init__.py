"""Results as documents: JSON first; text, HTML and JUnit are views of it."""
