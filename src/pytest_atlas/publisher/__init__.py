"""From the journal to an Atlas: fold the facts, compare with what Atlas has acknowledged, send the difference."""
