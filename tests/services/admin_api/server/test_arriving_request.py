"""The server finds the end of a request at the same byte, in whatever pieces the bytes arrive."""

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admin_api.http.request.request_body import BodyTooLarge
from admin_api.server import arriving_body, arriving_request, http_rules
from admin_api.server.arriving_request import ArrivingRequest, ReceivedBytes, State

HEAD = b"POST / HTTP/1.1\r\nHost: x\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
NEXT = b"GET / HTTP/1.1\r\n"
WHOLE = {
    "without a body": HEAD + b"\r\n",
    "of a known length": HEAD + b"Content-Length: 5\r\n\r\nhello",
    "of length 0": HEAD + b"content-length:0\r\n\r\n",
    "an empty line before it": b"\r\n" + HEAD + b"Content-Length: 1\r\n\r\nx",
    "chunked": CHUNKED + b"5\r\nhello\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n",
    "chunked with trailers": CHUNKED + b"1\r\nx\r\n000\r\nX: y\r\nZ: 0\r\n\r\n",
    "chunked as it looks inside": CHUNKED + b"c\r\n0\r\n\r\n0\r\n\r\n12\r\n0\r\n\r\n",
}
UNCLEAR = {
    "two lengths": HEAD + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\n",
    "a length and chunks": HEAD + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    "no number": HEAD + b"Content-Length: 1e3\r\n\r\n",
    "another coding": HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n",
    "no size": CHUNKED + b"xyz\r\n",
    "a blank after the size": CHUNKED + b"1 \r\nx\r\n0\r\n\r\n",
    "no line end after a chunk": CHUNKED + b"1\r\nxyz0\r\n\r\n",
    "half a line end after a chunk": CHUNKED + b"1\r\nx\r0\r\n\r\n",
    "a bare newline after a chunk": CHUNKED + b"1\r\nx\n0\r\n\r\n",
    "a bare newline in an extension": CHUNKED + b"1;x\ny\r\nx\r\n0\r\n\r\n",
    "a bare newline in a trailer": CHUNKED + b"0\r\nX: y\n\nGET / HTTP/1.1\r\n\r\n",
    "a bare return in a trailer": CHUNKED + b"0\r\nX: y\rZ: 0\r\n\r\n",
    "a trailer without a name": CHUNKED + b"0\r\n: y\r\n\r\n",
    "a folded trailer": CHUNKED + b"0\r\nX: y\r\n z\r\n\r\n",
    "a trailer that is none": CHUNKED + b"0\r\nGET / HTTP/1.1\r\n\r\n",
    "an endless trailer": CHUNKED + b"0\r\nX: " + b"x" * 20_000,
    "an endless size": CHUNKED + b"1;" + b"x" * 20_000,
    "a bare newline": HEAD + b"X: y\n",
}


def in_pieces(sent: bytes, cuts: list[int]) -> ArrivingRequest:
    request = ArrivingRequest()
    places = sorted({0, len(sent), *(cut % (len(sent) + 1) for cut in cuts)})
    for begin, end in pairwise(places):
        if request.is_over:
            request.behind += sent[begin:end]
        else:
            request.add(sent[begin:end])
    return request


@pytest.mark.parametrize("sent", WHOLE.values(), ids=WHOLE)
@given(cuts=st.lists(st.integers(0, 500), max_size=20))
def test_it_ends_where_it_ends(sent: bytes, cuts: list[int]) -> None:
    request = in_pieces(sent + NEXT, cuts)
    assert request.state is State.WHOLE
    assert request.may_be_followed
    assert (bytes(request.received), request.behind) == (sent, NEXT)
    for length in range(len(sent)):
        assert not in_pieces(sent[:length], cuts).is_over


@pytest.mark.parametrize("sent", UNCLEAR.values(), ids=UNCLEAR)
@given(cuts=st.lists(st.integers(0, 500), max_size=20))
def test_nothing_follows_one_that_is_unclear(sent: bytes, cuts: list[int]) -> None:
    request = in_pieces(sent + NEXT, cuts)
    assert request.is_over
    assert not request.may_be_followed


def test_a_head_and_a_body_have_their_limits() -> None:
    for head, status in ((b"G" * 40_000, 414), (HEAD + b"X: y\r\n" * 9_000, 431)):
        for pieces in ([head], [head[:20_000], head[20_000:]]):
            request = ArrivingRequest()
            with pytest.raises(http_rules.Refused) as refused:
                for piece in pieces:
                    request.add(piece)
            assert refused.value.status == status
    for sent in (
        HEAD + b"Content-Length: 99999999\r\n\r\n",
        HEAD + b"Content-Length: " + b"9" * 900 + b"\r\n\r\n",
        CHUNKED + b"1\r\nx\r\n" * 400_000,
        CHUNKED + b"1\r\nx\r\nfffffff\r\nx",
        CHUNKED + b"fffffffffff\r\n",
        CHUNKED + b"0\r\n" + b"X: y\r\n" * 400_000,
    ):
        request = in_pieces(sent, list(range(0, len(sent), 60_000)))
        assert request.state is State.TOO_LARGE
        assert len(request.received) < arriving_body.BODY_BYTES + 100_000


def test_a_body_has_time_as_its_bytes_take_at_the_lowest_rate() -> None:
    request = ArrivingRequest()
    request.add(HEAD + b"Content-Length: 100000\r\n\r\n")
    grace = arriving_request.BODY_GRACE_SECONDS
    assert request.deadline - time.monotonic() == pytest.approx(grace, abs=1)
    request.add(b"x" * arriving_request.BODY_BYTES_PER_SECOND * 3)
    assert request.deadline - time.monotonic() == pytest.approx(grace + 3, abs=1)
    # The client sends nothing after these bytes.
    request.add(b"x" * arriving_request.BODY_BYTES_PER_SECOND)
    request.add(b"x" * arriving_request.BODY_BYTES_PER_SECOND)
    silence = arriving_request.SILENCE_SECONDS
    assert request.deadline - time.monotonic() == pytest.approx(silence, abs=1)


def test_only_a_client_of_http_1_1_is_told_to_go_on() -> None:
    for version, waits in ((b"1.1", True), (b"1.0", False)):
        request = ArrivingRequest()
        request.add(HEAD.replace(b"1.1", version) + b"Expect: 100-continue\r\n")
        assert not request.waits_to_send
        request.add(b"Content-Length: 9\r\n\r\n")
        assert request.waits_to_send is waits
        request.add(b"abc")
        assert not request.waits_to_send


def test_the_parser_is_never_kept_waiting_and_learns_why_there_is_no_more() -> None:
    for state, then in (
        (State.WHOLE, None),
        (State.BROKEN_OFF, None),
        (State.TOO_LARGE, BodyTooLarge),
        (State.LATE, TimeoutError),
    ):
        request = ArrivingRequest()
        request.add(HEAD + b"Content-Length: 9\r\n\r\nabc")
        request.stop(state)
        received = ReceivedBytes(request)
        read = b""
        while len(read) < len(request.received):
            read += received.recv(10_000)
        assert read == bytes(request.received)
        if then is None:
            assert received.recv(1) == b""
        else:
            with pytest.raises(then):
                received.recv(1)


def test_to_find_the_end_takes_time_in_proportion() -> None:
    def seconds(size: int, unit: bytes, piece: int) -> float:
        sent = CHUNKED + unit * (size // len(unit))
        began = time.process_time()
        request = ArrivingRequest()
        for begin in range(0, len(sent), piece):
            request.add(sent[begin : begin + piece])
        return time.process_time() - began

    for unit, piece in (
        (b"1\r\nx\r\n", 65_536),
        (b"1\r\nx\r\n", 100),
        (b"1;x\r\n\n\r\n", 65_536),
        (b"1;" + b"x" * 8_000 + b"\r\nx\r\n", 10),
    ):
        small, large = (
            min(seconds(size, unit, piece) for _ in range(3)) for size in (250_000, 500_000)
        )
        assert large < 2.5 * small + 0.01, unit
