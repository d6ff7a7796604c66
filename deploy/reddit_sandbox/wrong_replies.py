"""Make a random share of all replies wrong, with every kind of wrong reply that a page can get.

A wrong reply may repeat for several requests of the same page, up to a limit. Then the page gives
one good reply. Some wrong replies look true, for example the reply that a community is private.
These wrong replies never repeat, because no client could recognize two in a row as wrong.
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
# The probability that a wrong reply repeats at the next request of the page.
HOLDS_ON = 0.3
# The next reply is chosen in advance for at most this number of pages. A further page replaces the
# page that was added first.
MEMORY = 10_000


class Shown(NamedTuple):
    """The number of all replies since the latest call of `begin`, and the numbers of wrong ones."""

    replies: int
    wrong: Mapping[str, int]  # number of wrong replies of each kind
    by_endpoint: Mapping[str, Mapping[str, int]]  # endpoint -> number of wrong replies of each kind


class WrongReplies:
    """Chooses wrong replies at random. Equal seeds and requests give equal choices. Thread-safe."""

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
        """Make this share of all replies wrong from now on, and set the counts to 0.

        A page gets at most `in_a_row` wrong replies in a row.
        """
        with self._lock:
            self._share, self._in_a_row = share, in_a_row
            self._dice.seed(seed)
            self._pages.clear()
            self._replies = 0
            self._wrong = {}

    def end(self) -> None:
        """Send only good replies from now on. Keep the counts of earlier replies."""
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
        """Return a wrong reply to the current request, or None if the page makes its own reply.

        Sets `flask.g.spoil` if the page's own reply must be corrupted.
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
            if left == 0:  # the page's next reply is not chosen yet
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
        """Choose the next replies of a page: a kind of wrong reply, and how many times it is sent.

        The kind None means one good reply.
        """
        kinds = wrong_kinds.KINDS[endpoint]
        # A call chooses one good reply, or a run of wrong replies with one good reply after the
        # run. So each call chooses exactly one good reply. A run has m wrong replies on average
        # (`_mean`). With the probability p of a run, a call chooses p * m wrong replies on average.
        # The share of wrong replies must be s (`_share`), so there must be s / (1 - s) wrong
        # replies for each good reply. From p * m = s / (1 - s) follows p = s / (m * (1 - s)), which
        # is s / `right`.
        right = self._mean(kinds) * (1 - self._share)
        if self._dice.random() * right >= self._share:
            return None, 0
        kind = self._dice.choice(kinds)
        times = 1
        while not kind.is_own_word and times < self._in_a_row and self._dice.random() < HOLDS_ON:
            times += 1
        return kind, times

    def _mean(self, kinds: Sequence[Kind]) -> float:
        """Return the average number of wrong replies in a run of wrong replies of these kinds."""
        held = sum(HOLDS_ON**more for more in range(self._in_a_row))
        return sum(1.0 if kind.is_own_word else held for kind in kinds) / len(kinds)

    def _remember(self, page: str, kind: Kind | None, left: int) -> None:
        self._pages[page] = (kind, left)
        if len(self._pages) > MEMORY:
            self._pages.popitem(last=False)


def _page() -> str:
    """Return the key of the requested page. For a POST, the key includes fields of the form."""
    request = flask.request
    form = request.form if request.method == "POST" else {}
    return f"{request.full_path} {form.get('link_id', '')} {form.get('children', '')}".lower()


def spoil(response: flask.Response) -> flask.Response:
    """Corrupt a page's good reply (status 200) if `WrongReplies.reply` has set `flask.g.spoil`."""
    how: Callable[[flask.Response], flask.Response] | None = flask.g.get("spoil")
    return how(response) if how is not None and response.status_code == 200 else response


def is_wrong() -> bool:
    """Return whether the current request gets a wrong reply.

    Wrong replies have no rate-limit headers. Most kinds imitate a proxy or another server in front
    of Reddit, which does not know the rate limit.
    """
    return bool(flask.g.get("is_wrong"))
