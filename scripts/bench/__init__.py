"""Measurements: `engine` for speed and memory, each with the command that repeats it."""
