"""Errors that stop the demo. Each message says what the user can do."""


class OneboxError(Exception):
    """Base of the errors that a user can correct; the demo prints the message."""


class DataFolderError(OneboxError):
    """The data folder cannot be used."""


class PostgresError(OneboxError):
    """Postgres cannot be found, started or reached."""
