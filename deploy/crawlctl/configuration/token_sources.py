"""Where a token comes from: a file, a command, the terminal, standard input."""

import getpass
import re
import shlex
import subprocess
import sys
from pathlib import Path

from crawlctl.failures import CommandFailed, ExitCode

COMMAND_SECONDS = 30
TOKEN_CHARACTERS = 4_096
_TOKEN = re.compile(r"[\x21-\x7e]+")
_HEADER = re.compile(r"authorization:\s*bearer\s+", re.IGNORECASE)


def checked(text: str, origin: str) -> str:
    """Return the token in the text. Raises CommandFailed unless the text is one token."""
    token = _HEADER.sub("", text.strip(), count=1)
    if len(token) > TOKEN_CHARACTERS or not _TOKEN.fullmatch(token):
        raise CommandFailed(f"{origin} has no token: expected one word", ExitCode.NO_ACCESS)
    return token


def from_file(path: str) -> str:
    """Return the token in a file.

    The file has the token alone, or the HTTP header `Authorization: Bearer TOKEN`.
    """
    try:
        with Path(path).open(encoding="utf-8", errors="replace") as file:
            return checked(file.read(TOKEN_CHARACTERS + 100), path)
    except OSError as error:
        raise CommandFailed(
            f"The token file {path} cannot be read: {error.strerror}", ExitCode.NO_ACCESS
        ) from None


def from_command(command: str) -> str:
    """Return the token that a command prints. Runs the command without a shell, at most 30 s."""
    try:
        done = subprocess.run(  # noqa: S603 - the user's own command
            shlex.split(command),
            stdout=subprocess.PIPE,
            text=True,
            errors="replace",
            timeout=COMMAND_SECONDS,
            check=False,
        )
    except (OSError, ValueError) as error:
        raise CommandFailed(f"The token command failed: {error}", ExitCode.NO_ACCESS) from None
    except subprocess.TimeoutExpired:
        raise CommandFailed(
            f"The token command took more than {COMMAND_SECONDS} s.", ExitCode.NO_ACCESS
        ) from None
    if done.returncode != 0:
        raise CommandFailed(
            f"The token command ended with exit code {done.returncode}.", ExitCode.NO_ACCESS
        )
    return checked(done.stdout, "The output of the token command")


def from_person() -> str:
    """Return the token that is typed, or that is piped into standard input."""
    if sys.stdin.isatty():
        return checked(getpass.getpass("Token (not shown): "), "The input")
    return checked(sys.stdin.read(TOKEN_CHARACTERS + 100), "Standard input")
