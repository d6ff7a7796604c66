"""The page "One VM" works: its commands are run in their order, on an empty prefix.

The commands of the units are started without systemd, with the variables and credentials that the
installed units name.
"""

import contextlib
import os
import re
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest

from onebox.postgres import binaries
from onebox.postgres.embedded_postgres import EmbeddedPostgres
from onebox.postgres.server_options import Options
from support import needs, probes, reddit_sandbox, systemd_units, wheels
from support.service_process import ServiceProcess
from support.waiting import wait_until

ROOT = wheels.ROOT
PAGE = (ROOT / "docs/operations/one-vm.md").read_text()
DEADLINE_SECONDS = 60
BLOCK_SECONDS = 300  # with --deep, packages come from the package index
# These lines show a prompt, because they need systemd or the package manager.
BY_HAND = re.compile(r"# (apt-get|systemctl|journalctl|git|\$AS_POSTGRES psql --command=)")
# A crawl of seconds, without discovery.
SMALL = {"MAX_POSTS_PER_SUB": "25", "USER_SUB_FETCH_LIMIT": "0", "USER_SUB_ENQUEUE_MAX": "0"}
SETTINGS = Options(
    durable=False,
    max_connections=60,
    shared_buffers="16MB",
    settings={"wal_level": "replica", "max_wal_senders": "4"},
)


def blocks() -> dict[str, list[str]]:
    """Return the shell blocks of each section. The first section is named ""."""
    parts = re.split(r"^## (.*)$", PAGE, flags=re.MULTILINE)
    return {
        name: re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        for name, text in zip(["", *parts[1::2]], [parts[0], *parts[2::2]], strict=True)
    }


@dataclass
class Machine:
    """An empty prefix, and a Postgres of its own."""

    folder: Path
    postgres: EmbeddedPostgres
    reddit_url: str
    api_port: int
    more: dict[str, str]
    started: list[ServiceProcess] = field(default_factory=list)

    def variables(self, postgres: EmbeddedPostgres | None = None) -> dict[str, str]:
        server = postgres or self.postgres
        user = binaries.server_user()
        places = ("PREFIX", "CONFIG", "BACKUPS", "UNITS")
        return {
            **{place: str(self.folder / place.lower()) for place in places},
            "PATH": os.pathsep.join(
                [str(server.bindir), str(Path(sys.executable).parent), os.environ["PATH"]]
            ),
            "HOME": str(self.folder),
            "AS_POSTGRES": f"runuser -u {user.name} --" if user else "",
            "API_PORT": str(self.api_port),
            "PGHOST": "127.0.0.1",
            "PGPORT": str(server.port),
            "PGUSER": "crawljobs",
            "PGPASSWORD": psycopg.conninfo.conninfo_to_dict(server.url())["password"],
            "REDDIT_CLIENT_ID": "tests",
            "REDDIT_CLIENT_SECRET": "tests",
            "REDDIT_USER": "someone",
            **self.more,
        }

    def run(self, *sections: str, **more: str) -> str:
        """Run the blocks of these sections as one script, and return its output."""
        found = blocks()
        lines = [block for name in ("", *sections) for block in found[name]]
        return self.run_script("\n".join(lines), self.variables() | more)

    def run_script(self, script: str, variables: dict[str, str]) -> str:
        done = subprocess.run(
            [needs.program("bash"), "-euo", "pipefail", "-c", script],
            cwd=ROOT,
            env=variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=BLOCK_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self, name: str, instance: str = "") -> ServiceProcess:
        """Start the command of an installed unit."""
        own = {"PROBE_BIND": "127.0.0.1:0"}
        if name.startswith("crawljobs-worker"):
            own |= {"REDDIT_API_URL": self.reddit_url, "REDDIT_AUTH_URL": self.reddit_url, **SMALL}
        path = self.folder / "units" / name
        process = systemd_units.start(path, self.folder, instance=instance, variables=own)
        self.started.append(process)
        return process

    def url(self, role: str) -> str:
        return (self.folder / f"config/secrets/{role}_database_url").read_text().strip()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def serve(folder: Path) -> Iterator[EmbeddedPostgres]:
    folder.mkdir(mode=0o755, exist_ok=True)
    with EmbeddedPostgres(folder / "postgres", log=folder / "log", options=SETTINGS) as server:
        yield server


@pytest.fixture
def machine(open_folder: Path) -> Iterator[Machine]:
    (open_folder / "units").mkdir()
    with (
        reddit_sandbox.serve("--rate-limit", 10_000_000) as sandbox,
        serve(open_folder / "server") as server,
    ):
        made = Machine(open_folder, server, sandbox.url, free_port(), {})
        try:
            yield made
        finally:
            for process in made.started:
                process.kill()


def seed(machine: Machine) -> None:
    """Let pip find the packages of the locks in the tests' environment, so that it loads none."""
    wheels.make_environment(machine.folder / "prefix" / "venv")
    machine.more = {"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0"}


INSTALL = ("Install", "Secrets", "Settings", "Database", "Units")


def start_units(machine: Machine) -> None:
    services = [
        machine.start("crawljobs-admin-api.service"),
        machine.start("crawljobs-scheduler.service"),
        machine.start("crawljobs-worker@.service", "1"),
    ]
    for process in services:
        address = probes.address(process)
        wait_until(
            lambda: probes.status(address, "/readyz") == 200,  # noqa: B023 - used at once
            timeout=DEADLINE_SECONDS,
            describe=process.told,
        )


def stop_units(machine: Machine) -> None:
    for process in machine.started:
        assert process.terminate(45)[0] == 0, process.told()


def query(url: str, statement: str) -> object:
    with psycopg.connect(url, connect_timeout=5) as conn:
        row = conn.execute(statement.encode()).fetchone()
    return row[0] if row else None


def crawl(machine: Machine) -> int:
    """Check the system as the page does, wait for the crawl, and return the number of posts."""
    printed = machine.run("Check")
    assert '"queued"' in printed or '"crawling"' in printed
    assert "(the newest)" in printed
    succeeded = "SELECT count(*) FROM crawl_jobs WHERE status = 'succeeded'"
    wait_until(
        lambda: query(machine.url("owner"), succeeded),
        timeout=DEADLINE_SECONDS,
        describe=lambda: machine.started[-1].told(),
    )
    return int(str(query(machine.url("owner"), "SELECT count(*) FROM posts")))


def check_reader(machine: Machine, posts: int) -> None:
    assert query(machine.url("reader"), "SELECT count(*) FROM posts") == posts
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        query(machine.url("reader"), "SELECT count(*) FROM api_tokens")


def restore_on_another_server(machine: Machine, posts: int) -> None:
    """Restore the dump on a new server, which has no role of crawljobs yet."""
    with serve(machine.folder / "other") as other:
        there = machine.variables(other)
        password = machine.variables()["PGPASSWORD"]
        with psycopg.connect(other.url(), autocommit=True) as conn:
            # globals.sql sets this password, which the other commands of the block then need.
            conn.execute(f"ALTER ROLE crawljobs PASSWORD '{password}'".encode())
        found = blocks()
        script = "\n".join([*found[""], found["Database"][-1].split("\nDATABASE_URL")[0]])
        script += "\n" + "\n".join(found["Restore a dump"])
        printed = machine.run_script(script, there | {"PGPASSWORD": password})
        assert "No difference: the schema at revision" in printed
        restored = machine.url("reader").replace(f":{machine.postgres.port}/", f":{other.port}/")
        assert query(f"{restored}_restored", "SELECT count(*) FROM posts") == posts


def test_the_page_installs_starts_backs_up_and_restores(machine: Machine) -> None:
    seed(machine)
    printed = machine.run(*INSTALL)
    assert "No difference: the schema at revision" in printed
    start_units(machine)
    posts = crawl(machine)
    assert posts > 0
    check_reader(machine, posts)
    assert "backup: " in machine.run("Back up")
    stop_units(machine)
    restore_on_another_server(machine, posts)
    # A repeated run keeps the secrets.
    before = machine.url("owner")
    machine.run("Secrets", "Units")
    assert machine.url("owner") == before
    for path in (machine.folder / "config/secrets").iterdir():
        assert path.stat().st_mode & 0o077 == 0, path


@pytest.mark.deep
def test_the_page_on_an_empty_prefix_with_a_restore_to_a_point_in_time(machine: Machine) -> None:
    """All packages come from the package index. The WAL is archived and restored."""
    began = time.monotonic()
    machine.run(*INSTALL)
    print(f"installed in {time.monotonic() - began:.1f} s")  # noqa: T201 - a figure for -s
    start_units(machine)
    crawl(machine)
    stop_units(machine)
    found = blocks()
    archive, base = found["Archive the WAL"]
    head = found[""]
    machine.run_script("\n".join([*head, archive]), machine.variables())
    machine.postgres.stop()
    machine.postgres.start()
    machine.run_script("\n".join([*head, base]), machine.variables())
    owner = machine.url("owner")
    mark = secrets.token_hex(4)
    with psycopg.connect(owner, autocommit=True) as conn:
        conn.execute("INSERT INTO authors (name) VALUES (%s)", [f"kept_{mark}"])
        kept = conn.execute("SELECT clock_timestamp()::text").fetchone()
        conn.execute("INSERT INTO authors (name) VALUES (%s)", [f"lost_{mark}"])
    with psycopg.connect(machine.postgres.url(), autocommit=True) as conn:
        conn.execute("SELECT pg_switch_wal()")
        wait_until(
            lambda: (
                conn.execute(
                    "SELECT archived_count >= 2 AND last_archived_time > now() - interval '1 min' "
                    "FROM pg_stat_archiver"
                ).fetchone()
                == (True,)
            ),
            timeout=DEADLINE_SECONDS,
            describe="the last WAL to be archived",
        )
    assert kept is not None
    port = free_port()
    own = {"RECOVERY_TIME": str(kept[0]), "RESTORED_PORT": str(port)}
    try:
        printed = machine.run("Restore to a point in time", **own)
        assert "No difference: the schema at revision" in printed
        restored = owner.replace(f":{machine.postgres.port}/", f":{port}/")
        names = query(restored, f"SELECT array_agg(name) FROM authors WHERE name ~ '{mark}'")
        assert names == [f"kept_{mark}"]
    finally:
        stop = '$AS_POSTGRES pg_ctl --pgdata="$BACKUPS/restored" --mode=immediate stop'
        machine.run_script("\n".join([*head, stop]), machine.variables())


def dump(machine: Machine, **more: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [systemd_units.FOLDER / "crawljobs-backup", machine.folder / "backups"],
        env=machine.variables() | more,
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )


def test_a_failed_dump_leaves_no_folder_and_a_good_one_deletes_old_ones(machine: Machine) -> None:
    backups = machine.folder / "backups"
    kept = ("base-20200101T000000Z", "wal", "notes")
    for name in ("20200101T000000Z", *kept):
        (backups / name).mkdir(parents=True)
        os.utime(backups / name, (0, 0))
    done = dump(machine, PGDATABASE="missing")
    assert done.returncode != 0
    assert "missing" in done.stderr
    assert {path.name for path in backups.iterdir()} == {"20200101T000000Z", *kept}
    done = dump(machine, PGDATABASE="postgres")
    assert done.returncode == 0, done.stderr
    made = Path(done.stdout.split()[-1])
    assert {path.name for path in backups.iterdir()} == {made.name, *kept}
    assert {path.name for path in made.iterdir()} == {
        "contents.txt",
        "database.dump",
        "globals.sql",
    }
    assert made.stat().st_mode & 0o077 == 0


def test_lines_with_a_prompt_need_systemd_or_the_package_manager() -> None:
    shown = [
        line
        for block in re.findall(r"^```console\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
        for line in block.splitlines()
    ]
    assert shown
    assert [line for line in shown if not BY_HAND.match(line)] == []
    fences = set(re.findall(r"^```(\w*)$", PAGE, re.MULTILINE))
    assert fences == {"", "sh", "console"}
