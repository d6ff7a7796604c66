"""Read the trusted certificates from SSL_CERT_FILE or SSL_CERT_DIR, in the same way as OpenSSL."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from crawljobs import errors
from crawljobs.settings.environment import Environment


@dataclass(frozen=True)
class Trust:
    """The trusted certificates: a PEM file, or a folder of files whose names are hashes.

    If both are None, the certificate authorities that browsers trust are used.
    """

    file: str | None = None
    folder: str | None = None


BROWSERS_TRUST = Trust()


def read_trust(variables: Mapping[str, str]) -> Trust:
    env = Environment(variables)
    file = env.optional("SSL_CERT_FILE")
    return Trust(file, None if file else env.optional("SSL_CERT_DIR"))


def refuse_unreadable(trust: Trust) -> None:
    """Raise SettingsError if the file or the folder of certificates cannot be read."""
    name = "SSL_CERT_FILE" if trust.file else "SSL_CERT_DIR"
    if trust == BROWSERS_TRUST:
        return
    try:
        if trust.folder is not None:
            # Unlike OpenSSL, iterdir() raises an error for a missing folder.
            next(Path(trust.folder).iterdir(), None)
        ssl.create_default_context(cafile=trust.file, capath=trust.folder)
    except (OSError, ValueError) as error:  # OSError includes SSLError
        problem = getattr(error, "strerror", None) or type(error).__name__
        raise errors.SettingsError(
            f"{name}={(trust.file or trust.folder or '')[:200]!r}: expected certificates in PEM "
            f"({problem[:80]})"
        ) from None
