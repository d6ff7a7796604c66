"""Replace secrets in a text by `***`. A secret is found by its form, such as `password=...`.

This is a second protection: the code that composes a text must leave secrets out. The time of each
replacement is at most proportional to the length of the text.
"""

from __future__ import annotations

import re

HIDDEN = "***"

# Matches `password=...` in a connection string or a query, and `"password": ...` in JSON or a
# printed dict.
_ASSIGNMENT = re.compile(
    r"(?i)((?:password|passwd|secret|token)(?:\s{0,3}=|[\"']\s{0,3}[:=])\s{0,3})"
    r"""('(?:[^'\\]|\\.)*+'?|"(?:[^"\\]|\\.)*+"?|[^\s&;,]++)"""
)
# Matches an API token, which a client may send in a path by mistake. The token's id is no secret
# and stays visible.
_API_TOKEN = re.compile(r"(cj_[0-9a-f]{12}_)[\w-]{16,}+")
_WEBHOOK_SECRET = re.compile(r"(whsec_)[\w+/=-]{16,}+")
_CREDENTIALS = re.compile(r"(?i)\b(bearer|basic) {1,3}[\w+/=.~-]{16,}")


def mask(text: str) -> str:
    """Return the text without passwords, tokens, and the user names in addresses."""
    if "://" in text and "@" in text:
        text = "\n".join(map(_mask_address, text.split("\n")))
    if "cj_" in text:
        text = _API_TOKEN.sub(rf"\1{HIDDEN}", text)
    if "whsec_" in text:
        text = _WEBHOOK_SECRET.sub(rf"\1{HIDDEN}", text)
    if "=" in text or ":" in text:
        text = _ASSIGNMENT.sub(rf"\1{HIDDEN}", text)
    # Credentials such as `Bearer abc` contain a blank. Most values of a log line have no blank. For
    # such values, the slow search for credentials is skipped.
    return _CREDENTIALS.sub(rf"\1 {HIDDEN}", text) if " " in text else text


def _mask_address(line: str) -> str:
    """Hide the text from :// to the last @ of the line. A password may contain an unencoded @."""
    start, end = line.find("://"), line.rfind("@")
    return f"{line[: start + 3]}{HIDDEN}{line[end:]}" if 0 <= start < end else line
