"""The check language: what users write, what it means, what it found."""
