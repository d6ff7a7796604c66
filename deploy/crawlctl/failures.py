"""The exit codes of crawlctl, and the error that ends a command with one of them."""

from enum import IntEnum


class ExitCode(IntEnum):
    """The exit codes, with their meaning for scripts. The value is the code of the process."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    REFUSED = 3
    NO_ACCESS = 4
    NOT_FOUND = 5
    UNREACHABLE = 6
    PARTLY = 7
    WAIT_RAN_OUT = 8
    ENDED_BADLY = 9
    INTERRUPTED = 130


MEANINGS = {
    ExitCode.DONE: "the command did its work",
    ExitCode.FAILED: "an error that no other code names, such as a bug of the server",
    ExitCode.USAGE: "wrong options or arguments; the server could not parse the request (400)",
    ExitCode.REFUSED: "the server refused the change (409, 412, 413, 422, 428), or you declined it",
    ExitCode.NO_ACCESS: "no token, a wrong token, or a token without the scope (401, 403)",
    ExitCode.NOT_FOUND: "the object does not exist (404)",
    ExitCode.UNREACHABLE: "no connection, too many requests (429), or the server is busy (503)",
    ExitCode.PARTLY: "some of many changes failed (207)",
    ExitCode.WAIT_RAN_OUT: "the time of a wait ended before the work did",
    ExitCode.ENDED_BADLY: "the awaited work failed or was cancelled; a check found a problem",
    ExitCode.INTERRUPTED: "Ctrl-C",
}

_BY_STATUS = {
    400: ExitCode.USAGE,
    401: ExitCode.NO_ACCESS,
    403: ExitCode.NO_ACCESS,
    404: ExitCode.NOT_FOUND,
    409: ExitCode.REFUSED,
    412: ExitCode.REFUSED,
    413: ExitCode.REFUSED,
    422: ExitCode.REFUSED,
    428: ExitCode.REFUSED,
    429: ExitCode.UNREACHABLE,
    502: ExitCode.UNREACHABLE,
    503: ExitCode.UNREACHABLE,
    504: ExitCode.UNREACHABLE,
}


class CommandFailed(Exception):
    """Ends the command. The message is for people, and the code is the exit code."""

    def __init__(self, message: str, code: ExitCode = ExitCode.FAILED) -> None:
        super().__init__(message)
        self.code = code


def code_of_status(status: int) -> ExitCode:
    """Return the exit code for the HTTP status of an error response."""
    return _BY_STATUS.get(status, ExitCode.FAILED)


def worst(codes: list[ExitCode]) -> ExitCode:
    """Return the highest exit code, which describes the worst of several results."""
    return max(codes, default=ExitCode.DONE)
