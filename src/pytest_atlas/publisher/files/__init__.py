"""Upload data files from the session directory into a bucket or into the objects of the local Atlas."""
