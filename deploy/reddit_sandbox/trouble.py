"""Communities with failing or corrupt replies. The first word of the name selects the fault."""

import collections
import functools
import threading
import zlib

import flask

from reddit_sandbox import answers, naming, spoilt_replies

# One of FLAKY_EVERY requests to a community named flaky_* fails.
FLAKY_EVERY = 3
# The first LIMITED_FIRST requests to a community named limited_* get the status 429.
LIMITED_FIRST = 2
# The limit of request counts in memory. There is one count for each community or page. At the
# limit, a new count replaces the count whose latest request is the oldest.
MEMORY = 10_000

# The size of a reply after decompression. The compressed reply has only a few hundred kilobytes.
BOMB_BYTES = 128 * 1024 * 1024
# The number of nested levels in a reply. Python's JSON parser accepts only about 1,000 levels.
DEEP_LEVELS = 100_000

# Pairs (text, replacement). The replacement has NaN or Infinity in place of a number. Many parsers
# accept NaN and Infinity, but these words are not valid JSON.
_NOT_NUMBERS = (
    (b'"upvote_ratio": 0.', b'"upvote_ratio": NaN, "was": 0.'),
    (b'"controversiality": 0', b'"controversiality": -Infinity'),
)


class Troubles:
    """Makes failing replies, and counts requests, because some failures depend on the count."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked: collections.OrderedDict[tuple[str, str], int] = collections.OrderedDict()

    def _count(self, name: str, what: str = "") -> int:
        """Count a request to the community `name` for the target `what`. Return the new count."""
        with self._lock:
            key = (name.lower(), what)
            self._asked[key] = count = self._asked.get(key, 0) + 1
            self._asked.move_to_end(key)
            if len(self._asked) > MEMORY:
                self._asked.popitem(last=False)
            return count

    def failure(self, script: str | None, name: str, target: str) -> flask.Response | None:
        """Return the failing reply to a request for `target`, or None if the request succeeds."""
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
    """Corrupt a good reply with the fault that the script (the community's first word) selects."""
    body = response.get_data()
    if script == "cutoff":
        # Reddit has sent complete HTTP replies whose JSON was truncated.
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
        response.response = spoilt_replies.half_of(body, connection)
        response.headers["content-length"] = str(len(body))
    return response


@functools.cache
def _bomb() -> bytes:
    """Return a gzip body of BOMB_BYTES blanks. Making it in parts saves memory."""
    packer = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)
    part = b" " * (1024 * 1024)
    packed = b"".join(packer.compress(part) for _ in range(BOMB_BYTES // len(part)))
    return packed + packer.flush()


@functools.cache
def _deep() -> bytes:
    return b"[" * DEEP_LEVELS + b"]" * DEEP_LEVELS
