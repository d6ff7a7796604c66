"""The body of a reply is read up to its limits, plain and compressed, and not a byte beyond."""

import gzip
import zlib
from types import SimpleNamespace
from typing import Any

import pytest

from crawler_worker.reddit import crawl_failures
from crawler_worker.reddit.exchange import exchange_deadline, reply_body
from crawler_worker.reddit.exchange.large_replies import LARGE_BYTES

KIB_64 = 64 * 1024


class Reply:
    """A reply whose body comes in these pieces."""

    def __init__(self, *pieces: bytes, status: int = 200, encoding: str = "") -> None:
        self.status = status
        self.headers = {"content-encoding": encoding}
        self._pieces = list(pieces)

    def read(self, _size: int, *, decode_content: bool) -> bytes:
        assert not decode_content  # urllib3 would unpack without a limit
        return self._pieces.pop(0) if self._pieces else b""


def read(reply: Reply, *, good_max: int = 100, turns: list[float] | None = None) -> bytes:
    def enter(timeout: float) -> bool:
        if turns is not None:
            turns.append(timeout)
        return turns is not None and len(turns) == 1

    response: Any = reply
    large: Any = SimpleNamespace(enter=enter)
    with exchange_deadline.limit(60):
        return reply_body.read(response, good_max=good_max, large=large)


def empty_blocks(count: int) -> bytes:
    """Compressed data of 5 bytes a block that unpacks to nothing."""
    packer = zlib.compressobj(wbits=31)
    start = packer.flush(zlib.Z_FULL_FLUSH)
    return start + b"\x00\x00\x00\xff\xff" * count + packer.flush()


@pytest.mark.parametrize("length", [0, 1, 99, 100])
def test_a_good_body_within_the_limit_is_returned(length: int) -> None:
    body = b"a" * length
    assert read(Reply(body[:60], body[60:])) == body
    assert read(Reply(gzip.compress(body), encoding="gzip")) == body
    packed = gzip.compress(body)
    assert read(Reply(packed[:20], packed[20:], encoding="GZIP ")) == body
    assert read(Reply(body, encoding="identity")) == body


def test_a_good_body_beyond_the_limit_is_refused() -> None:
    body = bytes(101)
    for reply in (
        Reply(body),
        Reply(body[:60], body[60:]),
        Reply(gzip.compress(body), encoding="gzip"),
        Reply(empty_blocks(30), encoding="gzip"),
    ):
        with pytest.raises(crawl_failures.UpstreamTrouble, match="a reply of more than 0 KiB"):
            read(reply)


@pytest.mark.parametrize(
    ("limit", "named"), [(KIB_64, "64 KiB"), ((1 << 20) - 1, "1023 KiB"), (1 << 20, "1 MiB")]
)
def test_a_refusal_names_the_limit(limit: int, named: str) -> None:
    with pytest.raises(crawl_failures.UpstreamTrouble, match=f"more than {named}"):
        read(Reply(bytes(limit + 1)), good_max=limit)


@pytest.mark.parametrize("status", [199, 201, 404])
def test_an_error_is_cut_after_64_kib(status: int) -> None:
    for pieces in (
        (bytes(KIB_64 + 9),),
        (bytes(KIB_64), b"x"),
        (bytes(KIB_64 - 1), b"\0\0"),
        (bytes(KIB_64),),
    ):
        assert read(Reply(*pieces, status=status), good_max=5) == bytes(KIB_64)
    assert read(Reply(b"short", status=status), good_max=5) == b"short"


def test_compressed_data_must_be_complete_and_end_with_the_reply() -> None:
    packed = gzip.compress(b"some text")
    with pytest.raises(crawl_failures.UpstreamTrouble, match="cut off"):
        read(Reply(packed[:-1], encoding="gzip"))
    with pytest.raises(crawl_failures.UpstreamTrouble, match="continues after its end"):
        read(Reply(packed + b"x", encoding="gzip"))
    assert read(Reply(encoding="gzip")) == b""


@pytest.mark.parametrize("more", [0, 1])
def test_a_reply_that_becomes_large_takes_its_turn_and_ends_soon(more: int) -> None:
    turns: list[float] = []
    left: list[float] = []

    class Watched(Reply):
        def read(self, size: int, *, decode_content: bool) -> bytes:
            left.append(exchange_deadline.left())
            return super().read(size, decode_content=decode_content)

    reply = Watched(bytes(LARGE_BYTES), bytes(more), bytes(more))
    assert len(read(reply, good_max=2 * LARGE_BYTES, turns=turns)) == LARGE_BYTES + 2 * more
    # Each further piece asks again, but only the first one took the turn.
    assert len(turns) == 2 * more
    assert 50 < left[0] <= 60
    assert (left[-1] <= reply_body.LARGE_SECONDS) == bool(more)
