"""Observe the demo: read crawls and pauses, and note when a restarted process works again."""

import contextlib
import socket
import time

from onebox import crawl_progress
from onebox.api_client import ApiClient, ApiUnavailableError
from onebox.crawl_progress import Snapshot
from onebox.listener import HOST
from onebox.postgres.demo_database import DemoDatabase
from onebox.processes.child import Child
from onebox.processes.supervisor import Supervisor

LOOK_SECONDS = 1.0  # interval of the checks of pauses and restarted processes
PROBE_SECONDS = 1.0


class Observer:
    """At each call of `poll`, reads the progress of crawls and adds notes to the supervisor."""

    def __init__(self, supervisor: Supervisor, database: DemoDatabase, api: ApiClient) -> None:
        self._supervisor = supervisor
        self._database = database
        self._api = api
        self._api_answers = True
        self._looked_at = 0.0
        self.pauses: list[str] = []  # sentences: why all workers pause now, and the remedies

    @property
    def api_is_running(self) -> bool:
        own = (child for child in self._supervisor.children if child.spec.role == "admin-api")
        return all(child.is_running for child in own)

    def poll(self, asked: list[int], sandbox_url: str | None) -> Snapshot | None:
        """Return the progress of the crawls, or None if the admin-api does not answer.

        Adds a note to the demo's messages if the admin-api runs but does not answer.
        """
        if not self.api_is_running:
            # The admin-api is down, so send no request. A request would wait in the backlog of the
            # listening socket, which this process holds open, and would delay the restart.
            self._api_answers = False
            return None
        try:
            found = crawl_progress.poll(self._api, asked)
        except ApiUnavailableError as error:
            self._api_answers = False
            self._supervisor.note_once(str(error))
            return None
        if not self._api_answers:
            self._supervisor.note("the admin-api answers again")
        self._api_answers = True
        self._look_around(sandbox_url)
        return found

    def _look_around(self, sandbox_url: str | None) -> None:
        if time.monotonic() - self._looked_at < LOOK_SECONDS:
            return
        self._looked_at = time.monotonic()
        self.pauses = self._database.pauses.read(self._database.url)
        for end in self._database.pauses.ended:
            self._supervisor.note(end)
        if any(child.is_missed for child in self._supervisor.children):
            sessions = {word for name in self._database.connected() for word in name.split()}
            self._supervisor.note_recovered(
                lambda child: self._is_at_work(child, sessions, sandbox_url)
            )

    def _is_at_work(self, child: Child, sessions: set[str], sandbox_url: str | None) -> bool:
        if child.spec.role == "sandbox":
            return _sandbox_answers(sandbox_url or "")
        if child.spec.role == "admin-api":
            return self._api_answers
        return child.spec.env["INSTANCE_NAME"] in sessions


def _sandbox_answers(url: str) -> bool:
    place = (HOST, int(url.rpartition(":")[2] or 0))
    with contextlib.suppress(OSError), socket.create_connection(place, PROBE_SECONDS):
        return True
    return False
