"""The page "One VM" works: its commands are run in their order, on an empty prefix.

The commands of the units are started without systemd, with the variables and credentials that the
installed units name.
"""

import contextlib
import os
import re
import secrets
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from crawljobs.errors import SettingsError
from crawljobs.settings.probes import read_probe_address
from onebox.postgres import binaries
from onebox.postgres.embedded_postgres import EmbeddedPostgres
from onebox.postgres.server_options import Options
from support import needs, probes, reddit_sandbox, systemd_units, wheels
from support.free_ports import free_port
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
CONFIGURATION = {"postgresql.conf", "pg_hba.conf", "pg_ident.conf"}
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


def shell(
    script: str, variables: Mapping[str, str], typed: str = ""
) -> "subprocess.CompletedProcess[str]":
    """Run a script as a user who types it, with `typed` as the answers to its questions."""
    return subprocess.run(
        [needs.program("bash"), "-euo", "pipefail", "-c", script],
        cwd=ROOT,
        env=variables,
        input=typed,
        capture_output=True,
        text=True,
        timeout=BLOCK_SECONDS,
        check=False,
    )


@dataclass
class Machine:
    """An empty prefix, and a Postgres of its own."""

    folder: Path
    postgres: EmbeddedPostgres
    reddit_url: str
    api_port: int
    more: dict[str, str]
    started: list[ServiceProcess] = field(default_factory=list)
    scripts: list[str] = field(default_factory=list)

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
        self.scripts.append(script)
        done = shell(script, variables)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def refusal(self, *sections: str, **more: str) -> str:
        """Run the blocks of these sections, which must fail, and return their error output."""
        found = blocks()
        lines = [block for name in ("", *sections) for block in found[name]]
        done = shell("\n".join(lines), self.variables() | more)
        assert done.returncode != 0, done.stdout
        return done.stderr

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


def run_backup_unit(machine: Machine) -> None:
    """Start the command of the installed unit. Its port of Postgres comes from the unit alone."""
    unit = systemd_units.read(machine.folder / "units/crawljobs-backup.service")
    own = {name: value for name, value in machine.variables().items() if name != "PGPORT"}
    script = shlex.join(shlex.split(unit.one("ExecStart")))
    printed = machine.run_script(script, own | unit.environment(machine.folder))
    made = Path(printed.split()[-1])
    contents = (made / "contents.txt").read_text()
    assert re.search(r"dbname: crawljobs$", contents, re.MULTILINE)


def check_second_run(machine: Machine) -> None:
    """A repeated run keeps the secrets, the settings and the changed addresses."""
    config = machine.folder / "config"
    with (config / "crawljobs.env").open("a") as settings:
        settings.write("MAX_POSTS_PER_SUB=7\n")
    url = config / "secrets/reader_database_url"
    url.write_text(url.read_text().strip() + "?sslmode=disable\n")
    files = [path for path in config.rglob("*") if path.is_file()]
    before = {path: path.read_bytes() for path in files}
    changed = {"REDDIT_CLIENT_ID": "other", "REDDIT_CLIENT_SECRET": "other", "REDDIT_USER": "other"}
    machine.run("Secrets", "Settings", "Units", **changed)
    assert {path: path.read_bytes() for path in before} == before
    for path in (config / "secrets").iterdir():
        assert path.stat().st_mode & 0o077 == 0, path


def check_webhooks(machine: Machine) -> None:
    machine.run("Webhooks")
    key = machine.folder / "config/secrets/webhook_master_key"
    assert re.fullmatch(r"[0-9a-f]{64}", key.read_text())
    for unit in ("crawljobs-admin-api", "crawljobs-scheduler"):
        drop_in = systemd_units.read(machine.folder / f"units/{unit}.service.d/webhooks.conf")
        assert drop_in.one("LoadCredential") == f"webhook_master_key:{key}"


@pytest.mark.timeout(600)  # five servers and two base backups, perhaps on a busy disk
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
    check_webhooks(machine)
    check_second_run(machine)
    archive(machine)
    check_point_in_time(machine)
    run_backup_unit(machine)
    run = "\n".join(machine.scripts)
    assert [block for section in blocks().values() for block in section if block not in run] == []


def archive(machine: Machine) -> None:
    """Turn the archive on, and restart Postgres as the page says."""
    found = blocks()
    script = "\n".join([*found[""], found["Archive the WAL"][0]])
    assert "is on the disk of the database" in machine.run_script(script, machine.variables())
    with psycopg.connect(machine.postgres.url(), autocommit=True) as conn:
        conn.execute("ALTER SYSTEM SET fsync = off")  # the restored servers need no safe disk
    machine.postgres.stop()
    machine.postgres.start()


def take_base_backup(machine: Machine) -> Path:
    """Take a base backup, wait for the second after its end, and return its folder."""
    found = blocks()
    script = "\n".join([*found[""], found["Archive the WAL"][1]])
    before = set((machine.folder / "backups").glob("base-*"))
    machine.run_script(script, machine.variables())
    (made,) = set((machine.folder / "backups").glob("base-*")) - before
    assert not made.name.endswith(".part")
    wait_until(
        lambda: f"{datetime.now(UTC):base-%Y%m%dT%H%M%SZ}" > made.name,
        timeout=DEADLINE_SECONDS,
        describe="the second after the base backup",
    )
    return made


def insert(machine: Machine, name: str) -> datetime:
    """Commit an author of this name, and return a time after the commit."""
    with psycopg.connect(machine.url("owner"), autocommit=True) as conn:
        conn.execute("INSERT INTO authors (name) VALUES (%s)", [name])
        row = conn.execute("SELECT clock_timestamp()").fetchone()
    assert row is not None
    return datetime.fromisoformat(str(row[0]))


def archive_last_wal(machine: Machine) -> None:
    with psycopg.connect(machine.postgres.url(), autocommit=True) as conn:
        row = conn.execute("SELECT pg_walfile_name(pg_switch_wal())").fetchone()
    assert row is not None
    wait_until(
        (machine.folder / "backups/wal" / row[0]).exists,
        timeout=DEADLINE_SECONDS,
        describe="the last WAL to be archived",
    )


def restored_names(machine: Machine, base: Path, mark: str, **more: str) -> list[str]:
    """Restore as the page does, and return the authors with this mark. Delete the restored server.

    Asserts that the restore took the base backup `base`.
    """
    port = free_port()
    folder = machine.folder / "backups/restored"
    try:
        printed = machine.run("Restore to a point in time", RESTORED_PORT=str(port), **more)
        assert f"base backup: {base}\n" in printed
        assert "No difference: the schema at revision" in printed
        assert "exists: stop its server" in machine.refusal("Restore to a point in time", **more)
        restored = machine.url("owner").replace(f":{machine.postgres.port}/", f":{port}/")
        found = f"SELECT array_agg(name ORDER BY name) FROM authors WHERE name ~ '{mark}'"
        names = query(restored, found)
        assert query(restored, "SELECT pg_is_in_recovery()") is False
        assert isinstance(names, list)
        return names
    finally:
        stop = '$AS_POSTGRES pg_ctl --pgdata="$BACKUPS/restored" --mode=immediate stop'
        machine.run_script("\n".join([*blocks()[""], stop]), machine.variables())
        shutil.rmtree(folder)


def keep_configuration_elsewhere(machine: Machine, base: Path) -> dict[str, str]:
    """Move the configuration out of a base backup, and let it name the real server, as Debian."""
    place = machine.folder / "configuration"
    shutil.copytree(base, place, ignore=lambda _, names: set(names) - CONFIGURATION)
    for name in CONFIGURATION:
        (base / name).unlink()
    (place / "conf.d").mkdir()
    with (place / "postgresql.conf").open("a") as lines:
        lines.write(
            f"include_dir = 'conf.d'\n"
            f"data_directory = '{machine.postgres.data}'\n"
            f"hba_file = '{machine.postgres.data}/pg_hba.conf'\n"
        )
    for path in (place, *place.rglob("*")):
        path.chmod(0o755)
    return {"POSTGRES_CONFIG": str(place)}


def check_point_in_time(machine: Machine) -> None:
    """Restore to a time before the newest base backup, to the end, and to refused times."""
    mark = secrets.token_hex(4)
    first = take_base_backup(machine)
    kept = insert(machine, f"{mark}_1")
    insert(machine, f"{mark}_2")
    second = take_base_backup(machine)
    insert(machine, f"{mark}_3")
    archive_last_wal(machine)
    debian = keep_configuration_elsewhere(machine, second)
    names = restored_names(machine, second, mark, **debian)
    assert names == [f"{mark}_1", f"{mark}_2", f"{mark}_3"]
    time_of_kept = f"{kept.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}+00"
    assert restored_names(machine, first, mark, RECOVERY_TIME=time_of_kept) == [f"{mark}_1"]
    section = "Restore to a point in time"
    early = machine.refusal(section, RECOVERY_TIME="2020-01-01 00:00:00+00")
    assert "no base backup in" in early
    assert "invalid date" in machine.refusal(section, RECOVERY_TIME="Tuesday at ten")
    assert not (machine.folder / "backups/restored").exists()
    late = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}+00"
    own = {"RECOVERY_TIME": late, "BASE": str(first), "RESTORED_PORT": str(free_port())}
    refused = machine.refusal(section, **own)
    assert "recovery ended before configured recovery target was reached" in refused


@pytest.mark.deep
def test_the_page_on_an_empty_prefix_with_packages_of_the_index(machine: Machine) -> None:
    """All packages come from the package index."""
    began = time.monotonic()
    machine.run(*INSTALL)
    print(f"installed in {time.monotonic() - began:.1f} s")  # noqa: T201 - a figure for -s
    start_units(machine)
    assert crawl(machine) > 0
    stop_units(machine)


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
    limit = time.time() - 14 * 24 * 3600
    old, young = "20200101T000000Z", "20200102T000000Z"
    ages = {old: limit - 600, young: limit + 600}
    ages |= dict.fromkeys(("base-20200101T000000Z", "wal", "notes"), 0.0)
    for name, changed in ages.items():
        (backups / name).mkdir(parents=True)
        os.utime(backups / name, (changed, changed))
    metrics = machine.folder / "metrics"
    metrics.mkdir()
    done = dump(machine, PGDATABASE="missing", METRICS_FOLDER=str(metrics))
    assert done.returncode != 0
    assert "missing" in done.stderr
    assert list(metrics.iterdir()) == []
    assert {path.name for path in backups.iterdir()} == set(ages)
    done = dump(machine, PGDATABASE="postgres", METRICS_FOLDER=str(metrics))
    assert done.returncode == 0, done.stderr
    made = Path(done.stdout.split()[-1])
    assert {path.name for path in backups.iterdir()} == {made.name, *ages} - {old}
    assert {path.name for path in made.iterdir()} == {
        "contents.txt",
        "database.dump",
        "globals.sql",
    }
    assert made.stat().st_mode & 0o077 == 0
    (written,) = metrics.iterdir()
    name, value = written.read_text().split()
    assert f"time() - {name} > 26 * 3600" in PAGE
    assert 0 <= time.time() - int(value) < DEADLINE_SECONDS
    assert written.stat().st_mode & 0o777 == 0o644  # the collector is another user


@pytest.mark.parametrize("days", ["0", "-1", "1.5", "08", "100000", "14 -o -true", "x"])
def test_a_dump_refuses_a_wrong_age_before_it_begins(tmp_path: Path, days: str) -> None:
    done = shell(
        shlex.join([str(systemd_units.FOLDER / "crawljobs-backup"), str(tmp_path)]),
        {"PATH": os.environ["PATH"], "KEEP_DAYS": days},
    )
    assert done.returncode == 2
    assert f"KEEP_DAYS={days}: expected a whole number of days from 1" in done.stderr
    assert list(tmp_path.iterdir()) == []


def typed_run(folder: Path, section: str, typed: str) -> "subprocess.CompletedProcess[str]":
    """Run the block of a section that asks questions."""
    found = blocks()
    variables = {"PATH": os.environ["PATH"], "CONFIG": str(folder), "AS_POSTGRES": ""}
    return shell("\n".join([*found[""], *found[section]]), variables, typed)


def test_an_empty_answer_writes_no_file(tmp_path: Path) -> None:
    secret = tmp_path / "secrets/reddit_client_secret"
    for typed in ("\n", ""):
        assert typed_run(tmp_path, "Secrets", typed).returncode != 0
        assert not secret.exists()
    assert typed_run(tmp_path, "Secrets", "of-reddit\n").returncode == 0
    assert typed_run(tmp_path, "Secrets", "\n").returncode == 0
    assert secret.read_text() == "of-reddit\n"
    for typed in ("\n\n", "id\n\n", "\nuser\n"):
        assert typed_run(tmp_path, "Settings", typed).returncode != 0
        assert not (tmp_path / "crawljobs.env").exists()
    assert typed_run(tmp_path, "Settings", "id\nuser\n").returncode == 0
    assert "REDDIT_CLIENT_ID=id\n" in (tmp_path / "crawljobs.env").read_text()


def section_text(name: str) -> str:
    (text,) = re.findall(rf"^## {name}\n(.*?)^## ", PAGE, re.MULTILINE | re.DOTALL)
    return str(text)


def test_the_page_names_the_variables_that_its_file_would_replace(tmp_path: Path) -> None:
    """A variable of the file replaces that of a unit, so the file has none of the units' names."""
    units = [systemd_units.read(path) for path in systemd_units.FOLDER.glob("*.service")]
    loading = [unit for unit in units if "EnvironmentFile" in unit.values]
    own = {name for unit in loading for name in unit.variables}
    assert {"PROBE_BIND", "INSTANCE_NAME", "DRAIN_SECONDS"} <= own
    text = section_text("Settings")
    assert {name for name in own if not name.endswith("_FILE") and f"`{name}`" not in text} == set()
    assert "silently replaces the value of every unit" in " ".join(text.split())
    assert typed_run(tmp_path, "Secrets", "of-reddit\n").returncode == 0
    assert typed_run(tmp_path, "Settings", "id\nuser\n").returncode == 0
    lines = (tmp_path / "crawljobs.env").read_text().splitlines()
    assert {line.split("=")[0] for line in lines} & own == set()


def test_the_proxy_has_the_port_of_the_api() -> None:
    (port,) = re.findall(r"API_PORT=\$\{API_PORT:-(\d+)\}", PAGE)
    assert f"reverse_proxy 127.0.0.1:{port}\n" in section_text("TLS")
    assert f"{port} is the value of `API_PORT`" in section_text("TLS")


def test_the_instances_of_the_worker_are_1_to_9() -> None:
    bind = systemd_units.read(systemd_units.FOLDER / "crawljobs-worker@.service").variables
    for number in range(1, 10):
        variables = {"PROBE_BIND": bind["PROBE_BIND"].replace("%i", str(number))}
        address = read_probe_address(variables)
        assert address is not None
        assert address.port == 8100 + number
    with pytest.raises(SettingsError):
        read_probe_address({"PROBE_BIND": bind["PROBE_BIND"].replace("%i", "10")})
    assert "The instances of `crawljobs-worker@` are 1 to 9" in section_text("Units")


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
