"""Writes the lines of an export as JSON or CSV, with the author's name or a pseudonym."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from admin_api.http.exports.formula_cells import without_formula
from crawljobs.domain.pseudonym import pseudonym
from crawljobs.repository.exports.export_plan import ExportKind, ExportShape
from crawljobs.repository.exports.export_statement import field_names

Write = Callable[[str | None, str], bytes]
Name = Callable[[str], str]

_TO_QUOTE = frozenset('",\r\n')
_DELETED = "[deleted]"
_NAMES_KEPT = 10_000  # limit of the names whose pseudonyms are kept in memory


def author_field(kind: ExportKind) -> str | None:
    """Return the name of the first field of a line. This field has the author's name.

    Returns None for a kind of export whose lines have no author.
    """
    if kind in (ExportKind.SUBREDDITS, ExportKind.LINKS, ExportKind.MAP_NODES):
        return None
    return "name" if kind is ExportKind.AUTHORS else "author"


def columns(kind: ExportKind, shape: ExportShape) -> list[str]:
    """Return the fields of a line in their order."""
    first = author_field(kind)
    return [*([] if first is None else [first]), *field_names(kind, shape)]


def name_shown(key: bytes | None) -> Name:
    """Return a function that returns the pseudonym of a name; without a key, the name itself."""
    if key is None:
        return lambda name: name
    return lru_cache(maxsize=_NAMES_KEPT)(lambda name: pseudonym(key, name))


def json_lines(kind: ExportKind, shape: ExportShape, shown: Name) -> Write:
    """Return a function that writes one JSON object and a line feed."""
    first = author_field(kind)
    if first is None:
        return lambda _, line: f"{line}\n".encode()
    absent = json.dumps(_DELETED if shape is ExportShape.REDDIT else None)

    def write(author: str | None, line: str) -> bytes:
        name = absent if author is None else json.dumps(shown(author))
        return f'{{"{first}":{name},{line[1:]}\n'.encode()

    return write


def csv_lines(kind: ExportKind, shape: ExportShape, shown: Name) -> Write:
    """Return a function that writes one row of CSV and a line feed.

    Null becomes an empty cell. An empty text becomes `""`. A text that a spreadsheet would run as a
    formula gets an apostrophe in front.
    """
    to_json = json_lines(kind, shape, shown)
    names = columns(kind, shape)

    def write(author: str | None, line: str) -> bytes:
        row: dict[str, Any] = json.loads(to_json(author, line))
        return (",".join(_cell(row[name]) for name in names) + "\n").encode()

    return write


def csv_header(kind: ExportKind, shape: ExportShape) -> bytes:
    """Return the first line of a CSV file: the names of the columns."""
    return (",".join(columns(kind, shape)) + "\n").encode()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        text = without_formula(value)
        is_plain = bool(text) and text.strip() == text and _TO_QUOTE.isdisjoint(text)
        return text if is_plain else '"' + text.replace('"', '""') + '"'
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    return '"' + json.dumps(value).replace('"', '""') + '"'
