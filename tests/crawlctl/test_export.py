"""`crawlctl export`: complete files, also when the connection breaks or the process is killed."""

import csv
import io
import json
import random
import signal
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlctl.exporting import download as exporting
from crawlctl.exporting.export_request import ITEMS
from crawlctl.exporting.line_boundaries import LineBoundaries
from crawljobs.db.database import Database
from support import crawled
from support.crawlctl import Ctl, start_crawlctl
from support.export_server import ExportServer, rows_of, text_of
from support.scripted_server import Exchange, serve
from support.waiting import wait_until

ROWS = rows_of(700)


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "PAUSE_SECONDS", 0.01)


@given(
    st.lists(st.sampled_from([b"a", b'"', b"\n", b",", b"bc\n", b'"\n"']), max_size=60),
    st.integers(1, 9),
)
def test_the_last_complete_line_is_found_in_any_pieces(parts: list[bytes], size: int) -> None:
    text = b"".join(parts)
    places = [n + 1 for n in range(len(text)) if text[n] == ord("\n")]
    ends = [0, *(end for end in places if text[:end].count(b'"') % 2 == 0)]
    found = LineBoundaries(has_quotes=True)
    for begin in range(0, len(text), size):
        found.feed(text[begin : begin + size])
    assert (found.complete, found.lines) == (ends[-1], len(ends) - 1)
    assert found.last_begin == (ends[-2] if len(ends) > 1 else 0)


@pytest.mark.parametrize("gzip", [False, True])
@pytest.mark.parametrize("kind", ["ndjson", "csv"])
def test_an_export_continues_after_each_break_without_loss_or_repeat(
    offline: Ctl, tmp_path: Path, kind: str, gzip: bool
) -> None:
    randomness = random.Random(19)
    whole = text_of(ROWS, kind)
    cuts: list[int | None] = [0, 1, 40, *(randomness.randrange(len(whole) // 9) for _ in range(9))]
    server = ExportServer(ROWS, cuts, gzip=gzip)
    out = tmp_path / "posts"
    with serve(server) as url:
        result = offline.ok("--url", url, "export", "posts", "--format", kind, "--out", out)
    assert out.read_bytes() == whole
    assert len(server.queries) == 13
    assert "700 lines are in" in result.err
    assert "--updated-since 2026-05-04T11:59:00Z" in result.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["posts"]


@pytest.mark.parametrize(
    ("kind", "end"),
    [("ndjson", signal.SIGKILL), ("csv", signal.SIGKILL), ("ndjson", signal.SIGINT)],
)
def test_a_killed_export_is_resumed(
    tmp_path: Path, offline: Ctl, kind: str, end: signal.Signals
) -> None:
    whole = text_of(ROWS, kind)
    server, arrived = ExportServer(ROWS, [len(whole) // 2]), threading.Event()

    def hold(exchange: Exchange) -> None:
        arrived.set()
        exchange.rfile.read(1)  # until the client is dead

    server.hold = hold
    out = tmp_path / "posts"
    export = ["export", "posts", "--format", kind, "--out", str(out), "--since", "30d"]
    rate = ["--rate", "1000"]
    with serve(server) as url:
        process = start_crawlctl(tmp_path / "config", "--url", url, *export, *rate)
        assert arrived.wait(20)
        part = tmp_path / "posts.part"
        wait_until(
            lambda: part.exists() and part.stat().st_size > 0,
            timeout=20,
            describe="no line is in the file",
        )
        process.send_signal(end)
        _, err = process.communicate(timeout=20)
        assert ("Continue it with --resume." in err) is (end is signal.SIGINT)
        assert not out.exists()
        assert offline("--url", url, *export).code == 3  # without --resume
        other = ["export", "posts", "--format", kind, "--out", out, "--no-bodies", "--resume"]
        assert offline("--url", url, *other).code == 3
        offline.ok("--url", url, *export, "--resume")
        again = offline("--url", url, *export)
        assert (again.code, "exists already: name another file" in again.err) == (3, True)
    assert out.read_bytes() == whole
    first, *rest = server.queries
    assert all(query["since"] == first["since"] for query in rest)
    # The rate changes no line, so the continued export has the rate of its own options.
    assert [query.get("rate") for query in server.queries] == [["1000"], None]


def test_a_server_that_stays_away_ends_the_export_and_keeps_the_lines(
    offline: Ctl, tmp_path: Path
) -> None:
    whole = text_of(ROWS, "ndjson")
    with serve(ExportServer(ROWS, [len(whole) // 2, *[0] * 99])) as url:
        export = ["--url", url, "--retry-seconds", "0.1", "export", "posts", "--out"]
        result = offline(*export, tmp_path / "posts")
        assert (result.code, "Continue it with --resume" in result.err) == (6, True)
    with serve(ExportServer(ROWS, [])) as url:
        offline.ok("--url", url, "export", "posts", "--resume", "--out", tmp_path / "posts")
    assert (tmp_path / "posts").read_bytes() == whole


@pytest.mark.parametrize("kind", ["posts", "comments", "authors", "subreddits", "edges"])
def test_each_kind_of_a_real_server(
    ctl: Ctl, api_rows: Database, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with api_rows.begin() as conn:
        for n in range(5):
            crawled.store(conn, crawled.post(f"p{n}", title='a "b"\nc'))
            crawled.store(conn, crawled.comment(f"c{n}", post_id="p0", parent_id="t3_p0"))
    files = {}
    for name in ("ndjson", "csv"):
        out = tmp_path / name
        files[name] = ctl.ok("export", kind, "--format", name, "--out", out)
    lines = [json.loads(line) for line in (tmp_path / "ndjson").read_text().splitlines()]
    rows = [*csv.DictReader(io.StringIO((tmp_path / "csv").read_text()))]
    assert len(lines) == len(rows) > 0
    assert ("--updated-since 20" in files["csv"].err) is (kind in ITEMS)
    # The second half of the file is continued by the key of its last line.
    for name in ("ndjson", "csv"):
        part, whole = tmp_path / f"again.{name}.part", (tmp_path / name).read_bytes()
        state = {"kind": kind, "format": name, "query": {}, "updated_until": None}
        part.with_name(f"{part.name}.json").write_text(json.dumps(state))
        boundaries = LineBoundaries(has_quotes=True)
        for place in range(len(whole)):
            boundaries.feed(whole[place : place + 1])
            if boundaries.lines == 2:
                break
        part.write_bytes(whole[: boundaries.complete + 1])
        ctl.ok("export", kind, "--format", name, "--resume", "--out", tmp_path / f"again.{name}")
        assert (tmp_path / f"again.{name}").read_bytes() == whole


def test_refusals_of_a_real_server(ctl: Ctl, tmp_path: Path) -> None:
    assert ctl("export", "posts", "--subreddit", "none_here", "--out", tmp_path / "a").code == 5
    assert ctl("export", "posts", "--pseudonyms", "--out", tmp_path / "b").code == 3
    assert ctl("export", "edges", "--shape", "reddit", "--out", tmp_path / "c").code in (2, 3)
    assert ctl("export", "posts", "--out", tmp_path / "none" / "d").code == 1
    assert [path.name for path in tmp_path.iterdir()] == ["token"]
