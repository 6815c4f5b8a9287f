"""From the journal to an Atlas: fold the state, compare with what Atlas has acknowledged, send the difference.

`wanted` (what Atlas should show) and `sending` (what to send next) decide and are pure, `files` brings data files to their
place, and the modules here are the shell around them: locks, calls, receipts, looking back, reports.
"""
