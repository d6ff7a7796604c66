"""What stops the one-machine system: every message is a sentence that says what to do."""


class OneboxError(Exception):
    """Base of the refusals a person can do something about; the message is shown as it is."""


class DataFolderError(OneboxError):
    """The data folder cannot be used."""


class PostgresError(OneboxError):
    """Postgres cannot be found, run or reached."""
