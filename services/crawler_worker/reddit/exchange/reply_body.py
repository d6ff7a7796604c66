"""Reads the body of a reply, and limits its size in memory."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import urllib3

from crawler_worker.reddit import crawl_failures
from crawler_worker.reddit.exchange import exchange_deadline
from crawler_worker.reddit.exchange.large_replies import LARGE_BYTES, LargeReplies

# The limit to which a reply is cut if its status is not 200. The reason for an error is short.
ERROR_MAX_BYTES = 64 * 1024
# The time limit for the rest of a reply after its first LARGE_BYTES. Other threads with large
# replies wait for this reply.
LARGE_SECONDS = 20.0
PIECE_BYTES = 64 * 1024
OK = 200
GZIP = 16 + zlib.MAX_WBITS


def read(response: urllib3.BaseHTTPResponse, *, good_max: int, large: LargeReplies) -> bytes:
    """Return the body, or its first ERROR_MAX_BYTES if the status is not 200.

    Raises:

    - UpstreamTrouble: the body of a reply with status 200 has more than `good_max` bytes, the
      encoding is unknown, or the compressed data are incomplete or too long.
    - SlotTooLate: another thread reads a large reply for too long.
    - TimeoutError.
    """
    return b"".join(_pieces(response, good_max, large))


def _pieces(
    response: urllib3.BaseHTTPResponse, good_max: int, large: LargeReplies
) -> Iterator[bytes]:
    """Yield the pieces of the body. Decompress the pieces here, because urllib3 would decompress a
    small gzip reply to any size at once.
    """
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding not in ("", "identity", "gzip"):
        raise crawl_failures.UpstreamTrouble("the reply has an encoding that was not requested")
    unpack = zlib.decompressobj(GZIP) if encoding == "gzip" else None
    most = good_max if response.status == OK else ERROR_MAX_BYTES
    size = received = 0
    while piece := response.read(PIECE_BYTES, decode_content=False):
        # The compressed size is limited too, because compressed data may decompress to nothing.
        received += len(piece)
        if unpack is not None:
            piece = unpack.decompress(piece, most - size + 1)
            # Refuse bytes after the end of the compressed data, because zlib keeps all these bytes
            # in memory.
            if unpack.unused_data:
                raise crawl_failures.UpstreamTrouble("the compressed reply continues after its end")
        size += len(piece)
        if max(size, received) > most:
            if response.status != OK:
                yield piece[: max(0, len(piece) - (size - most))]
                return
            raise crawl_failures.UpstreamTrouble(f"a reply of more than {_mebibytes(most)}")
        if size > LARGE_BYTES and large.enter(exchange_deadline.left()):
            exchange_deadline.end_within(LARGE_SECONDS)
        yield piece
    if unpack is not None and received and not unpack.eof:
        raise crawl_failures.UpstreamTrouble("the compressed reply was cut off")


def _mebibytes(size: int) -> str:
    return f"{size >> 20} MiB" if size >= 1 << 20 else f"{size >> 10} KiB"
