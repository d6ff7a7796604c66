"""A server with an export of numbered lines, which breaks the connection where a test wants."""

import csv
import io
import json
import zlib
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

from support.scripted_server import Exchange

HEAD = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
    b"Crawljobs-Updated-Until: 2026-05-04T11:59:00Z\r\n"
)
TYPES = {
    "ndjson": b"Content-Type: application/x-ndjson\r\n",
    "csv": b"Content-Type: text/csv; charset=utf-8\r\n",
}
FIELDS = ("subreddit", "created_at", "id", "title", "extra")


def rows_of(number: int) -> list[dict[str, Any]]:
    """Return rows with texts that contain line feeds and quotes."""
    titles = ('two\nlines, "quoted"', "plain", '"', "\n\n", "")
    return [
        {
            "subreddit": f"sub{n // 100}",
            "created_at": f"2026-05-04T12:00:00.{n:06}Z",
            "id": f"p{n}",
            "title": titles[n % len(titles)] + str(n),
            "extra": {"n": [n]} if n % 50 == 0 else None,
        }
        for n in range(number)
    ]


def text_of(rows: Sequence[dict[str, Any]], kind: str, *, heading: bool = True) -> bytes:
    """Return the rows as ndjson or csv."""
    if kind == "ndjson":
        return "".join(json.dumps(row) + "\n" for row in rows).encode()
    out = io.StringIO()
    writer = csv.DictWriter(out, FIELDS, lineterminator="\n")
    if heading:
        writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


class ExportServer:
    """Sends the rows after the key `after`. `cuts` has the bytes of each response; None: all."""

    def __init__(
        self, rows: list[dict[str, Any]], cuts: list[int | None], *, gzip: bool = False
    ) -> None:
        self.rows = rows
        self.cuts = cuts
        self.gzip = gzip
        self.queries: list[dict[str, list[str]]] = []
        self.hold: Callable[[Exchange], None] = Exchange.hang_up

    def __call__(self, exchange: Exchange) -> None:
        query = parse_qs(urlsplit(exchange.path).query)
        self.queries.append(query)
        after = query.get("after", [None])[0]
        keys = [f"{row['subreddit']},{row['created_at']},{row['id']}" for row in self.rows]
        rows = self.rows[keys.index(after) + 1 :] if after else self.rows
        body = text_of(rows, query["format"][0], heading=after is None)
        cut = self.cuts.pop(0) if self.cuts else None
        head = HEAD + TYPES[query["format"][0]]
        if self.gzip:
            head += b"Content-Encoding: gzip\r\n"
            packer = zlib.compressobj(6, zlib.DEFLATED, 31)
            sent = packer.compress(body[:cut]) + packer.flush(
                zlib.Z_FINISH if cut is None else zlib.Z_SYNC_FLUSH
            )
        else:
            sent = body[:cut]
        exchange.wfile.write(head + b"\r\n")
        for begin in range(0, len(sent), 1_000):
            piece = sent[begin : begin + 1_000]
            exchange.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        if cut is None:
            exchange.wfile.write(b"0\r\n\r\n")
        else:
            exchange.wfile.flush()
            self.hold(exchange)
