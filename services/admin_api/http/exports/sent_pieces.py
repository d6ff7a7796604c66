"""Divides an export into pieces for the client, compresses them, and ends slow downloads."""

from __future__ import annotations

import errno
import math
import time
import zlib
from collections.abc import Callable, Iterable, Iterator

from admin_api.http.streaming import PIECE_BYTES, PIECE_SECONDS

# The lowest accepted average speed of a client: 16 KiB/s.
LEAST_BYTES_PER_SECOND = PIECE_BYTES / PIECE_SECONDS
# The interval, in seconds, at which a slow export sends a piece that is not full. Without these
# pieces, a proxy may close a connection that transfers no data.
FLUSH_SECONDS = 2.0
# The compression level. The level is low, because a higher level takes more than twice the time,
# and makes the export only 10 % smaller.
GZIP_LEVEL = 3
# An uncompressed block without content, in the deflate format. A block may end within a byte. But
# after a flush, the last block ends at the end of a byte, so the bytes of this block can follow.
_EMPTY_BLOCK = b"\x00\x00\x00\xff\xff"
_WITH_GZIP_HEADER = 31  # the value of `wbits` for the gzip format


class Interrupted(BrokenPipeError):
    """Ends the response without its last bytes, so that the client notices the interruption.

    gunicorn handles this error like a client that has closed the connection. So gunicorn closes the
    connection and logs no traceback.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(errno.EPIPE, reason)


def gzipped(
    contents: Iterable[bytes], clock: Callable[[], float] = time.monotonic
) -> Iterator[bytes]:
    """Yield the compressed contents. The end mark of the gzip format follows all contents.

    The compressor holds back bytes until it has enough input. So the function flushes the
    compressor after an item of `contents`, if the previous flush was FLUSH_SECONDS ago or earlier.
    If the compressor holds no bytes, the function yields an empty block.

    So the client gets bytes even while no line matches the filters. Without these bytes, the client
    or a proxy could close the connection.
    """
    compressor = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, _WITH_GZIP_HEADER)
    flushed_at = -math.inf
    for content in contents:
        view = memoryview(content)
        for begin in range(0, len(view), PIECE_BYTES):
            yield compressor.compress(view[begin : begin + PIECE_BYTES])
        if clock() - flushed_at >= FLUSH_SECONDS:
            # If no content came since the previous flush, this flush returns no bytes.
            yield compressor.flush(zlib.Z_SYNC_FLUSH) or _EMPTY_BLOCK
            flushed_at = clock()
    yield compressor.flush()


def pieces(
    contents: Iterable[bytes], clock: Callable[[], float] = time.monotonic
) -> Iterator[bytes]:
    """Yield pieces of at most PIECE_BYTES.

    The function yields the first item of `contents` at once, even if it is empty, so that the
    client gets the headers. If the items come slowly, the function yields a smaller piece after
    FLUSH_SECONDS.

    Raises Interrupted if the client is too slow. The function adds up the time in which it waits
    for the client to take pieces. The limit of this sum is PIECE_SECONDS plus the time that the
    sent bytes take at 16 KiB/s.
    """
    sent, blocked = 0, 0.0
    for piece in _cut(contents, clock):
        began = clock()
        yield piece
        sent += len(piece)
        blocked += clock() - began
        if blocked > PIECE_SECONDS + sent / LEAST_BYTES_PER_SECOND:
            raise Interrupted("the client reads too slowly")


def _cut(contents: Iterable[bytes], clock: Callable[[], float]) -> Iterator[bytes]:
    waiting, flushed_at = bytearray(), -math.inf
    for content in contents:
        view = memoryview(content)
        begin = 0
        while len(waiting) + len(view) - begin >= PIECE_BYTES:
            end = begin + PIECE_BYTES - len(waiting)
            yield bytes(waiting) + view[begin:end]
            waiting.clear()
            begin, flushed_at = end, clock()
        waiting += view[begin:]
        is_first = flushed_at == -math.inf
        if is_first or (waiting and clock() - flushed_at >= FLUSH_SECONDS):
            yield bytes(waiting)
            waiting.clear()
            flushed_at = clock()
    if waiting:
        yield bytes(waiting)
