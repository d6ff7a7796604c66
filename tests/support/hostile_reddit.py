"""A simulated Reddit that sends a hostile reply to every third request.

The other replies are good, so that workers continue and receive many hostile replies.
"""

import itertools
import json
import random
import threading
from collections import Counter
from typing import Any
from urllib.parse import parse_qs, urlsplit

from support import hostile_replies
from support.scripted_server import Exchange

ONE_IN = 3  # with more hostile replies, workers would assume an outage of Reddit and pause
CALM = "calm"  # requests for names with this word always get a good reply
BUDGET = {"x-ratelimit-used": "1", "x-ratelimit-remaining": "9999999", "x-ratelimit-reset": "600"}


class HostileReddit:
    """A script for `scripted_server.serve`. After `replies` hostile replies, all replies are good.

    The first `at_once` hostile replies are sent at the same moment.
    """

    def __init__(self, replies: int, *, at_once: int, seed: int = 0) -> None:
        self._replies = replies
        self._dice = random.Random(seed)
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._at_once = at_once
        self._largest = hostile_replies.AllAtOnce(at_once)
        self.sent: Counter[str] = Counter()

    def __call__(self, it: Exchange) -> None:
        path = urlsplit(it.path).path
        if path.endswith("/access_token"):
            it.send(200, json.dumps({"access_token": "t", "expires_in": 86400}).encode())
            return
        is_calm = CALM in path or CALM.encode() in it.body
        send = None if is_calm else self._drawn(path)
        if send is not None:
            send(it)
            return
        prefix = CALM if is_calm else ""
        given = it.body.decode() if it.command == "POST" else urlsplit(it.path).query
        reply = good(path, parse_qs(given), prefix)
        it.send(200, json.dumps(reply).encode(), **BUDGET)

    def _drawn(self, path: str) -> hostile_replies.Send | None:
        """Return a random hostile reply and count its family, or None for a good reply."""
        with self._lock:
            is_over = sum(self.sent.values()) >= self._replies
            if is_over or path == "/api/info":  # probes also request this path
                return None
            if path.endswith("/new") and self._at_once > 0:
                self._at_once -= 1
                self.sent["all at once"] += 1
                return self._largest
            if self._at_once > 0 or next(self._numbers) % ONE_IN:
                return None
            family, send = hostile_replies.draw(self._dice)
            self.sent[family] += 1
            return send


def good(path: str, query: dict[str, list[str]], prefix: str) -> Any:
    """Return a good reply. It leads the crawl to comment trees, histories and other subreddits."""
    first, name, *rest = [*path.strip("/").split("/"), "", ""]
    number = f"{prefix}{random.getrandbits(20):05x}"
    if first == "r" and rest[:1] == ["about"]:
        return thing("t5", display_name=name, subreddit_type="public", subscribers=7)
    if first == "comments":
        of_post = {"link_id": f"t3_{name}"}
        return [listing(post(name)), listing(comment(number, **of_post), more(number))]
    if path.endswith("morechildren"):
        things = [comment(number, link_id=query["link_id"][0])]
        return {"json": {"errors": [], "data": {"things": things}}}
    if "sr_name" in query:
        own = query["sr_name"][0].split(",")[-1]
        return listing(thing("t5", display_name=own, subreddit_type="public"))
    if first == "api":
        return listing(thing("t5", display_name="reddit", subreddit_type="public"))
    if first == "user" and rest[:1] == ["about"]:
        return thing("t2", name=name, id="a")
    of_whom = {"author" if first == "user" else "subreddit": name}
    if rest[:1] == ["comments"] or first == "user":
        return listing(*(comment(f"{number}{n}", **of_whom) for n in range(3)))
    return listing(*(post(f"{number}{n}", **of_whom) for n in range(3)))


def thing(kind: str, **data: Any) -> dict[str, Any]:
    return {"kind": kind, "data": data}


def listing(*children: Any) -> dict[str, Any]:
    return thing("Listing", children=list(children), after=None)


def post(number: str, **changes: str) -> dict[str, Any]:
    data = {"id": number, "num_comments": random.randint(5, 50), **written(number)}
    return thing("t3", **{**data, **changes})


def comment(number: str, **changes: str) -> dict[str, Any]:
    data = {"id": number, "link_id": f"t3_{number}", "parent_id": "t3_a", **written(number)}
    return thing("t1", **{**data, **changes})


def written(number: str) -> dict[str, Any]:
    author = f"{CALM if number.startswith(CALM) else 'author'}{number[-2:]}"
    return {"subreddit": "club", "author": author, "created_utc": 1e9}


def more(number: str) -> dict[str, Any]:
    return thing("more", id=number, parent_id="t3_a", children=[f"{number}x"], count=1)
