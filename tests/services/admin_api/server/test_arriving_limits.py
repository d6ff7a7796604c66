"""The exact limits of a request that arrives: its bytes, its lines and its times."""

import itertools
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from admin_api.server import arriving_request, http_rules
from admin_api.server.arriving_request import ArrivingRequest, ReceivedBytes, State

HEAD = b"POST / HTTP/1.1\r\nHost: x\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
HEAD_LIMIT = 32_768
BODY_LIMIT = 1_114_112  # 1 MiB for the content, and 64 KiB for the sizes of chunks
LINE_LIMIT = 8_192
RATE = 16_384  # bytes of a body that the slowest client sends in a second


@pytest.fixture
def set_clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    now = [1_000.0]
    clock = SimpleNamespace(monotonic=lambda: now[0])
    monkeypatch.setattr(arriving_request, "time", clock)

    def put(seconds: float) -> None:
        now[0] = 1_000 + seconds

    return put


def after(*pieces: bytes) -> ArrivingRequest:
    request = ArrivingRequest()
    for piece in pieces:
        request.add(piece)
    return request


def whole_head(size: int) -> bytes:
    return HEAD + b"X: " + b"y" * (size - len(HEAD) - 7) + b"\r\n\r\n"


def one_line(size: int) -> bytes:
    return b"GET /" + b"x" * (size - 18) + b" HTTP/1.1\r\n\r\n"


@pytest.mark.parametrize("head", [whole_head, one_line])
@pytest.mark.parametrize("cut", [0, 1, HEAD_LIMIT // 2])
def test_a_head_may_have_32_kib(head: Callable[[int], bytes], cut: int) -> None:
    sent = head(HEAD_LIMIT)
    assert after(sent[:cut], sent[cut:]).state is State.WHOLE
    sent = head(HEAD_LIMIT + 1)
    with pytest.raises(http_rules.Refused) as refused:
        after(sent[:cut], sent[cut:])
    assert refused.value.status == (431 if head is whole_head else 414)


@pytest.mark.parametrize(("head", "status"), [(whole_head, 431), (one_line, 414)])
def test_a_head_without_an_end_is_refused_above_32_kib(
    head: Callable[[int], bytes], status: int
) -> None:
    request = after(head(HEAD_LIMIT + 100)[:HEAD_LIMIT])
    assert request.state is State.HEAD
    with pytest.raises(http_rules.Refused) as refused:
        request.add(b"x")
    assert refused.value.status == status


def test_a_body_of_a_known_length_has_its_limit() -> None:
    head = HEAD + b"Content-Length: %d\r\n\r\n"
    assert after(head % BODY_LIMIT).state is State.BODY
    assert after(head % (BODY_LIMIT + 1)).state is State.TOO_LARGE


@pytest.mark.parametrize("sent", [1, BODY_LIMIT])
def test_a_chunked_body_has_its_limit_with_its_sizes(sent: int) -> None:
    """The limit holds for the announced size, and for the bytes that have arrived."""
    size = b"%x\r\n"
    content = BODY_LIMIT - len(size % BODY_LIMIT)
    allowed = after(CHUNKED + size % content + b"x" * min(sent, content))
    assert allowed.state is State.BODY
    refused = after(CHUNKED + size % (content + 1) + b"x" * min(sent, content + 1))
    assert refused.state is State.TOO_LARGE


@pytest.mark.parametrize("before", [b"1;", b"0\r\nX:"])
def test_a_line_of_a_chunked_body_has_its_limit(before: bytes) -> None:
    """A longer line makes the end of the body unclear, whether or not the line has an end."""
    start = len(before.rpartition(b"\n")[2])
    for end in (b"", b"\r\n"):
        longest = before + b"x" * (LINE_LIMIT - start)
        assert after(CHUNKED + longest + end).state is State.BODY
        longer = after(CHUNKED + longest + b"x" + end)
        assert longer.state is State.WHOLE
        assert not longer.may_be_followed


@pytest.mark.parametrize(
    "sent",
    [
        b"\r\n\r\n",
        b"\n",
        HEAD + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\n",
        CHUNKED + b"\r\n",
        CHUNKED + b"x\r\n",
    ],
)
def test_the_parser_gets_malformed_bytes_at_once(sent: bytes) -> None:
    request = after(sent)
    assert (request.state, request.may_be_followed) == (State.WHOLE, False)


def test_a_line_of_one_letter_is_the_start_of_a_head() -> None:
    assert after(b"X\r\n").state is State.HEAD


def test_a_head_has_10_seconds(set_clock: Callable[[float], None]) -> None:
    set_clock(0)
    request = after(b"GET /")
    set_clock(3)
    request.add(b" HTTP/1.1\r\n")
    assert request.deadline == 1_010


@pytest.mark.parametrize(
    ("head_at", "bytes_at", "deadline"),
    [
        (0, [], 5),
        (4, [], 9),
        (0, [(0, RATE)], 6),
        (4, [(5, 2 * RATE)], 11),
        (0, [(0, 5 * RATE)], 10),
        (0, [(0, 5 * RATE + 1)], 10),
        (0, [(0, 6 * RATE)], 10),
        (0, [(0, 6 * RATE), (0.5, 1)], 10.5),
        (0, [(0, 20 * RATE), (9, 1)], 19),
    ],
)
def test_a_body_has_time_by_its_rate_and_10_seconds_between_pieces(
    set_clock: Callable[[float], None],
    head_at: float,
    bytes_at: list[tuple[float, int]],
    deadline: float,
) -> None:
    set_clock(0)
    request = after(HEAD)
    set_clock(head_at)
    request.add(b"Content-Length: 1000000\r\n\r\n")
    for at, size in bytes_at:
        set_clock(at)
        request.add(b"x" * size)
    assert request.deadline == 1_000 + deadline


def test_the_parser_reads_small_pieces_and_the_application_large_ones() -> None:
    """gunicorn's parser reads 8192 bytes at a time, and copies what it has not used yet."""
    request = after(HEAD + b"Content-Length: 100000\r\n\r\n" + b"x" * 100_000)
    received = ReceivedBytes(request)
    sizes = [len(received.recv(size)) for size in (1, 2_047, 8_191, 8_192, 8_193, 65_536)]
    assert sizes[:2] == [1, 2_047]
    assert max(sizes[2:4]) < 4_096
    assert sizes[4:] == [8_193, 65_536]
    rest = b"".join(itertools.takewhile(bool, iter(lambda: received.recv(65_536), None)))
    assert sum(sizes) + len(rest) == len(request.received)
