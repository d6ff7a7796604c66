"""What a community's name decides: whether it is one at all, its script, its theme."""

import re

from reddit_sandbox import keys, words

VALID = re.compile(r"[A-Za-z0-9_]{2,21}|u_[A-Za-z0-9_-]{1,20}")

CATALOGUE = {name.lower(): name for theme in words.THEMES for name in theme.communities}
_CATALOGUE_THEME = {
    name.lower(): index for index, theme in enumerate(words.THEMES) for name in theme.communities
}

# A name that starts with one of these and an underscore asks for access that is not granted.
ACCESS = frozenset(
    (
        "banned",
        "blocked",
        "forbidden",
        "gated",
        "gateway",
        "legal",
        "missing",
        "nginx",
        "notfound",
        "portal",
        "private",
        "quarantined",
        "redirect",
        "refused",
        "scope",
    )
)
# ... for the same failure every time, by the status it gives,
STATUS = {
    "badreq": 400,
    "reqtimeout": 408,
    "toolarge": 413,
    "error": 500,
    "badgw": 502,
    "down": 503,
    "gwtimeout": 504,
    "cf520": 520,
    "cf522": 522,
}
# ... for trouble that depends on what was asked before,
PASSING = frozenset(("flaky", "hiccup", "limited", "stale"))
# ... or for a reply that is slow, never comes, or comes mangled,
MANGLED = frozenset(
    ("bomb", "cutoff", "deep", "headerless", "html", "nan", "reset", "slow", "timeout")
)
# ... one part that does not answer, while everything else is in order,
PARTS = frozenset(("badmore", "badpage", "badtree", "loop", "nocomments", "stubs"))
# ... and these for content or size out of the ordinary.
CONTENT = frozenset(("big", "empty", "hostile", "takedown", "tiny"))

# Posts of communities whose script needs several pages, or none.
SIZES = {"big": 1_500, "tiny": 5, "empty": 0, "badpage": 300, "badtree": 300}

SCRIPTS = ACCESS | frozenset(STATUS) | PASSING | MANGLED | PARTS | CONTENT
UNREADABLE = ACCESS | frozenset(STATUS) | frozenset(("timeout", "html"))


def script(name: str) -> str | None:
    """The scripted word that the name starts with, None for an ordinary community."""
    word, underscore, rest = name.lower().partition("_")
    return word if underscore and rest and word in SCRIPTS else None


def display(name: str) -> str:
    """The name as the community itself writes it, whatever case it was asked for in."""
    return CATALOGUE.get(name.lower(), name.lower())


def theme(seed: int, name: str) -> int:
    """The theme of a name: its catalogue's, that of a keyword in it, or that of its first letters,
    so that names that look related are related."""
    lower = name.lower()
    if lower in _CATALOGUE_THEME:
        return _CATALOGUE_THEME[lower]
    for index, each in enumerate(words.THEMES):
        if each.keyword in lower:
            return index
    if script(lower):
        lower = lower.partition("_")[2]
    return keys.number(seed, "theme", lower[:4]) % len(words.THEMES)


def size(seed: int, name: str) -> int:
    """How many posts the community has: mostly 40 to 300, some up to 1,500, so that a demo is quick
    and the cap of the listings is still met."""
    fixed = SIZES.get(script(name) or "")
    if fixed is not None:
        return fixed
    if name.lower().startswith("u_"):
        return 0
    rng = keys.chance(seed, "size", name.lower())
    draw = rng.random()
    if draw < 0.9 or script(name):
        return int(40 * (300 / 40) ** rng.random())
    if draw < 0.98:
        return rng.randint(300, 900)
    return rng.randint(900, 1_500)
