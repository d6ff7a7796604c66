"""An export is sent in pieces. Its compression ends only with the export, a slow reader ends it."""

import gzip
import zlib
from collections.abc import Iterator

import pytest

from admin_api.http.exports import sent_pieces
from admin_api.http.exports.sent_pieces import Interrupted
from admin_api.http.streaming import PIECE_BYTES, PIECE_SECONDS


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    "sizes", [[], [1], [PIECE_BYTES], [PIECE_BYTES + 1], [3 * PIECE_BYTES + 5, 7], [100] * 9_999]
)
def test_pieces_have_all_bytes_in_order(sizes: list[int]) -> None:
    contents = [bytes([n % 251]) * size for n, size in enumerate(sizes)]
    found = list(sent_pieces.pieces(contents))
    assert b"".join(found) == b"".join(contents)
    # The first content is sent at once. The pieces between it and the last one are whole.
    assert all(len(piece) == PIECE_BYTES for piece in found[1:-1])
    assert all(0 < len(piece) <= PIECE_BYTES for piece in found)


def test_the_compression_has_an_end_only_after_the_last_content() -> None:
    contents = [bytes(PIECE_BYTES * 2), b"end"]
    whole = list(sent_pieces.gzipped(contents))
    assert gzip.decompress(b"".join(whole)) == b"".join(contents)
    unpacker = zlib.decompressobj(31)
    unpacker.decompress(b"".join(whole[:-1]))
    assert not unpacker.eof


def test_a_compressed_export_has_data_also_while_no_line_matches() -> None:
    clock, unpacker = Clock(), zlib.decompressobj(31)
    contents = [*[b""] * 9, b"first", *[b""] * 9, b"x" * 99, b"last", b"", b""]

    def slowly() -> "Iterator[bytes]":
        for content in contents:
            clock.now += sent_pieces.FLUSH_SECONDS
            yield content

    pieces, found = list(sent_pieces.pieces(sent_pieces.gzipped(slowly(), clock), clock)), b""
    assert len(pieces) > len(contents)
    for piece in pieces:
        assert piece
        found += unpacker.decompress(piece)
    assert (found, unpacker.eof) == (b"".join(contents), True)
    assert next(sent_pieces.pieces(iter([b"", b"late"]), clock)) == b"", "the headers are sent"


@pytest.mark.parametrize(("kib_per_second", "is_slow"), [(20, False), (12, True)])
def test_a_reader_below_16_kib_a_second_is_cut_off(kib_per_second: int, is_slow: bool) -> None:
    """Also if it takes each single piece in time."""
    clock, taken = Clock(), 0
    try:
        for piece in sent_pieces.pieces((bytes(100_000) for _ in range(2_000)), clock):
            taken += len(piece)
            clock.now += len(piece) / 1024 / kib_per_second
    except Interrupted:
        assert is_slow
        assert clock.now < 10 * PIECE_SECONDS
    else:
        assert not is_slow
        assert taken == 200_000_000


def test_the_time_of_the_database_does_not_count() -> None:
    clock = Clock()

    def slowly() -> "list[bytes]":
        clock.now += 1_000
        return [b"x"]

    contents = (content for _ in range(5) for content in slowly())
    # After a silence, the content is sent although it is short.
    assert list(sent_pieces.pieces(contents, clock)) == [b"x"] * 5
