"""Hide secrets of known shapes in a text that other code composed.

This is a second line of defence: the code that composes a text must leave secrets out. Each step
takes time linear in the length of the text.
"""

from __future__ import annotations

import re

HIDDEN = "***"

# `password=...` of a connection string or a query, and members of JSON and of a printed dict.
_ASSIGNMENT = re.compile(
    r"(?i)((?:password|passwd|secret|token)(?:\s{0,3}=|[\"']\s{0,3}[:=])\s{0,3})"
    r"""('(?:[^'\\]|\\.)*+'?|"(?:[^"\\]|\\.)*+"?|[^\s&;,]++)"""
)
# An API token, such as one sent in a path by mistake. Its id is no secret and stays.
_API_TOKEN = re.compile(r"(cj_[0-9a-f]{12}_)[\w-]{16,}+")
_CREDENTIALS = re.compile(r"(?i)\b(bearer|basic) {1,3}[\w+/=.~-]{16,}")


def mask(text: str) -> str:
    """The text without users and passwords of addresses, `password=` values and tokens."""
    if "://" in text and "@" in text:
        text = "\n".join(map(_mask_address, text.split("\n")))
    if "cj_" in text:
        text = _API_TOKEN.sub(rf"\1{HIDDEN}", text)
    if "=" in text or ":" in text:
        text = _ASSIGNMENT.sub(rf"\1{HIDDEN}", text)
    # Most values of a log line are single words: the check saves the search.
    return _CREDENTIALS.sub(rf"\1 {HIDDEN}", text) if " " in text else text


def _mask_address(line: str) -> str:
    """Hide all text up to the last @ of the line: a password may hold an unencoded @."""
    start, end = line.find("://"), line.rfind("@")
    return f"{line[: start + 3]}{HIDDEN}{line[end:]}" if 0 <= start < end else line
