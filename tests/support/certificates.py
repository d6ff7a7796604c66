"""Self-signed certificates for tests, made by openssl."""

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

from support import needs


@dataclass(frozen=True)
class Certificate:
    """A self-signed certificate, and the SSL context of a server that uses it."""

    file: Path
    context: ssl.SSLContext


def make(folder: Path, *names: str) -> Certificate:
    """Create a certificate for these names, such as DNS:localhost. It is valid for two days."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        [
            *(needs.program("openssl"), "req", "-x509", "-newkey", "ec", "-nodes", "-days", "2"),
            *("-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj", "/CN=localhost"),
            *("-addext", f"subjectAltName={','.join(names)}"),
            *("-keyout", key, "-out", certificate),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return Certificate(certificate, context)
