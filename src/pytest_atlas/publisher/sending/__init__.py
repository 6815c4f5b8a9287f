"""What to send: what should be there beside what Atlas has acknowledged, and what stands in it already. Pure."""
