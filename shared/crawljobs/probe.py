"""Ask one probe, for containers without curl: `python -m crawljobs.probe URL`; 0 is well."""

from __future__ import annotations

import http.client
import sys
from urllib.parse import urlsplit

from crawljobs.domain import plain_text

DEADLINE_SECONDS = 2.5
TEXT_MAX = 2_000  # characters


def ask(url: str) -> tuple[bool, str]:
    """Whether the answer was a success, and what it said. Never follows a redirect."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(
        parts.hostname or "", parts.port, timeout=DEADLINE_SECONDS
    )
    try:
        connection.request("GET", parts.path or "/")
        answer = connection.getresponse()
        said = answer.read(2_000).decode("utf-8", "replace").strip()
    except (OSError, http.client.HTTPException) as error:
        return False, str(error) or type(error).__name__
    finally:
        connection.close()
    return 200 <= answer.status < 300, said


def main() -> int:
    if len(sys.argv) != 2:
        sys.stderr.write("usage: python -m crawljobs.probe URL\n")
        return 2
    is_well, said = ask(sys.argv[1])
    shown = plain_text.lines(said, limit=TEXT_MAX)
    (sys.stdout if is_well else sys.stderr).write(shown + "\n")
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main())
