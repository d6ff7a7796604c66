"""A folder of Parquet files, which grows by batches of complete lines.

The file `_export.json` names the last complete batch. The files of a later batch, which a killed
process left, are deleted before the export continues.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from crawlctl import new_files
from crawlctl.exporting import parquet_tables
from crawlctl.exporting.export_request import ExportRequest, comparable, continued
from crawlctl.exporting.line_boundaries import check_length
from crawlctl.failures import CommandFailed, ExitCode

BATCH_BYTES = 8 * 2**20
STATE = "_export.json"
_PART = re.compile(r"part-(\d{6,})\.parquet")


class ParquetFolder:
    """The target of a download. `partition` is subreddit, month or None."""

    def __init__(self, path: Path, request: ExportRequest, partition: str | None) -> None:
        self.path = path
        self.request = request
        self.after: str | None = None
        self.updated_until: str | None = None
        self._partition = partition
        self._columns: list[str] = []
        self._batch = 0
        self._stored = 0
        self._lines = bytearray()
        self._waiting = 0  # number of complete lines in memory
        self._is_complete = False

    @property
    def lines(self) -> int:
        """The number of complete lines, with the lines in memory that no file has yet."""
        return self._stored + self._waiting

    def open(self, *, resume: bool) -> None:
        """Create the folder. With `resume`, continue an interrupted export in the folder.

        Raises CommandFailed if the folder cannot be used, or belongs to another export.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            if not any(self.path.iterdir()):
                self._write_state()
                return
        except OSError as error:
            raise CommandFailed(f"{self.path} cannot be used: {error.strerror}") from None
        if not resume:
            raise CommandFailed(
                f"{self.path} has files: name another folder, or continue an export with --resume.",
                ExitCode.REFUSED,
            )
        self._read_state()
        for path in self.path.rglob("part-*.parquet"):
            number = _PART.fullmatch(path.name)
            if number and int(number[1]) > self._batch:
                path.unlink()

    @property
    def has_incomplete_line(self) -> bool:
        """Whether bytes follow the last complete line."""
        return bool(self._lines) and not self._lines.endswith(b"\n")

    def write(self, piece: bytes) -> None:
        """Take bytes of the response. If the memory holds BATCH_BYTES, write the complete lines.

        Raises CommandFailed for a line that is too long.
        """
        self._lines += piece
        check_length(len(self._lines) - self._lines.rfind(b"\n") - 1)
        self._waiting += piece.count(b"\n")
        if len(self._lines) >= BATCH_BYTES:
            self._write_batch()

    def drop_incomplete_line(self) -> None:
        """Write the complete lines in memory to a file, and drop the incomplete last line."""
        self._write_batch()
        self._lines.clear()

    def keep_updated_until(self, value: str | None) -> None:
        """Store `value`, the time in a header of the first response. Ignore later values.

        With this time as `--updated-since`, the next export has only newer changes.
        """
        if self.updated_until is None:
            self.updated_until = value
            self._write_state()

    def finish(self) -> None:
        """Write the last batch, and mark the folder as complete."""
        self._write_batch()
        self._is_complete = True
        self._write_state()

    def close(self) -> None:
        """Leave the folder for --resume."""

    def _write_batch(self) -> None:
        end = self._lines.rfind(b"\n") + 1
        if end == 0:
            return
        lines = bytes(memoryview(self._lines)[:end])
        if not self._columns:
            self._columns = list(json.loads(lines[: lines.index(b"\n")]))
        table = parquet_tables.table_of(self.request.kind, self._columns, lines)
        name = f"part-{self._batch + 1:06}.parquet"
        for folder, rows in parquet_tables.partitions(table, self._partition):
            parquet_tables.write(rows, self.path / folder / name)
        last = lines[lines.rfind(b"\n", 0, end - 1) + 1 :]
        self.after = self.request.key_of(last, b"")
        self._batch += 1
        self._stored += table.num_rows
        del self._lines[:end]
        self._waiting = 0
        self._write_state()

    def _description(self) -> Mapping[str, Any]:
        query = dict(self.request.query)
        return {"kind": self.request.kind, "partition": self._partition, "query": query}

    def _write_state(self) -> None:
        content = {
            **self._description(),
            "columns": self._columns,
            "batch": self._batch,
            "lines": self._stored,
            "after": self.after,
            "updated_until": self.updated_until,
            "complete": self._is_complete,
        }
        new_files.replace(self.path / STATE, json.dumps(content) + "\n")

    def _read_state(self) -> None:
        try:
            stored = json.loads((self.path / STATE).read_text(encoding="utf-8"))
            described = {name: stored[name] for name in ("kind", "partition", "query")}
            is_same = comparable(described) == comparable(self._description())
            self._columns, self._batch = stored["columns"], stored["batch"]
            self._stored, self.after = stored["lines"], stored["after"]
            self.updated_until, self._is_complete = stored["updated_until"], stored["complete"]
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            is_same = False
        if not is_same:
            raise CommandFailed(
                f"{self.path} has no export with these options: use the same options, or another "
                "folder.",
                ExitCode.REFUSED,
            )
        if self._is_complete:
            raise CommandFailed(f"The export in {self.path} is complete.", ExitCode.REFUSED)
        self.request = continued(self.request, stored["query"])
