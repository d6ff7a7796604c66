"""Errors of a connection as sentences for people."""

from urllib3.exceptions import HTTPError

from crawlctl.failures import CommandFailed, ExitCode


def unreachable(url: str, error: HTTPError) -> CommandFailed:
    """Return the error for a server that does not answer."""
    return CommandFailed(f"{url} does not answer: {reason_of(error)}", ExitCode.UNREACHABLE)


def reason_of(error: HTTPError) -> str:
    """Return the cause of the error. Leaves out class names and addresses."""
    cause = getattr(error, "reason", None) or error
    text = str(cause)
    return text.rsplit(": ", 1)[-1] if ": " in text else text or type(cause).__name__
