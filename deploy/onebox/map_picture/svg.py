"""Write the map as an SVG document: circles for subreddits, lines for links."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from onebox.map_picture import layout

TITLE = "Subreddits with authors in common"
WIDTH, HEIGHT, MARGIN = 1200, 860, 90
TOP = 70  # height of the space for the title, in units of the picture
ATTRIBUTES = (
    f'xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
    f'font-family="system-ui, sans-serif" role="img" aria-label="{TITLE}"'
)
LEGEND_MAX = 8
# Colours of communities, which color-blind people can distinguish (Okabe and Ito).
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a5195", "#8c6d31")
NO_COMMUNITY = "#9a9a9a"
RADIUS_MIN, RADIUS_MAX = 5.0, 26.0
LABEL_SIZE = 13
LETTER_WIDTH = 0.58 * LABEL_SIZE


@dataclass(frozen=True)
class Subreddit:
    """A subreddit of the map. `size` is its number of subscribers, or 0 if this is unknown."""

    id: int
    name: str
    size: int
    community: str | None
    is_crawled: bool


@dataclass(frozen=True)
class Link:
    a: int
    b: int
    shared_authors: int
    weight: float


def document(subreddits: Sequence[Subreddit], links: Sequence[Link], *, note: str) -> str:
    """Return the SVG document. `note` is the text below the title."""
    numbers = {subreddit.id: number for number, subreddit in enumerate(subreddits)}
    places = layout.places(
        len(subreddits), [(numbers[link.a], numbers[link.b], link.weight) for link in links]
    )
    points = [
        (MARGIN + x * (WIDTH - 2 * MARGIN), TOP + MARGIN / 2 + y * (HEIGHT - TOP - 2 * MARGIN))
        for x, y in places
    ]
    colours = _colours(subreddits)
    radii = _radii(subreddits)
    points = layout.apart(points, radii)
    parts = [
        f"<svg {ATTRIBUTES}>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<text x="24" y="38" font-size="22" font-weight="600" fill="#1a1a1a">{TITLE}</text>',
        f'<text x="24" y="60" font-size="13" fill="#555555">{escape(note)}</text>',
        *_lines(links, numbers, points, subreddits),
        *_circles(subreddits, points, radii, colours),
        *_labels(subreddits, points, radii),
        *_legend(colours),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _colours(subreddits: Sequence[Subreddit]) -> dict[str, str]:
    """Return a colour for each community. Large communities get the first colours of PALETTE."""
    members: dict[str, int] = {}
    for subreddit in subreddits:
        if subreddit.community is not None:
            members[subreddit.community] = members.get(subreddit.community, 0) + 1
    ordered = sorted(members, key=lambda name: (-members[name], name))
    return {name: PALETTE[place % len(PALETTE)] for place, name in enumerate(ordered)}


def _radii(subreddits: Sequence[Subreddit]) -> list[float]:
    """Return the radius of each circle, which grows with the square root of the subscribers."""
    largest = max((subreddit.size for subreddit in subreddits), default=0) or 1
    return [
        RADIUS_MIN + (RADIUS_MAX - RADIUS_MIN) * math.sqrt(subreddit.size / largest)
        for subreddit in subreddits
    ]


def _lines(
    links: Sequence[Link],
    numbers: Mapping[int, int],
    points: Sequence[tuple[float, float]],
    subreddits: Sequence[Subreddit],
) -> list[str]:
    heaviest = max((link.weight for link in links), default=1.0)
    lines = []
    for link in sorted(links, key=lambda link: link.weight):
        one, other = numbers[link.a], numbers[link.b]
        (x1, y1), (x2, y2) = points[one], points[other]
        share = link.weight / heaviest
        title = (
            f"r/{subreddits[one].name} and r/{subreddits[other].name}: "
            f"{link.shared_authors:,} shared authors, weight {link.weight:.3f}"
        )
        lines.append(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="#8a8f98" '
            f'stroke-width="{0.6 + 4 * share:.2f}" stroke-opacity="{0.15 + 0.5 * share:.2f}">'
            f"<title>{escape(title)}</title></line>"
        )
    return lines


def _circles(
    subreddits: Sequence[Subreddit],
    points: Sequence[tuple[float, float]],
    radii: Sequence[float],
    colours: Mapping[str, str],
) -> list[str]:
    circles = []
    for subreddit, (x, y), radius in zip(subreddits, points, radii, strict=True):
        colour = colours.get(subreddit.community or "", NO_COMMUNITY)
        fill = colour if subreddit.is_crawled else "#ffffff"
        crawled = "" if subreddit.is_crawled else ", not crawled yet"
        title = f"r/{subreddit.name}: {subreddit.size:,} subscribers{crawled}"
        circles.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{fill}" '
            f'fill-opacity="0.9" stroke="{colour}" stroke-width="2">'
            f"<title>{escape(title)}</title></circle>"
        )
    return circles


def _labels(
    subreddits: Sequence[Subreddit],
    points: Sequence[tuple[float, float]],
    radii: Sequence[float],
) -> list[str]:
    """Return the names as SVG texts: crawled subreddits first, then by size, the largest first.

    A name that would cover an earlier name is left out. The title of the circle still has the name.
    """
    order = sorted(
        range(len(subreddits)),
        key=lambda number: (not subreddits[number].is_crawled, -radii[number], number),
    )
    boxes: list[tuple[float, float, float, float]] = []
    labels = []
    for number in order:
        name = f"r/{subreddits[number].name}"
        half = LETTER_WIDTH * len(name) / 2
        x = min(max(points[number][0], half + 6), WIDTH - half - 6)
        y = points[number][1] + radii[number] + LABEL_SIZE
        box = (x - half, y - LABEL_SIZE, x + half, y + 3)
        if any(_overlap(box, other) for other in boxes):
            continue
        boxes.append(box)
        labels.append(
            f'<text x="{x:.1f}" y="{y:.1f}" font-size="{LABEL_SIZE}" text-anchor="middle" '
            'fill="#1a1a1a" stroke="#ffffff" stroke-width="3" paint-order="stroke">'
            f"{escape(name)}</text>"
        )
    return labels


def _overlap(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _legend(colours: Mapping[str, str]) -> list[str]:
    """Return the names of the largest communities with their colours, in a row at the bottom."""
    parts, x = [], 24.0
    for name, colour in list(colours.items())[:LEGEND_MAX]:
        text = f"community of r/{name}"
        width = 26 + LETTER_WIDTH * len(text) + 16
        if x + width > WIDTH:
            break
        y = HEIGHT - 24
        parts.append(
            f'<circle cx="{x + 7:.1f}" cy="{y - 4}" r="7" fill="{colour}"/>'
            f'<text x="{x + 20:.1f}" y="{y}" font-size="{LABEL_SIZE}" fill="#333333">'
            f"{escape(text)}</text>"
        )
        x += width
    return parts
