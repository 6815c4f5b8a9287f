"""Recovery (C5): find the run of a session, read it, match its entities, verify receipts, and delete duplicates."""
