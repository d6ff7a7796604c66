"""Errors that stop the demo. Each message says what the user can do."""


class OneboxError(Exception):
    """The base class of errors that the user can correct. The demo prints the message."""


class DataFolderError(OneboxError):
    """The data folder cannot be used."""


class PostgresError(OneboxError):
    """Postgres cannot be found, started or reached."""
