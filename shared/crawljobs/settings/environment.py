"""Read settings from environment variables. An error names the setting and the expected value.

Decision 5 in shared/DECISIONS.md explains why no settings library is used.
"""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from crawljobs import errors

SECRET_FILE_MAX = 4_096  # limit in bytes of a file with a secret; a larger file cannot be a secret
# _PATH matches an absolute path of short names. A secret does not have this form, so an error may
# quote a value that matches.
_PATH = re.compile(r"(?:/[A-Za-z0-9._-]{1,31})+/?")
_HOST_AND_PORT = re.compile(r"[a-z0-9.-]{1,255}:[0-9]{1,5}")  # an address without a scheme
# ADDRESS refuses some addresses that the standard for URLs allows, because two parsers could read
# these addresses differently.
ADDRESS = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9_](?:[a-z0-9._-]{0,253})|\[[0-9a-f:.]{2,45}\])"
    r"(?::(?P<port>[0-9]{1,5}))?(?:/[a-z0-9._~/-]*)?",
    re.ASCII | re.IGNORECASE,
)


class Environment:
    """Reads typed values from a mapping such as os.environ.

    The methods raise SettingsError if a value is missing or invalid.
    """

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    def text(self, name: str, default: str | None = None, *, expected: str = "a text") -> str:
        value = self._variables.get(name, "").strip()
        if value:
            return value
        if default is None:
            raise errors.SettingsError(f"{name} is missing: expected {expected}")
        return default

    def optional(self, name: str) -> str | None:
        return self._variables.get(name, "").strip() or None

    def whole(self, name: str, default: int, *, unit: str, least: int, most: int) -> int:
        raw = self.optional(name)
        if raw is None:
            return default
        expected = f"a whole number of {unit} from {least} to {most}"
        try:
            value = int(raw)
        except ValueError:
            raise _wrong(name, raw, expected) from None
        if not least <= value <= most:
            raise _wrong(name, raw, expected)
        return value

    def number(self, name: str, default: float, *, unit: str, least: float, most: float) -> float:
        raw = self.optional(name)
        if raw is None:
            return default
        expected = f"a number of {unit} from {least:g} to {most:g}"
        try:
            value = float(raw)
        except ValueError:
            raise _wrong(name, raw, expected) from None
        if not (math.isfinite(value) and least <= value <= most):
            raise _wrong(name, raw, expected)
        return value

    def flag(self, name: str, *, default: bool) -> bool:
        raw = self.optional(name)
        if raw is None:
            return default
        known = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
        if raw.lower() not in known:
            raise _wrong(name, raw, "true or false")
        return known[raw.lower()]

    def one_of(self, name: str, default: str, *, choices: Sequence[str]) -> str:
        raw = self.optional(name)
        if raw is None:
            return default
        if raw not in choices:
            raise _wrong(name, raw, f"one of {', '.join(choices)}")
        return raw

    def url(self, name: str, default: str, *, plain_http: str) -> str:
        """Return an address to which secrets are sent: https, or http on this machine.

        `plain_http` is the name of the flag that allows http to any host. An error quotes a wrong
        address only if it has the form host:port, because another form may contain a password.
        """
        raw = self.text(name, default)
        expected = "an address that starts with http:// or https://"
        if _HOST_AND_PORT.fullmatch(raw):
            raise _wrong(name, raw, expected)
        if "@" in raw:
            raise errors.SettingsError(f"{name}: expected {expected}, without a user or password")
        found = ADDRESS.fullmatch(raw)
        if found is None or not 0 < int(found["port"] or "1") < 65_536:
            raise errors.SettingsError(f"{name}: expected {expected}, with no ? or # part")
        is_safe = found["scheme"].lower() == "https" or is_this_machine(found["host"].strip("[]"))
        if not is_safe and not self.flag(plain_http, default=False):
            raise errors.SettingsError(
                f"{name}: expected https://, as http:// sends secrets unencrypted; "
                f"{plain_http}=true allows it"
            )
        return raw.rstrip("/")

    def secret(self, name: str) -> str | None:
        """Return the secret from the variable NAME, or from the file whose path is in NAME_FILE.

        No error quotes the secret.
        """
        value, path = self.optional(name), self.optional(f"{name}_FILE")
        if value is not None and path is not None:
            raise errors.SettingsError(f"{name} and {name}_FILE are both set: set one of them")
        if path is None:
            return None if value is None else _encodable(name, value)
        try:
            with Path(path).open("rb") as file:
                content = file.read(SECRET_FILE_MAX + 1)
            secret = content.decode("utf-8").strip()
        except (OSError, ValueError) as error:
            problem = error.strerror if isinstance(error, OSError) else "not UTF-8"
            raise errors.SettingsError(
                f"{_shown_path(name, path)}: expected a readable text file ({problem})"
            ) from None
        if len(content) > SECRET_FILE_MAX:
            raise errors.SettingsError(
                f"{_shown_path(name, path)}: expected at most {SECRET_FILE_MAX} bytes"
            )
        return _encodable(f"{name}_FILE", secret) if secret else None


def _shown_path(name: str, path: str) -> str:
    """Return NAME_FILE for an error message, with the path unless the path may be a secret."""
    return f"{name}_FILE={path!r}" if _PATH.fullmatch(path) else f"{name}_FILE"


def _encodable(name: str, secret: str) -> str:
    """Return the secret. Raises SettingsError if it is not valid UTF-8.

    If the bytes of a variable are not UTF-8, Python decodes them to unpaired surrogates.
    """
    if not secret.isascii() and any("\ud800" <= character <= "\udfff" for character in secret):
        raise errors.SettingsError(f"{name}: expected a text in UTF-8")
    return secret


def is_this_machine(host: str) -> bool:
    """Return whether the host is localhost or a loopback address. Pass IPv6 without brackets."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost"


def _wrong(name: str, raw: str, expected: str) -> errors.SettingsError:
    return errors.SettingsError(f"{name}={raw[:80]!r}: expected {expected}")
