"""Read the decisions of shared/DECISIONS.md, and create the index of the page.

`python -m support.decisions` prints the index. After a change, copy it to the top of the page.
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
        """Return the anchor that GitHub creates for the heading."""
        return re.sub(r"[^\w\- ]", "", f"{self.number} {self.title}".lower()).replace(" ", "-")


def read(text: str) -> list[Decision]:
    """Return the page's decisions in order. Headings of another form are left out."""
    areas = re.split(r"^## (.+)\n", text, flags=re.MULTILINE)[1:]
    return [
        Decision(int(number), title, area, status)
        for area, entries in zip(areas[::2], areas[1::2], strict=True)
        for number, title, status in ENTRY.findall(entries)
    ]


def index(decisions: list[Decision]) -> str:
    """Return a Markdown list of the areas. Each area has links to its decisions."""
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
