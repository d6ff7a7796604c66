"""Start and stop all processes of a demo, in an order that lets workers claim jobs early."""

import contextlib
import json
import secrets
import socket
import time
from collections.abc import Callable
from pathlib import Path

from onebox import reddit_source
from onebox.api_client import ApiClient, ApiUnavailableError
from onebox.crawl_progress import Snapshot
from onebox.demo_errors import OneboxError
from onebox.listener import HOST
from onebox.observer import Observer
from onebox.plan import Plan
from onebox.postgres import data_folder
from onebox.postgres.data_folder import DataFolder
from onebox.postgres.demo_database import DemoDatabase
from onebox.processes import services
from onebox.processes.roll_call import RollCall
from onebox.processes.supervisor import Supervisor
from onebox.stop_request import StopRequest

READY_SECONDS = 60.0  # limit for the start of all processes, even on an overloaded machine
TAG_BYTES = 3
CHECK_SECONDS = 0.02


class System:
    """All processes of a demo. Call `start`, then `keep_up` repeatedly. Call `stop` at any time."""

    def __init__(
        self, folder: DataFolder, plan: Plan, listener: socket.socket, stop: StopRequest
    ) -> None:
        self._folder = folder
        self._plan = plan
        self._listener = listener
        self._stop = stop
        self._roll_call = RollCall(READY_SECONDS)
        self.supervisor = Supervisor(folder.logs)
        self.database = DemoDatabase(folder)
        # Another demo may use the same external database. The tag makes the session names differ.
        self._tag = "" if self.database.postgres else secrets.token_hex(TAG_BYTES)
        self.sandbox_url: str | None = None
        self.api = ApiClient(self.api_port, plan.token)
        self._observer = Observer(self.supervisor, self.database, self.api)

    @property
    def api_port(self) -> int:
        return int(self._listener.getsockname()[1])

    @property
    def api_url(self) -> str:
        return f"http://{HOST}:{self.api_port}"

    def start(self, say: Callable[[str], None]) -> None:
        """Start all processes. Do not wait for workers and schedulers. `say` informs the user."""
        ready = self._folder.sandbox_ready
        ready.unlink(missing_ok=True)
        if self._has_sandbox:
            rate = self._plan.new_items_per_minute
            self.supervisor.start(services.sandbox(ready, new_items_per_minute=rate))
        say(self.database.start_step())
        self.database.start()
        self.database.pauses.read(self.database.url)  # remembers the pauses of earlier runs
        self._refuse_mixing()
        self._stop.check()
        say("Starting the services ...")
        self.supervisor.start(services.admin_api(self._settings(), self._listener.fileno()))
        if self._has_sandbox:
            self._await_sandbox(ready)
        settings = self._settings()
        specs = [services.crawler_worker(settings, n + 1) for n in range(self._plan.workers)]
        specs += [services.scheduler(settings, n + 1) for n in range(self._plan.schedulers)]
        for spec in specs:
            self._roll_call.expect(spec)
            self.supervisor.start(spec)
        self._wait("the admin-api", self._api_is_ready)
        data_folder.write_private(self._folder.api_url, f"{self.api_url}\n")

    @property
    def _has_sandbox(self) -> bool:
        return self._plan.source == reddit_source.SANDBOX

    def _refuse_mixing(self) -> None:
        place = str(self._folder.path) if self.database.postgres else "The database"
        clients = self.database.reddit_clients()
        reddit_source.refuse_mixing_clients(place, self._plan.source, clients)
        reddit_source.remember(self._folder, self._plan.source)

    def keep_up(self) -> bool:
        """Restart dead processes. Return True if this call found or restarted a dead process."""
        self.supervisor.bound_logs()
        changed = self.supervisor.restart_dead()
        if not self.database.is_running():
            self.supervisor.note("postgres ended; it starts again now")
            self.database.restart()
            self.supervisor.note("postgres works again")
            changed = True
        return changed

    def poll(self, asked: list[int]) -> Snapshot | None:
        """Return the progress of the crawls, or None while the admin-api does not answer."""
        return self._observer.poll(asked, self.sandbox_url)

    def notes(self) -> list[str]:
        """Return the latest events."""
        return [*self.supervisor.notes]

    def pauses(self) -> list[str]:
        """Return why all workers pause now, and the remedies."""
        return self._observer.pauses

    def becomes_healthy(self) -> bool:
        """Return whether all processes work. Raises OneboxError if one exits or starts too late."""
        self.supervisor.refuse_early_death(self._roll_call.missing)
        self.keep_up()
        return self._roll_call.check(self.database.connected(), log=self.supervisor.log)

    def pids(self) -> dict[str, list[int]]:
        roles = ("admin-api", "crawler-worker", "scheduler", "sandbox")
        found = self.supervisor.pids()
        return {
            **{role: found.get(role, []) for role in roles},
            "postgres": self.database.pids(),
        }

    def write_ready_file(self, path: Path) -> None:
        content = {
            "api_url": self.api_url,
            "token": self._plan.token,
            "database_url": self.database.url,
            "sandbox_url": self.sandbox_url,
            "pids": self.pids(),
        }
        data_folder.write_private(path, json.dumps(content) + "\n")

    def stop(self) -> None:
        """Stop each process before the servers that it uses: workers first, Postgres last."""
        self._folder.api_url.unlink(missing_ok=True)
        self.api.close()  # otherwise the admin-api would wait for this connection to end
        for roles in (("crawler-worker", "scheduler"), ("admin-api", "sandbox")):
            self.supervisor.stop(roles, hurry=self._stop.is_urgent)
        self.database.stop()

    def _settings(self) -> services.Settings:
        return services.Settings(
            database_url=self.database.url,
            direct_url=self.database.direct_url,
            token=self._plan.token,
            sandbox_url=self.sandbox_url,
            discovers=self._plan.discovers,
            tag=self._tag,
            webhook_key=self._folder.webhook_key(),
            content_key_file=str(self._folder.make_content_key()),
            own_urls=self.database.own_urls,
        )

    def _await_sandbox(self, ready: Path) -> None:
        self._wait("the Reddit sandbox", ready.is_file)
        self.sandbox_url = str(json.loads(ready.read_text())["url"])
        # A restarted sandbox must use the same port, because the workers know only this address.
        child = self.supervisor.children[0]
        rate = self._plan.new_items_per_minute
        port = int(self.sandbox_url.rsplit(":", 1)[1])
        child.spec = services.sandbox(ready, new_items_per_minute=rate, port=port)

    def _api_is_ready(self) -> bool:
        if not self._observer.api_is_running:
            return False
        with contextlib.suppress(ApiUnavailableError):
            return self.api.get("/readyz").get("status") == "ready"
        return False

    def _wait(self, name: str, is_ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not is_ready():
            self._stop.check()
            self.supervisor.refuse_early_death()
            if time.monotonic() > deadline:
                raise OneboxError(
                    f"{name} was not ready within {READY_SECONDS:g} s: see {self._folder.logs}"
                )
            self.keep_up()
            self._stop.sleep(CHECK_SECONDS)
