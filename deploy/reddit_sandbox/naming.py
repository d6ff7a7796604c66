"""The properties that follow from a community's name: validity, script, theme and size.

A script is the first word of some names, such as `flaky`. It selects a fault or special content.
"""

import re

from reddit_sandbox import keys, words

VALID = re.compile(r"[A-Za-z0-9_]{2,21}|u_[A-Za-z0-9_-]{1,20}")

CATALOGUE = {name.lower(): name for theme in words.THEMES for name in theme.communities}
_CATALOGUE_THEME = {
    name.lower(): index for index, theme in enumerate(words.THEMES) for name in theme.communities
}

# The scripts of communities that refuse access. A script is a word at the start of a name, before
# an underscore.
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
# The status of all replies of a community, by the community's script.
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
# Scripts with which a community's faults depend on earlier requests.
PASSING = frozenset(("flaky", "hiccup", "limited", "stale"))
# Scripts with which a community's replies are slow, missing or corrupt.
MANGLED = frozenset(
    ("bomb", "cutoff", "deep", "headerless", "html", "nan", "reset", "slow", "timeout")
)
# Scripts with which one part of a community fails and all other parts work.
PARTS = frozenset(("badmore", "badpage", "badtree", "loop", "nocomments", "stubs"))
# Scripts with which a community has unusual content or an unusual size.
CONTENT = frozenset(("big", "empty", "hostile", "media", "takedown", "tiny"))

# Maps a script to the number of posts of a community with this script.
SIZES = {"big": 1_500, "tiny": 5, "empty": 0, "badpage": 300, "badtree": 300}

SCRIPTS = ACCESS | frozenset(STATUS) | PASSING | MANGLED | PARTS | CONTENT
UNREADABLE = ACCESS | frozenset(STATUS) | frozenset(("timeout", "html"))


def script(name: str) -> str | None:
    """Return the script at the start of the name, or None for an ordinary community."""
    word, underscore, rest = name.lower().partition("_")
    return word if underscore and rest and word in SCRIPTS else None


def display(name: str) -> str:
    """Return the name in the spelling that the community uses, with its upper and lower case."""
    return CATALOGUE.get(name.lower(), name.lower())


def theme(seed: int, name: str) -> int:
    """Return the theme of a name: from the catalogue, or from a keyword in the name.

    Other names get a theme by their first four letters, so that similar names belong together.
    """
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
    """Return the number of posts: mostly 40 to 300, so that a demo is quick.

    Some communities have up to 1,500 posts, so that their listings reach the maximal length.
    """
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
