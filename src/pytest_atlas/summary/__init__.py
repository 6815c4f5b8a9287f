"""The job summary: one page of Markdown of a session, for a CI job's page or a comment on a merge request.

A pure function of what is known: the session's facts, the publisher's last word, and the last run of the same job.
"""
