"""The job summary: Markdown about one session, for the page of a CI job or a comment on a merge request.

`session` reads the session directory, `job_summary` renders the findings about it.
"""
