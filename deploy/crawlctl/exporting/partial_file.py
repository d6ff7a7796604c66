"""The unfinished file of an export, named `*.part`. The file `*.part.json` has the request."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from crawlctl import new_files
from crawlctl.exporting.export_request import ExportRequest, comparable, continued
from crawlctl.exporting.line_boundaries import LineBoundaries
from crawlctl.exporting.unfinished_file import UnfinishedFile
from crawlctl.failures import CommandFailed, ExitCode

PIECE_BYTES = 1024 * 1024


class PartialFile(UnfinishedFile):
    """An open file that grows by complete lines.

    `updated_until` is the value of the header Crawljobs-Updated-Until in the first response.
    """

    def __init__(self, path: Path, request: ExportRequest) -> None:
        super().__init__(path)
        self._state = path.with_name(f"{path.name}.part.json")
        self.request = request
        self.boundaries = LineBoundaries(has_quotes=request.is_csv)
        self.updated_until: str | None = None
        self._after: str | None = None

    def open(self, *, resume: bool) -> None:
        """Open a new file. With `resume`, open the file of an interrupted run if there is one.

        Raises CommandFailed if a new file cannot be made because its name exists, or if the file of
        the interrupted run belongs to another request.
        """
        self._check_name()
        if not resume and self._part.exists():
            raise CommandFailed(
                f"{self._part} is that of an interrupted export: continue it with --resume, or "
                "delete it.",
                ExitCode.REFUSED,
            )
        try:
            if self._part.exists():
                self._read_state()
                self._file = new_files.open_existing(self._part)
                while piece := self._file.read(PIECE_BYTES):
                    self.boundaries.feed(piece)
            else:
                self._file = self._part.open("xb+")
                self._write_state()
        except OSError as error:
            raise CommandFailed(f"{self._part} cannot be used: {error.strerror}") from None
        self.drop_incomplete_line()

    @property
    def after(self) -> str | None:
        """The key of the last complete line, or None if no line is complete."""
        return self._after

    @property
    def lines(self) -> int:
        """The number of complete lines, without the header of a CSV file."""
        return max(0, self.boundaries.lines - int(self.request.is_csv))

    @property
    def has_incomplete_line(self) -> bool:
        """Whether bytes follow the last complete line."""
        return self.boundaries.has_incomplete_line

    def write(self, piece: bytes) -> None:
        """Append bytes of the response. Raises CommandFailed for a line that is too long."""
        self._opened.write(piece)
        self.boundaries.feed(piece)

    def drop_incomplete_line(self) -> None:
        """Cut the file after its last complete line, and read the key of this line."""
        file, found = self._opened, self.boundaries
        header, line = b"", b""
        if self.lines:
            file.seek(0)
            header = file.readline() if self.request.is_csv else b""
            file.seek(found.last_begin)
            line = file.read(found.complete - found.last_begin)
            self._after = self.request.key_of(line, header)
            complete, lines = found.complete, found.lines
        else:
            # The next response begins with the header line.
            self._after, complete, lines = None, 0, 0
        file.truncate(complete)
        file.seek(complete)
        self.boundaries = LineBoundaries(has_quotes=self.request.is_csv)
        self.boundaries.begin(complete, found.last_begin, lines)

    def keep_updated_until(self, value: str | None) -> None:
        """Store `value`, the time in a header of the first response. Ignore later values.

        With this time as `--updated-since`, the next export has only newer changes.
        """
        if self.updated_until is None:
            self.updated_until = value
            self._write_state()

    def finish(self) -> None:
        """Close the complete file, and give it its final name. Delete the file of the request."""
        super().finish()
        self._state.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the file, if it is open. Delete it if it has no line that --resume could use."""
        if self._file is None:
            return
        self._file.close()
        if self.lines == 0:
            self._part.unlink(missing_ok=True)
            self._state.unlink(missing_ok=True)

    def _description(self) -> Mapping[str, Any]:
        request = self.request
        return {"kind": request.kind, "format": request.format, "query": dict(request.query)}

    def _write_state(self) -> None:
        content = {**self._description(), "updated_until": self.updated_until}
        new_files.replace(self._state, json.dumps(content) + "\n")

    def _read_state(self) -> None:
        """Continue with the stored request of the interrupted run, not with the present request.

        The two requests may differ in their rates and in their times, because `--since 30d` is
        relative to the time of the run. Raises CommandFailed if other options differ.
        """
        stored: Any = None
        try:
            stored = json.loads(self._state.read_text(encoding="utf-8"))
            self.updated_until = stored.pop("updated_until")
            is_same = comparable(stored) == comparable(self._description())
        except (OSError, ValueError, KeyError, AttributeError, TypeError):
            is_same = False
        if is_same:
            self.request = continued(self.request, stored["query"])
        else:
            raise CommandFailed(
                f"{self._part} belongs to an export with other options: use the same options, or "
                "delete it.",
                ExitCode.REFUSED,
            )
