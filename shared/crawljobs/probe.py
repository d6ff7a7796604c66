"""Request a health page once, in containers without curl: `python -m crawljobs.probe URL`.

The exit code is 0 after a reply with a 2xx status, and 1 after another reply or no reply. It is 2
if the arguments are wrong.
"""

from __future__ import annotations

import http.client
import sys
from urllib.parse import urlsplit

from crawljobs.domain import plain_text

DEADLINE_SECONDS = 2.5
TEXT_MAX = 2_000  # limit in characters; the rest of a reply is not printed


def request(url: str) -> tuple[bool, str]:
    """Return whether the status was 2xx, and the text of the reply or of the error.

    A redirect is not followed.
    """
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(
        parts.hostname or "", parts.port, timeout=DEADLINE_SECONDS
    )
    try:
        connection.request("GET", parts.path or "/")
        reply = connection.getresponse()
        text = reply.read(TEXT_MAX).decode("utf-8", "replace").strip()
    except (OSError, http.client.HTTPException) as error:
        return False, str(error) or type(error).__name__
    finally:
        connection.close()
    return 200 <= reply.status < 300, text


def main() -> int:
    if len(sys.argv) != 2:
        sys.stderr.write("usage: python -m crawljobs.probe URL\n")
        return 2
    is_success, text = request(sys.argv[1])
    shown = plain_text.lines(text, limit=TEXT_MAX)
    (sys.stdout if is_success else sys.stderr).write(shown + "\n")
    return 0 if is_success else 1


if __name__ == "__main__":
    sys.exit(main())
