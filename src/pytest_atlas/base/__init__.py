"""Leaf modules that every package may import: time, text, files and processes. Standard library only."""
