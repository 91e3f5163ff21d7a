"""Model clients: chat completions over HTTP, scripted, recorded."""
