"""The difference between desired and observed state: what to send next, and what Atlas has acknowledged. Pure."""
