"""Downloads an export, and continues it after the last complete line when the connection breaks."""

import time
from collections.abc import Callable
from typing import Protocol

from urllib3.exceptions import HTTPError

from crawlctl.exporting import checked_response
from crawlctl.exporting.export_request import ExportRequest
from crawlctl.exporting.progress import Progress
from crawlctl.failures import CommandFailed, ExitCode
from crawlctl.rest import repetition
from crawlctl.rest.client import Client
from crawlctl.rest.problem import Refused

UPDATED_UNTIL = "Crawljobs-Updated-Until"
PAUSE_SECONDS = 1.0


class Target(Protocol):
    """A file or folder to which an export is written. It grows by complete lines."""

    request: ExportRequest

    @property
    def after(self) -> str | None:
        """The key of the last complete line."""

    @property
    def lines(self) -> int:
        """The number of complete lines."""

    @property
    def has_incomplete_line(self) -> bool:
        """Whether bytes follow the last complete line."""

    def write(self, piece: bytes) -> None:
        """Append bytes of the response."""

    def drop_incomplete_line(self) -> None:
        """Remove the bytes after the last complete line."""

    def keep_updated_until(self, value: str | None) -> None:
        """Store the header UPDATED_UNTIL of the first response, and ignore later values."""


def download(
    client: Client,
    file: Target,
    progress: Progress,
    *,
    retry_seconds: float,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Download until the response ends properly.

    Raises Refused for an error status. Raises CommandFailed after `retry_seconds` without a new
    line. The user can then continue the export with --resume.
    """
    lines, progress_at = file.lines, time.monotonic()
    while True:
        pause = PAUSE_SECONDS
        try:
            _one_response(client, file, progress)
            return
        except Refused as refused:
            if refused.status not in repetition.STATUSES:
                raise
            reason, pause = str(refused), max(pause, refused.retry_after or 0.0)
        except HTTPError as error:
            is_own = isinstance(error, checked_response.NotComplete)
            reason = str(error) if is_own else f"the connection broke ({type(error).__name__})"
        except CommandFailed as failed:
            if failed.code is not ExitCode.UNREACHABLE:
                raise
            reason = str(failed)
        file.drop_incomplete_line()
        if file.lines > lines:
            lines, progress_at = file.lines, time.monotonic()
        if time.monotonic() + pause > progress_at + retry_seconds:
            raise CommandFailed(
                f"The export is not complete after {file.lines:,} lines: {reason}. Continue it "
                "with --resume.",
                ExitCode.UNREACHABLE,
            )
        progress.note(f"{reason}; continuing after {file.lines:,} lines")
        sleep(pause)


def _one_response(client: Client, file: Target, progress: Progress) -> None:
    request = file.request
    with client.stream(request.path, request.parameters(file.after)) as response:
        checked_response.check_type(response, request.format, client.url)
        file.keep_updated_until(response.headers.get(UPDATED_UNTIL))
        for piece in checked_response.contents(response):
            file.write(piece)
            progress.show_lines(file.lines)
    if file.has_incomplete_line:
        raise checked_response.NotComplete("the last line is not complete")
