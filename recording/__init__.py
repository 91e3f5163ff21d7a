"""Real clients against a scripted model out, captures of what their instrumentations send in. See `__main__`."""
