"""Traces for the pages: CSV files as arrays on the disk, windows of them, and their plots. Requires numpy (extra `ui`)."""
