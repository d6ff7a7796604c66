"""The processes of the demo: their names, commands, environment variables and stop times."""

import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from onebox import reddit_source
from onebox.processes import environments
from onebox.processes.child import Spec

ROOT = Path(__file__).resolve().parents[3]
SOURCE_ROOTS = tuple(str(ROOT / folder) for folder in ("shared", "services", "deploy"))
# -P prevents the import of modules from the current folder.
PYTHON = (sys.executable, "-P", "-m")
DRAIN_SECONDS = 10  # time for crawls to finish a page when a worker stops; less than the default
LEASE_SECONDS = 10  # shorter than the default, so that a dead worker's job soon gets another worker
STOP_MARGIN_SECONDS = 2
API_STOP_SECONDS = 5
SANDBOX_RATE_LIMIT = (
    100_000  # requests in 10 minutes: 100 times Reddit's limit, so that the demo never waits
)
SANDBOX_STOP_SECONDS = 3
PROBES = "127.0.0.1:0"  # port 0: each process chooses a free port and logs it
CRAWLING = ("crawler-worker", environments.EVERY_ROLE)  # roles that send requests to Reddit
SIGNING = ("admin-api", "scheduler")  # roles of processes that need the secrets of webhooks
KEYED = ("admin-api", "crawler-worker")  # roles that read the key of pseudonyms and erasures
NOT_INHERITED = frozenset(
    {
        "PYTHONPATH",
        "ADMIN_API_TOKEN_FILE",
        "PROBE_BIND",
        "PROMETHEUS_MULTIPROC_DIR",
        "DATABASE_URL_FILE",
        "DATABASE_DIRECT_URL",
        "DATABASE_DIRECT_URL_FILE",
        "GUNICORN_CMD_ARGS",
    }
)


@dataclass(frozen=True)
class Settings:
    """The settings of all processes.

    - `direct_url`: differs from `database_url` if `database_url` leads to a connection pooler.
    - `sandbox_url`: None if the demo crawls the real Reddit.
    - `tag`: makes the names of processes differ from the names in another demo on the same
      database.
    - `own_urls`: a database address for each service, with the service's own role. Empty for an
      external database.
    """

    database_url: str = field(repr=False)
    direct_url: str = field(repr=False)
    token: str = field(repr=False)
    sandbox_url: str | None
    discovers: bool
    tag: str = ""
    webhook_key: str = field(default="", repr=False)  # used if the user gives no master key
    content_key_file: str = ""  # file of the key of pseudonyms, used if the user gives no key
    own_urls: Mapping[str, str] = field(default_factory=dict, repr=False)

    def instance(self, role: str, number: int) -> str:
        return "-".join(part for part in (role, self.tag, str(number)) if part)

    def environment(self, role: str = environments.EVERY_ROLE, **own: str) -> dict[str, str]:
        """Return the environment of a process: `own` and variables that the process inherits.

        The process does not inherit secrets that only other roles need.
        """
        inherited = environments.inherited(os.environ, role, NOT_INHERITED)
        if self.direct_url != self.database_url:
            inherited["DATABASE_DIRECT_URL"] = self.direct_url
        defaults = {
            "DRAIN_SECONDS": str(DRAIN_SECONDS),
            "LEASE_SECONDS": str(LEASE_SECONDS),
            "RESCUE_SECONDS": "1",
            "ADMIN_API_WORKERS": "1",
            "MAP_CORE_SHARE": "0.5",  # half a CPU core, so that the map is current soon
            **({} if self.discovers else {"USER_SUB_ENQUEUE_MAX": "0"}),
        }
        return {
            **defaults,
            **inherited,
            **self._webhooks(role, inherited),
            **self._content_key(role, inherited),
            **(sandbox_client(self.sandbox_url) if self.sandbox_url and role in CRAWLING else {}),
            "PYTHONPATH": os.pathsep.join(SOURCE_ROOTS),
            "PYTHONUNBUFFERED": "1",
            "DATABASE_URL": self.own_urls.get(role, self.database_url),
            **own,
        }

    def _webhooks(self, role: str, inherited: Mapping[str, str]) -> dict[str, str]:
        """Return the variable with the webhooks' master key if the role signs webhooks.

        Return {} for other roles, and if the user's environment has a master key.
        """
        given = {"WEBHOOK_MASTER_KEY", "WEBHOOK_MASTER_KEY_FILE"} & inherited.keys()
        if role not in SIGNING or not self.webhook_key or given:
            return {}
        return {"WEBHOOK_MASTER_KEY": self.webhook_key}

    def _content_key(self, role: str, inherited: Mapping[str, str]) -> dict[str, str]:
        """Return the variable with the file of the content key if the role reads this key.

        Return {} for other roles, and if the user's environment has a content key.
        """
        is_given = any(inherited.get(name, "").strip() for name in environments.CONTENT_KEY)
        if role not in KEYED or not self.content_key_file or is_given:
            return {}
        return {"CONTENT_KEY_FILE": self.content_key_file}


def sandbox_client(url: str) -> dict[str, str]:
    return {**reddit_source.SANDBOX_CLIENT, "REDDIT_API_URL": url, "REDDIT_AUTH_URL": url}


def sandbox(ready_file: Path, *, new_items_per_minute: int, port: int = 0) -> Spec:
    environment = environments.inherited(os.environ, "sandbox", NOT_INHERITED)
    return Spec(
        role="sandbox",
        number=1,
        command=[
            *(*PYTHON, "reddit_sandbox", "--port", str(port), "--ready-file", ready_file),
            *("--new-items-per-minute", str(new_items_per_minute)),
            *("--rate-limit", str(SANDBOX_RATE_LIMIT)),
        ],
        env={**environment, "PYTHONPATH": os.pathsep.join(SOURCE_ROOTS)},
        stop_seconds=SANDBOX_STOP_SECONDS,
        death_signal=signal.SIGTERM,  # the sandbox's server passes SIGTERM to its worker process
    )


def admin_api(settings: Settings, listener: int) -> Spec:
    """Return the Spec of the admin-api. `listener` is the descriptor of its listening socket.

    The demo opens the socket, so that no other process takes the port before the admin-api starts.
    """
    own = {
        "ADMIN_API_BIND": f"fd://{listener}",
        "ADMIN_API_TOKEN": settings.token,
        "INSTANCE_NAME": settings.instance("admin-api", 1),
    }
    return Spec(
        role="admin-api",
        number=1,
        command=[*PYTHON, "gunicorn", "-c", "python:onebox.gunicorn_conf"],
        env=settings.environment("admin-api", **own),
        stop_seconds=API_STOP_SECONDS,
        pass_fds=[listener],
    )


def crawler_worker(settings: Settings, number: int) -> Spec:
    environment = settings.environment(
        "crawler-worker", INSTANCE_NAME=settings.instance("worker", number), PROBE_BIND=PROBES
    )
    return Spec(
        role="crawler-worker",
        number=number,
        command=[*PYTHON, "crawler_worker"],
        env=environment,
        stop_seconds=_drain_seconds(environment) + STOP_MARGIN_SECONDS,
    )


def scheduler(settings: Settings, number: int) -> Spec:
    return Spec(
        role="scheduler",
        number=number,
        command=[*PYTHON, "scheduler"],
        env=settings.environment(
            "scheduler", INSTANCE_NAME=settings.instance("scheduler", number), PROBE_BIND=PROBES
        ),
        stop_seconds=API_STOP_SECONDS,
    )


def _drain_seconds(environment: Mapping[str, str]) -> float:
    try:
        return min(float(environment["DRAIN_SECONDS"]), 3600.0)
    except ValueError:
        return float(DRAIN_SECONDS)  # DRAIN_SECONDS is invalid, which the worker itself reports
