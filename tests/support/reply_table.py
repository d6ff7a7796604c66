"""Create the table for docs/REDDIT.md from the rules of crawljobs.domain.reply_meaning.

`PYTHONPATH=tests python -m support.reply_table` prints the table.
"""

from enum import StrEnum

from crawljobs.domain.reply_meaning import RULES, ContentType, Endpoint, Rule, Shape, Status

HEAD = ("| Endpoint | Status | Content type | Body | Meaning |", "|---|---|---|---|---|")


def rows() -> list[str]:
    """Return the table's lines in the order of the rules. For a reply, the first match counts."""
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
