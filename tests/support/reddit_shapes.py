"""Sort Reddit's objects by their shape, to compare the sandbox's objects with recorded objects."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

KINDS = frozenset(("t1", "t2", "t3", "t5", "more", "Listing"))


class Thing(NamedTuple):
    kind: str
    shape: str  # the kind and the place of the object, which determine its fields
    data: dict[str, Any]


def things(value: Any, path: str) -> Iterator[Thing]:
    """Yield all objects in a reply to a request for `path`, at all depths, with their shapes."""
    if isinstance(value, dict):
        data = value.get("data")
        if value.get("kind") in KINDS and isinstance(data, dict):
            kind = value["kind"]
            yield Thing(kind, _shape(kind, data, path), _shallow(data))
        for inner in value.values():
            yield from things(inner, path)
    elif isinstance(value, list):
        for inner in value:
            yield from things(inner, path)


def year_of(headers: Mapping[str, str]) -> int:
    """Return the year in the reply's `date` header, or 0 if the reply has no `date` header."""
    found = re.search(r"\b20\d\d\b", headers.get("date", ""))
    return int(found[0]) if found else 0


def _shape(kind: str, data: dict[str, Any], path: str) -> str:
    if kind in ("t1", "t3"):
        place = "in a thread" if "/comments/" in path and "/r/" not in path[:3] else "in a page"
        if kind == "t1" and place == "in a page":
            place = (
                "flat" if "depth" in data else "listed" if "link_title" in data else "in a batch"
            )
        gone = ", its author gone" if data.get("author") == "[deleted]" else ""
        return f"{kind} {place}{gone}"
    if kind == "t5":
        return "t5 alone" if "/about" in path else "t5 in a batch"
    if kind == "Listing":
        return "Listing of a page" if data.get("dist") is not None else "Listing of replies"
    return kind


def _shallow(data: dict[str, Any]) -> dict[str, Any]:
    """Return the data with empty `children` and `replies`, because inner objects are separate."""
    inner: dict[str, Any] = {
        name: type(data[name])() for name in ("children", "replies") if name in data
    }
    if data.get("children") and isinstance(data["children"][0], str):
        del inner["children"]
    return {**data, **inner}
