"""Reads an export chunk by chunk, each in a short transaction, at a limited rate."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from admin_api.http.exports import departed_client
from admin_api.http.exports.line_writers import Write
from admin_api.http.exports.sent_pieces import Interrupted
from admin_api.http.state import Drain
from crawljobs.db import call_deadline
from crawljobs.db.database import Database
from crawljobs.errors import DatabaseUnavailable
from crawljobs.repository.exports import export_chunks
from crawljobs.repository.exports.export_chunks import Chunk
from crawljobs.repository.exports.export_plan import ExportPlan, Key
from crawljobs.repository.exports.export_statement import CHUNK_ROWS, SMALL_CHUNK_ROWS
from crawljobs.runtime import logs

log = logs.get_logger(__name__)

CHUNK_SECONDS = 30.0
# An export with a lower rate reads small chunks, so that a chunk delays other statements only
# briefly.
FAST_ROWS_PER_SECOND = 20_000
_SLEEP_SECONDS = 0.5  # interval of the checks for a stop of the process and for a closed connection
_LEFT = "the client has left"


@dataclass
class ExportReader:
    """Reads the chunks of one export.

    - `rate`: the limit of rows that are read per second; None: no limit.
    - `connection`: the client's connection; None: unknown. The reader checks between chunks whether
      the client has closed the connection. A failed send would show this too, but an export whose
      filters match no line sends nothing.
    """

    database: Database
    drain: Drain
    plan: ExportPlan
    write: Write
    after: Key
    rate: int | None
    request_id: str | None
    connection: socket.socket | None = None
    lines: int = field(default=0, init=False)
    rows: int = field(default=0, init=False)

    def first(self) -> Chunk:
        """Read the first chunk. Raises DatabaseUnavailable."""
        return self._read(self.after)

    def contents(self, first: Chunk | None = None) -> Iterator[bytes]:
        """Yield the contents of all chunks. `first`: the first chunk, if the caller has read it.

        Raises Interrupted if the database fails, the process stops or the client has left.
        """
        began, outcome = time.monotonic(), _LEFT
        try:
            chunk = self.first() if first is None else first
            while True:
                self.lines += chunk.lines
                self.rows += chunk.rows
                yield chunk.content
                if chunk.last is None:
                    break
                self._wait(began)
                chunk = self._read(chunk.last)
            outcome = "complete"
        except DatabaseUnavailable as error:
            outcome = str(error)
            raise Interrupted(outcome) from error
        except Interrupted as error:
            outcome = str(error.strerror)
            raise
        finally:
            log.info(
                "export.ended",
                kind=self.plan.kind.value,
                outcome=outcome,
                lines=self.lines,
                seconds=round(time.monotonic() - began, 1),
                request_id=self.request_id,
            )

    def _read(self, after: Key) -> Chunk:
        is_fast = self.rate is None or self.rate > FAST_ROWS_PER_SECOND
        rows = CHUNK_ROWS if is_fast else SMALL_CHUNK_ROWS
        call_deadline.begin(CHUNK_SECONDS)
        try:
            return self.database.run(
                lambda conn: export_chunks.read_chunk(
                    conn, self.plan, after=after, write=self.write, rows=rows
                )
            )
        finally:
            call_deadline.end()

    def _wait(self, began: float) -> None:
        """Wait while the number of rows that were read exceeds the rate.

        Raises Interrupted if the process stops or the client has left.
        """
        until = began + (0 if self.rate is None else self.rows / self.rate)
        while not self.drain.has_begun:
            if departed_client.has_left(self.connection):
                raise Interrupted(_LEFT)
            left = until - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, _SLEEP_SECONDS))
        raise Interrupted("the process stops")
