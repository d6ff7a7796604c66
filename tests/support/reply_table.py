"""The rules of crawljobs.domain.reply_meaning as the rows of docs/REDDIT.md.

`PYTHONPATH=tests python -m support.reply_table` prints them.
"""

from enum import StrEnum

from crawljobs.domain.reply_meaning import RULES, ContentType, Endpoint, Rule, Shape, Status

HEAD = ("| Endpoint | Status | Content type | Body | Meaning |", "|---|---|---|---|---|")


def rows() -> list[str]:
    """In the order of the rules: the first row that holds a reply counts."""
    found = [_row(rule) for rule in RULES]
    return [*HEAD, *found, "| any | any | any | any | `unknown` |"]


def _row(rule: Rule) -> str:
    cells = (
        _named(rule.endpoints, Endpoint),
        _named(rule.statuses, Status),
        _named(rule.content_types, ContentType),
        _named(rule.shapes, Shape),
        f"`{rule.meaning}`",
    )
    return f"| {' | '.join(cells)} |"


def _named(values: tuple[StrEnum, ...], every: type[StrEnum]) -> str:
    return ", ".join(values) if values and len(values) < len(every) else "any"


if __name__ == "__main__":
    print("\n".join(rows()))  # noqa: T201
