"""The file of a graph. A broken download begins again at the first line of the graph."""

from pathlib import Path

from crawlctl import new_files
from crawlctl.exporting.export_request import ExportRequest
from crawlctl.exporting.unfinished_file import UnfinishedFile
from crawlctl.failures import CommandFailed, ExitCode


class GraphFile(UnfinishedFile):
    """The target of a download of a graph.

    During the download, the file has the suffix `.part`. A complete file gets its final name.
    """

    after = None  # an export of a graph cannot continue, so it has no key

    def __init__(self, path: Path, request: ExportRequest) -> None:
        super().__init__(path)
        self.request = request
        self.lines = 0
        self.has_incomplete_line = False
        self.updated_until: str | None = None

    def open(self, *, resume: bool) -> None:
        """Open a new file. Raises CommandFailed if `resume` is true or the file cannot be made."""
        if resume:
            raise CommandFailed(
                "A graph cannot be continued: export it without --resume.", ExitCode.USAGE
            )
        self._check_name()
        try:
            self._file = new_files.open_new(self._part)
        except OSError as error:
            raise CommandFailed(f"{self._part} cannot be used: {error.strerror}") from None

    def write(self, piece: bytes) -> None:
        """Append bytes of the response."""
        self._opened.write(piece)
        self.lines += piece.count(b"\n")
        self.has_incomplete_line = not piece.endswith(b"\n")

    def drop_incomplete_line(self) -> None:
        """Empty the file for the next response, which has the whole graph."""
        self._opened.seek(0)
        self._opened.truncate()
        self.lines = 0
        self.has_incomplete_line = False

    def keep_updated_until(self, value: str | None) -> None:
        """Ignore the header, which has the time at which the next export must begin.

        The next export of a graph has all links again, so it does not need this time.
        """

    def close(self) -> None:
        """Delete the file if it is not complete."""
        if self._file is not None:
            self._file.close()
            self._part.unlink(missing_ok=True)
