"""The state of one run: options, the client, and the output."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from crawlctl.output.visible_text import visible_lines

if TYPE_CHECKING:
    from crawlctl.configuration.connection import Connection
    from crawlctl.output.writer import Writer
    from crawlctl.rest.client import Client

RETRY_SECONDS = 30.0


@dataclass
class Session:
    """Options of the whole command line. The client and the writer are made at their first use."""

    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    profile: str | None = None
    url: str | None = None
    format: str | None = None
    local: bool = False
    no_colour: bool = False
    quiet: bool = False
    verbose: bool = False
    retry_seconds: float = RETRY_SECONDS
    poll_seconds: float | None = None  # the polls' interval, which tests set; None: the usual one

    @cached_property
    def connection(self) -> "Connection":
        """The server and its token. Raises CommandFailed if no server is chosen."""
        from crawlctl.configuration.connection import resolve

        return resolve(self.environment, url=self.url, profile=self.profile)

    @cached_property
    def client(self) -> "Client":
        """The client of the chosen server."""
        from crawlctl.rest.client import Client

        chosen = self.connection
        return Client(chosen.url, chosen.token, retry_seconds=self.retry_seconds, log=self.debug)

    @cached_property
    def writer(self) -> "Writer":
        """The writer of the data on standard output."""
        from crawlctl.output.style import Style
        from crawlctl.output.writer import Writer

        return Writer(Style(self.chosen_format, self.local, self.has_colour))

    @property
    def chosen_format(self) -> str:
        """The format that -o names. Without -o: `table` on a terminal, else `jsonl`."""
        return self.format or ("table" if sys.stdout.isatty() else "jsonl")

    @property
    def has_colour(self) -> bool:
        """Whether tables have colours: only on a terminal."""
        refused = self.no_colour or self.environment.get("NO_COLOR")
        dumb = self.environment.get("TERM") == "dumb"
        return sys.stdout.isatty() and not refused and not dumb

    def say(self, text: str) -> None:
        """Write words for people to standard error, unless -q is given."""
        if not self.quiet:
            self.complain(text)

    def debug(self, text: str) -> None:
        """Write words to standard error if -v is given."""
        if self.verbose:
            self.complain(text)

    def complain(self, text: str) -> None:
        """Write words to standard error, also with -q. Control characters become visible text."""
        sys.stderr.write(visible_lines(text) + "\n")
        sys.stderr.flush()

    def close(self) -> None:
        """Close the connections."""
        if "client" in self.__dict__:
            self.client.close()
