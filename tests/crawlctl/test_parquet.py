"""`crawlctl export --format parquet`: typed columns, partitions, a killed export, DuckDB's sums."""

import hashlib
import json
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from admin_api.http.exports import line_writers
from crawlctl.exporting.export_request import KINDS
from crawlctl.exporting.parquet_types import type_of
from crawljobs.db import tables
from crawljobs.db.database import Database
from crawljobs.repository.exports.export_plan import ExportKind, ExportShape
from support import crawled, needs
from support.crawlctl import Ctl
from support.export_server import ExportServer, rows_of
from support.parquet_files import STATE, query
from support.scripted_server import Exchange, serve
from support.waiting import wait_until

ROOT = Path(__file__).parents[2]
ROWS = rows_of(700)
NDJSON = "application/x-ndjson"
BATCH_BYTES = 9_000  # so that the export has several batches
PROGRAM = (
    "import crawlctl.exporting.parquet_folder as folder; import crawlctl.exporting.download as d; "
    f"folder.BATCH_BYTES = {BATCH_BYTES}; d.PAUSE_SECONDS = 0.01; "
    "from crawlctl.program import command; command()"
)
TYPES = {
    "BIGINT": "integer",
    "SMALLINT": "integer",
    "INTEGER": "integer",
    "DOUBLE": "number",
    "BOOLEAN": "truth",
    "DATETIME": "time",
    "TEXT": "text",
}


@pytest.mark.parametrize("kind", [ExportKind(kind) for kind in KINDS])
def test_each_field_has_the_type_of_its_column(kind: ExportKind) -> None:
    names = {ExportKind.EDGES: "author_subreddits", ExportKind.LINKS: "subreddit_links"}
    stored = tables.metadata.tables[names.get(kind, kind)]
    wrong = {}
    for field in line_writers.columns(kind, ExportShape.FLAT):
        if field in stored.c:
            expected = TYPES.get(str(stored.c[field].type).partition("(")[0], "text")
            if type_of(kind, field) != expected:
                wrong[field] = expected
    assert wrong == {}


def command(url: str, folder: Path, *more: str, retry_seconds: int = 30) -> list[str]:
    start = [str(needs.parquet()), "-P", "-c", PROGRAM, "--retry-seconds", str(retry_seconds)]
    return [
        *start,
        "--url",
        url,
        "export",
        "posts",
        "--format",
        "parquet",
        "--out",
        str(folder),
        *more,
    ]


def run(
    url: str, folder: Path, *more: str, retry_seconds: int = 30, **variables: str
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command(url, folder, *more, retry_seconds=retry_seconds),
        env=environment(folder, **variables),
        capture_output=True,
        text=True,
        timeout=60,
    )


def environment(folder: Path, **variables: str) -> dict[str, str]:
    paths = {"PYTHONPATH": str(ROOT / "deploy"), "XDG_CONFIG_HOME": str(folder.parent / "config")}
    return {**paths, **variables}


def check_rows(folder: Path) -> None:
    """Check that each row is there once, with its texts, times and folders."""
    columns = "count(*), count(DISTINCT id), count(DISTINCT subreddit), "
    columns += "md5(string_agg(title, '|' ORDER BY created_at))"
    digest = hashlib.md5("|".join(row["title"] for row in ROWS).encode(), usedforsecurity=False)
    assert query(folder, columns) == ["700", "700", "7", digest.hexdigest()]
    assert query(folder, "count(extra), max(extra)") == ["14", '{"n": [650]}']
    assert query(folder, "typeof(created_at), typeof(title), typeof(id)")[:1] == [
        "TIMESTAMP WITH TIME ZONE"
    ]


def batches(folder: Path) -> int:
    """Return the number of batches that are recorded as complete."""
    state = folder / STATE
    return int(json.loads(state.read_text())["batch"]) if state.exists() else 0


@pytest.mark.parametrize(("partition", "folders"), [("subreddit", 7), ("month", 1), ("none", 0)])
def test_an_export_continues_after_breaks_in_each_partition(
    tmp_path: Path, partition: str, folders: int
) -> None:
    server = ExportServer(ROWS, [0, 50, 20_000, 31_000])
    out = tmp_path / "out"
    with serve(server) as url:
        done = run(url, out, "--partition", partition)
    assert done.returncode == 0, done.stderr
    check_rows(out)
    assert len([path for path in out.iterdir() if path.is_dir()]) == folders
    state = json.loads((out / STATE).read_text())
    assert (state["complete"], state["lines"]) == (True, 700)
    with serve(ExportServer(ROWS, [])) as url:
        assert run(url, out, "--partition", partition, "--resume").returncode == 3


def test_no_answer_fills_the_memory_or_leaves_the_folder(tmp_path: Path) -> None:
    names = ["../../evil", "..", "/etc", "a\0b", "a\nb", "C:\\x"]
    rows = [{"subreddit": name, "created_at": None, "id": str(n)} for n, name in enumerate(names)]
    long = {"subreddit": "s" * 300, "created_at": None, "id": "a"}

    def lines(*rows: dict[str, Any]) -> bytes:
        return "".join(json.dumps(row) + "\n" for row in rows).encode()

    for n, (content, message) in enumerate(
        (
            (lines(*rows), ""),
            (lines(long), "File name too long"),
            (b"[" * 3_000_000, "more than 2,097,152 bytes"),
        )
    ):
        folder = tmp_path / "in" / str(n)
        with serve(partial(Exchange.send, status=200, content=content, content_type=NDJSON)) as url:
            done = run(url, folder, retry_seconds=0)
        assert (done.returncode == 0, message in done.stderr) == (not message, True), done.stderr
        assert "Traceback" not in done.stderr
        assert [one.name for one in tmp_path.iterdir()] == ["in"]
    folder = tmp_path / "in" / "0"
    assert len([*folder.glob("subreddit=*/part-000001.parquet")]) == len(names)
    assert all(len(one.relative_to(folder).parts) <= 2 for one in folder.rglob("*"))


def test_a_killed_export_is_resumed_without_loss_or_repeat(tmp_path: Path) -> None:
    server, arrived = ExportServer(ROWS, [60_000]), threading.Event()

    def hold(exchange: Exchange) -> None:
        arrived.set()
        exchange.rfile.read(1)  # until the client is dead

    server.hold = hold
    out = tmp_path / "out"
    with serve(server) as url:
        process = subprocess.Popen(command(url, out), env=environment(out))
        assert arrived.wait(30)
        wait_until(lambda: batches(out), timeout=30, describe="a batch is written")
        process.kill()
        process.wait(20)
        # As if the kill had come before the batch was recorded.
        stray = out / "subreddit=sub6" / f"part-{batches(out) + 1:06}.parquet"
        stray.parent.mkdir(parents=True, exist_ok=True)
        stray.write_bytes(b"PAR1")
        assert run(url, out).returncode == 3  # without --resume
        assert run(url, out, "--no-bodies", "--resume").returncode == 3
        done = run(url, out, "--resume")
    assert done.returncode == 0, done.stderr
    check_rows(out)


def test_duckdb_counts_as_postgres_does(ctl: Ctl, api_rows: Database, tmp_path: Path) -> None:
    with api_rows.begin() as conn:
        for n in range(50):
            crawled.store(conn, crawled.post(f"p{n}", score=n * 7, subreddit=f"s_{n % 3}"))
        expected = conn.execute(
            text(
                "SELECT count(*), sum(score), sum(num_comments), "
                "count(*) FILTER (WHERE over_18) FROM posts"
            )
        ).one()
    out = tmp_path / "out"
    url = ctl.environment["CRAWLJOBS_URL"]
    token = {"CRAWLJOBS_TOKEN_FILE": ctl.environment["CRAWLJOBS_TOKEN_FILE"]}
    done = run(url, out, **token)
    assert done.returncode == 0, done.stderr
    columns = "count(*), sum(score), sum(num_comments), count(*) FILTER (WHERE over_18)"
    assert query(out, columns) == [str(each) for each in expected]
    assert query(out, "typeof(score), typeof(over_18), typeof(upvote_ratio)") == [
        *("BIGINT", "BOOLEAN", "DOUBLE")
    ]


def test_without_pyarrow_the_command_names_it(offline: Ctl, tmp_path: Path) -> None:
    result = offline(
        "--url",
        "http://127.0.0.1:1",
        "export",
        "posts",
        "--format",
        "parquet",
        "--out",
        tmp_path / "out",
    )
    assert (result.code, "crawlctl[parquet]" in result.err) == (2, True)
    assert sys.version_info >= (3, 11)
    arguments = ["--url", "http://127.0.0.1:1", "export", "posts", "--out", tmp_path / "out"]
    assert offline(*arguments, "--partition", "month").code == 2
