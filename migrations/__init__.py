"""The schema's revisions, and the command that runs them: `python -m migrations`."""
