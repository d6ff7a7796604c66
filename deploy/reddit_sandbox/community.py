"""The posts and comments of one community, with their times, authors, scores and states.

Titles and texts are not stored. They are generated again each time an item is shown.
"""

import bisect
import itertools
import random
from typing import NamedTuple, TypeVar

from reddit_sandbox import community_ids, keys, naming
from reddit_sandbox import made_up_authors as authors_module

DAY = 86_400
# `grow` adds a post this many seconds after the creation time that the post shows.
LIVE_LEAD = 3

KEPT, DELETED, REMOVED = range(3)


class Post(NamedTuple):
    number: int
    at: int
    author: int
    score: int
    state: int
    comments: list[int]


class Comment(NamedTuple):
    number: int
    at: int
    post: int
    parent: int  # number of the parent comment; -1 for a reply to the post
    author: int
    score: int
    state: int


class Draft(NamedTuple):
    """A comment without a number. The numbers follow from the order of all comments by time."""

    at: int
    post: int
    serial: int
    parent: int  # `serial` of the parent comment in this post; -1 for a reply to the post
    author: int
    score: int
    state: int


_Item = TypeVar("_Item", Post, Comment)


class Community:
    """One community. Its items are sorted, oldest first. Hold World's lock when you call `grow`."""

    def __init__(self, seed: int, name: str, people: authors_module.Authors, now: int) -> None:
        self.key = community_ids.key(seed, name)
        self.name = naming.display(name)
        self.script = naming.script(name)
        self.theme = naming.theme(seed, name)
        self.tag = community_ids.tag(seed, name)
        self.id = community_ids.id_of(seed, name)
        self.created = now - (800 + self.key % 3_000) * DAY
        self.now = now
        self.members = people.members_of(name.lower(), self.theme)
        self._weights = list(
            itertools.accumulate((rank + 2) ** -0.7 for rank in range(len(self.members)))
        )
        self.posts: list[Post] = []
        self.comments: list[Comment] = []
        self.by_author: dict[int, tuple[list[int], list[int]]] = {}
        self._live = 0
        self._found(naming.size(seed, name))

    def rng(self, *parts: object) -> random.Random:
        """Return a random generator. Its numbers depend only on the community and on `parts`."""
        return keys.chance(self.key, *parts)

    def _found(self, size: int) -> None:
        rng = self.rng("times", size)
        span = min(rng.randint(20, 500) * DAY, self.now - self.created)
        ages = sorted((span * rng.random() ** 1.5 for _ in range(size)), reverse=True)
        drafts: list[Draft] = []
        last = self.created
        busy = set(rng.sample(range(size), min(size, 1 + size // 60)))
        for index, age in enumerate(ages):
            last = max(last + 1, self.now - 60 - int(age))
            drafts += self._write_post(index, last, self.now - last, index in busy)
        drafts.sort(key=lambda draft: (draft.at, draft.post, draft.serial))
        self._append_comments(drafts)

    def _write_post(self, index: int, at: int, age: int, busy: bool) -> list[Draft]:
        rng = self.rng("post", index)
        author = self._someone(rng)
        score = int(rng.expovariate(1 / 40)) + (rng.randint(100, 2_000) if busy else 0)
        self.posts.append(Post(index, at, author, score, _state(rng), []))
        self.by_author.setdefault(author, ([], []))[0].append(index)
        count = rng.randint(60, 350) if busy else max(0, int(rng.expovariate(1 / 5)) - 1)
        # The share of the comments that reply to the previous comment. Such comments form long
        # chains, which Reddit shortens with the stub "continue this thread".
        chains = 0.65 if busy else 0.4
        return self._write_comments(rng, index, at, min(3 * DAY, age), count, chains)

    def _write_comments(
        self, rng: random.Random, post: int, at: int, window: int, count: int, chains: float
    ) -> list[Draft]:
        offsets = sorted(1 + int(max(0, window - 2) * rng.random() ** 2) for _ in range(count))
        drafts = []
        for serial, offset in enumerate(offsets):
            draw = rng.random()
            if serial == 0 or draw < 0.2:
                parent = -1
            elif draw < 0.2 + chains:
                parent = serial - 1
            else:
                parent = rng.randrange(serial)
            score = int(rng.expovariate(1 / 8)) - 3
            drafts.append(
                Draft(at + offset, post, serial, parent, self._someone(rng), score, _state(rng))
            )
        return drafts

    def _append_comments(self, drafts: list[Draft]) -> None:
        """Append the comments in order of time.

        Each comment gets a different second, because the second determines the id.
        """
        last = self.comments[-1].at if self.comments else self.created
        for draft in drafts:
            last = max(last + 1, draft.at)
            index = len(self.comments)
            siblings = self.posts[draft.post].comments
            parent = siblings[draft.parent] if draft.parent >= 0 else -1
            siblings.append(index)
            self.comments.append(
                Comment(index, last, draft.post, parent, draft.author, draft.score, draft.state)
            )
            self.by_author.setdefault(draft.author, ([], []))[1].append(index)

    def grow(self, now: float, per_minute: float) -> None:
        """Add the posts that are due by `now`. Each post has at most two comments."""
        if per_minute <= 0 or not self.members:
            return
        while (due := self.now + (self._live + 1) * 60 / per_minute) <= now:
            newest = self.posts[-1].at if self.posts else self.created
            index, at = len(self.posts), max(int(due) - LIVE_LEAD, newest + 1)
            rng = self.rng("post", index)
            author = self._someone(rng)
            self.posts.append(Post(index, at, author, 1, KEPT, []))
            self.by_author.setdefault(author, ([], []))[0].append(index)
            self._append_comments(self._write_comments(rng, index, at, 3, rng.randrange(3), 0.4))
            self._live += 1

    def _someone(self, rng: random.Random) -> int:
        weights = self._weights
        return self.members[bisect.bisect(weights, rng.random() * weights[-1])]

    def post_at(self, at: int) -> Post | None:
        return _at(self.posts, at)

    def comment_at(self, at: int) -> Comment | None:
        return _at(self.comments, at)


def _at(items: list[_Item], at: int) -> _Item | None:
    where = bisect.bisect_left(items, at, key=lambda item: item.at)
    return items[where] if where < len(items) and items[where].at == at else None


def _state(rng: random.Random) -> int:
    draw = rng.random()
    return DELETED if draw < 0.02 else REMOVED if draw < 0.035 else KEPT
