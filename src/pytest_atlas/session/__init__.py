"""The session model: the events of the journals folded into a state, and the Atlas entities that it requires. Pure."""
