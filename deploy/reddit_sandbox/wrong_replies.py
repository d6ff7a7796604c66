"""Wrong replies at random: a share of all replies, of every kind that a page can get.

A wrong reply may repeat for several requests of the same page. Then the page gives one good reply,
so that no page is wrong more often in a row than the configured limit. A reply that Reddit itself
could send about a community, post, author or request never repeats: after two of them no client
could distinguish it from the truth.
"""

import collections
import random
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import flask

from reddit_sandbox import wrong_kinds
from reddit_sandbox.wrong_kinds import Kind

IN_A_ROW_MAX = 20
# After a wrong reply that may repeat: the chance that the page's next reply is wrong too.
HOLDS_ON = 0.3
# The limit of pages with a pending wrong or good reply; the oldest are dropped.
MEMORY = 10_000


class Shown(NamedTuple):
    """The number of replies since the start, and of wrong replies among them."""

    replies: int
    wrong: Mapping[str, int]  # by kind
    by_endpoint: Mapping[str, Mapping[str, int]]  # wrong ones


class WrongReplies:
    """Draws wrong replies: the same seed and sequence of requests give the same. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._share = 0.0
        self._in_a_row = 1
        self._dice = random.Random(0)  # noqa: S311 - made-up trouble, not secrets
        self._pages: collections.OrderedDict[str, tuple[Kind | None, int]]
        self._pages = collections.OrderedDict()
        self._replies = 0
        self._wrong: dict[str, collections.Counter[str]] = {}

    def begin(self, *, share: float, seed: int, in_a_row: int) -> None:
        """From now on `share` of the replies are wrong, one page at most `in_a_row` times in a row.
        The counts start at 0."""
        with self._lock:
            self._share, self._in_a_row = share, in_a_row
            self._dice.seed(seed)
            self._pages.clear()
            self._replies = 0
            self._wrong = {}

    def end(self) -> None:
        """Stop wrong replies; the counts stay."""
        with self._lock:
            self._share = 0.0
            self._pages.clear()

    def shown(self) -> Shown:
        with self._lock:
            kinds: collections.Counter[str] = collections.Counter()
            for counted in self._wrong.values():
                kinds += counted
            by_endpoint = {name: dict(counted) for name, counted in sorted(self._wrong.items())}
            return Shown(self._replies, dict(sorted(kinds.items())), by_endpoint)

    def reply(self) -> flask.Response | None:
        """The wrong reply to the running request, None when its own is to be given.

        Leaves `flask.g.spoil` when its own is to be spoilt.
        """
        if not self._share:
            return None
        endpoint = wrong_kinds.endpoint_of(flask.request.path)
        kind = self._draw(endpoint, _page())
        if kind is None:
            return None
        flask.g.is_wrong = True
        if kind.spoil is not None:
            flask.g.spoil = kind.spoil
            return None
        return kind.make()

    def _draw(self, endpoint: str, page: str) -> Kind | None:
        with self._lock:
            if not self._share:
                return None
            self._replies += 1
            kind, left = self._pages.pop(page, (None, 0))
            if left == 0:  # otherwise the page is still wrong, or its good reply is due
                kind, left = self._begin_one(endpoint)
            left -= 1
            if left > 0:
                self._remember(page, kind, left)
            elif kind is not None:
                self._remember(page, None, 1)
            if kind is not None:
                self._wrong.setdefault(endpoint, collections.Counter())[kind.name] += 1
            return kind

    def _begin_one(self, endpoint: str) -> tuple[Kind | None, int]:
        """The kind of the wrong reply and its number of repetitions; None for a right reply."""
        kinds = wrong_kinds.KINDS[endpoint]
        right = self._mean(kinds) * (1 - self._share)  # replies for each wrong one that begins
        if self._dice.random() * right >= self._share:
            return None, 0
        kind = self._dice.choice(kinds)
        times = 1
        while not kind.is_own_word and times < self._in_a_row and self._dice.random() < HOLDS_ON:
            times += 1
        return kind, times

    def _mean(self, kinds: Sequence[Kind]) -> float:
        """The average number of consecutive wrong replies."""
        held = sum(HOLDS_ON**more for more in range(self._in_a_row))
        return sum(1.0 if kind.is_own_word else held for kind in kinds) / len(kinds)

    def _remember(self, page: str, kind: Kind | None, left: int) -> None:
        self._pages[page] = (kind, left)
        if len(self._pages) > MEMORY:
            self._pages.popitem(last=False)


def _page() -> str:
    """The key of a page: equal for requests of the same page; a POST includes its form."""
    request = flask.request
    form = request.form if request.method == "POST" else {}
    return f"{request.full_path} {form.get('link_id', '')} {form.get('children', '')}".lower()


def spoil(response: flask.Response) -> flask.Response:
    """The page's own good reply, corrupted as drawn."""
    how: Callable[[flask.Response], flask.Response] | None = flask.g.get("spoil")
    return how(response) if how is not None and response.status_code == 200 else response


def is_wrong() -> bool:
    """Whether the current request gets a wrong reply.

    Wrong replies have no rate-limit headers: most would come from a server other than Reddit's.
    """
    return bool(flask.g.get("is_wrong"))
