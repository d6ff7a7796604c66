"""Invent authors: a fixed pool for each theme. A community's members come from the pools."""

import enum
import random
from typing import NamedTuple

from reddit_sandbox import keys, words

# The number of authors of each theme. With this number, two communities of a theme have only a part
# of their authors in common.
POOL_PER_THEME = 500
LONGEST_NAME = 20


class Standing(enum.Enum):
    """The state of an account."""

    ACTIVE = "active"
    HIDDEN = "hidden"  # the author hides the history, so its listing is empty
    SUSPENDED = "suspended"
    GONE = "gone"  # the account was deleted; the items of the account stay, without an author


# An author exists for each name that starts with one of these words and an underscore. These
# authors have no history.
SCRIPTED = {
    "hidden": Standing.HIDDEN,
    "lurker": Standing.ACTIVE,
    "suspended": Standing.SUSPENDED,
}


class Author(NamedTuple):
    number: int
    name: str
    theme: int
    standing: Standing
    created: int

    @property
    def id36(self) -> str:
        return keys.id36(900_000_000 + self.number * 7_919)


class Authors:
    """All authors, generated from a seed. `authors[n]` is the author with the number n."""

    def __init__(self, seed: int, now: int) -> None:
        self._seed = seed
        self._all: list[Author] = []
        self._by_name: dict[str, Author] = {}
        rng = keys.chance(seed, "authors")
        for theme in range(len(words.THEMES)):
            for _ in range(POOL_PER_THEME):
                self._add(
                    theme, _new_name(rng, self._by_name), now - rng.randint(90, 4500) * 86_400
                )

    def _add(self, theme: int, name: str, created: int) -> None:
        author = Author(len(self._all), name, theme, _standing(self._seed, name), created)
        self._all.append(author)
        self._by_name[name.lower()] = author

    def __getitem__(self, index: int) -> Author:
        return self._all[index]

    def __len__(self) -> int:
        return len(self._all)

    def named(self, name: str) -> Author | None:
        """Return the author with this name, or None. The case of the name does not matter.

        A name that begins with a word of SCRIPTED, such as hidden_x, always has an author.
        """
        known = self._by_name.get(name.lower())
        word = name.lower().partition("_")[0]
        if known is not None or "_" not in name or word not in SCRIPTED:
            return known
        number = len(self._all) + keys.number("scripted", name.lower()) % 1_000_000
        return Author(number, name.lower(), 0, SCRIPTED[word], self._all[0].created)

    def members_of(self, community: str, theme: int) -> list[int]:
        """Return the numbers of a community's authors, the most active first.

        Most authors belong to the community's theme, some to two other themes, a few to any theme.
        The result depends only on the community's name and the seed.
        """
        rng = keys.chance(self._seed, "members", community)
        themes = len(words.THEMES)
        found = rng.sample(self._pool(theme), rng.randint(70, 140))
        for neighbour in (theme - 1, theme + 1):
            found += rng.sample(self._pool(neighbour % themes), 12)
        found += rng.sample(range(len(self._all)), 10)
        rng.shuffle(found)
        return list(dict.fromkeys(found))

    def _pool(self, theme: int) -> range:
        return range(theme * POOL_PER_THEME, (theme + 1) * POOL_PER_THEME)


def _standing(seed: int, name: str) -> Standing:
    draw = keys.share(seed, "standing", name)
    if draw < 0.03:
        return Standing.GONE
    if draw < 0.045:
        return Standing.SUSPENDED
    if draw < 0.12:
        return Standing.HIDDEN
    return Standing.ACTIVE


def _new_name(rng: random.Random, taken: dict[str, Author]) -> str:
    while True:
        first, second = rng.choice(words.ADJECTIVES), rng.choice(words.CREATURES)
        style = rng.randrange(4)
        name = (
            f"{first.title()}{second.title()}{rng.randint(2, 999)}",
            f"{first}_{second}_{rng.randint(2, 99)}",
            f"{first}-{second}{rng.randint(10, 9999)}",
            f"{second.title()}_{first.title()}{rng.randint(2, 99)}",
        )[style]
        if len(name) <= LONGEST_NAME and name.lower() not in taken:
            return name
