"""Communities whose replies fail or come mangled, by the first word of their name."""

import collections
import functools
import threading
import zlib

import flask

from reddit_sandbox import answers, naming, wrong_kinds

# Every one in this many requests to a flaky community fails.
FLAKY_EVERY = 3
# The first requests to a limited community that are told to wait.
LIMITED_FIRST = 2
# Things remembered about what was asked; the oldest are forgotten.
MEMORY = 10_000

# A reply of a few hundred kilobytes that unfolds to this many bytes.
BOMB_BYTES = 128 * 1024 * 1024
# Python's own reader manages about a thousand levels.
DEEP_LEVELS = 100_000

# What makes a page of posts or comments no JSON, though many readers take it for JSON.
_NOT_NUMBERS = (
    (b'"upvote_ratio": 0.', b'"upvote_ratio": NaN, "was": 0.'),
    (b'"controversiality": 0', b'"controversiality": -Infinity'),
)


class Troubles:
    """Failures, of which some depend on what was asked before. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked: collections.OrderedDict[tuple[str, str], int] = collections.OrderedDict()

    def _count(self, name: str, what: str = "") -> int:
        """How often this was asked, this time included."""
        with self._lock:
            key = (name.lower(), what)
            self._asked[key] = count = self._asked.get(key, 0) + 1
            self._asked.move_to_end(key)
            if len(self._asked) > MEMORY:
                self._asked.popitem(last=False)
            return count

    def failure(self, script: str | None, name: str, target: str) -> flask.Response | None:
        """The failing reply to a request for `target`, None when it goes through."""
        if script in naming.STATUS:
            status = naming.STATUS[script]
            return answers.error(status) if status < 408 else answers.gateway_error(status)
        if script == "flaky" and self._count(name) % FLAKY_EVERY == 0:
            return answers.gateway_error(503)
        if script == "hiccup" and self._count(name, target) == 1:
            return answers.gateway_error(503)
        if script == "limited" and self._count(name) <= LIMITED_FIRST:
            return answers.too_many_requests()
        if script == "stale" and self._count(name) == 1:
            return answers.unauthorized()
        if script == "html":
            return answers.page(200)
        return None


def mangle(script: str, response: flask.Response) -> flask.Response:
    """A good reply, spoilt on its way."""
    body = response.get_data()
    if script == "cutoff":
        # As recorded: a JSON text that ends too early, delivered whole.
        response.set_data(body[: len(body) * 2 // 3])
    elif script == "nan":
        for sound, unsound in _NOT_NUMBERS:
            body = body.replace(sound, unsound)
        response.set_data(body)
    elif script == "bomb":
        response.set_data(_bomb())
        response.headers["content-encoding"] = "gzip"
    elif script == "deep":
        response.set_data(body.replace(b'"kind"', b'"deep": ' + _deep() + b', "kind"', 1))
    elif script == "reset":
        connection = flask.request.environ.get("gunicorn.socket")
        response.response = wrong_kinds.broken_off(body, connection)
        response.headers["content-length"] = str(len(body))
    return response


@functools.cache
def _bomb() -> bytes:
    """Made in parts, so that it does not take here what it is meant to waste there."""
    packer = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)
    part = b" " * (1024 * 1024)
    packed = b"".join(packer.compress(part) for _ in range(BOMB_BYTES // len(part)))
    return packed + packer.flush()


@functools.cache
def _deep() -> bytes:
    return b"[" * DEEP_LEVELS + b"]" * DEEP_LEVELS
