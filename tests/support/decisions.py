"""The decisions of shared/DECISIONS.md, and its index.

`python -m support.decisions` prints the index, to be put at the top of the page after a change.
"""

import re
import sys
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parents[2] / "shared" / "DECISIONS.md"
ENTRY = re.compile(r"^### (\d+)\. (.+)\n\nStatus: (.+)\.\n\n(?=\S)", re.MULTILINE)


@dataclass(frozen=True)
class Decision:
    number: int
    title: str
    area: str
    status: str

    @property
    def anchor(self) -> str:
        """The anchor that GitHub makes of the heading."""
        return re.sub(r"[^\w\- ]", "", f"{self.number} {self.title}".lower()).replace(" ", "-")


def read(text: str) -> list[Decision]:
    """The decisions of a page in its order; a heading of another form is left out."""
    areas = re.split(r"^## (.+)\n", text, flags=re.MULTILINE)[1:]
    return [
        Decision(int(number), title, area, status)
        for area, entries in zip(areas[::2], areas[1::2], strict=True)
        for number, title, status in ENTRY.findall(entries)
    ]


def index(decisions: list[Decision]) -> str:
    """A list of the areas, each with links to its decisions."""
    lines = []
    for area in dict.fromkeys(decision.area for decision in decisions):
        lines.append(f"- **{area}**")
        lines += [
            f"  - [{one.number}. {one.title}](#{one.anchor})"
            for one in decisions
            if one.area == area
        ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(index(read(PAGE.read_text())) + "\n")
