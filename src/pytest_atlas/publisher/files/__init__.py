"""Data files on their way: from the session's folder into a bucket or the local Atlas's objects."""
