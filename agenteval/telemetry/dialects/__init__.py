"""One module a convention: a span in, the contents that it speaks of out."""
