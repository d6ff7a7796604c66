"""Tests of the comparison with other queues: ratios, missing queues, and the floor's statements."""

import json
from pathlib import Path

import pytest
from sqlalchemy import text

from benchmarks.harness import Bench
from benchmarks.peers import comparison, floor, install
from benchmarks.peers.candidates import CANDIDATES, OURS
from benchmarks.peers.workloads import Round, Sizes
from crawljobs.db.database import Database
from onebox.postgres import binaries
from support.databases import Databases


def test_a_ratio_is_that_of_each_round_so_that_a_slow_round_does_not_count() -> None:
    ours, theirs = [100.0, 10.0, 120.0], [50.0, 5.0, 40.0]
    assert comparison.ratio("drain, one process", ours, theirs) == 2.0
    assert comparison.ratio("idle to start, p50", [2.0], [6.0]) == 3.0  # a shorter time is better
    assert comparison.ratio("drain, one process", ours, []) is None


def test_a_verdict_holds_falls_short_or_says_that_nobody_was_there() -> None:
    values = {
        "drain, one process": {OURS: [25.0], "PgQueuer": [10.0]},
        "drain before others": {OURS: [20.0]},
        "idle to start, p50": {OURS: [4.0]},
    }
    found = {(v.figure, v.wanted.split()[0]): str(v) for v in comparison.verdicts(values)}
    assert found["drain, one process", "must"] == "holds"
    assert found["drain, one process", "aims"] == "not measured"
    assert found["drain before others", "must"] == "FALLS SHORT"
    assert found["idle to start, p50", "must"] == "holds"
    assert found["idle to start, p50", "aims"] == "FALLS SHORT"
    assert found["enqueue in bulk", "must"] == "not measured"


def test_a_peer_that_cannot_be_had_is_named_and_the_others_are_compared(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CRAWLJOBS_PEERS_VENV", str(tmp_path))
    wanted = [CANDIDATES[name] for name in (OURS, "graphile-worker", "pg-boss", "River")]
    present, missing = install.install(wanted)
    assert [candidate.name for candidate in present] == [OURS]
    assert missing == {
        "graphile-worker": "there is no node here",
        "pg-boss": "there is no node here",
        "River": "there is no go here",
    }


def test_a_drain_counts_each_job_once_and_finds_all_of_them_kept(databases: Databases) -> None:
    bench = Bench(databases.server_url, quick=True, programs=Path("unused"))
    sizes = Sizes(drained=50, drained_slow=50)
    figures = Round(bench, CANDIDATES[OURS], sizes).drain()
    assert figures["drain, one process"] > 0


def test_the_lock_of_node_packages_holds_hashes_and_no_address() -> None:
    lock = (install.NODE_SOURCES / "package-lock.json").read_text()
    assert "://" not in lock  # npm also writes funding addresses: delete those lines
    packages = {name: entry for name, entry in json.loads(lock)["packages"].items() if name}
    assert len(packages) > 10
    assert [name for name, entry in packages.items() if "integrity" not in entry] == []


def test_the_floor_sends_what_production_sends_and_leaves_nothing_behind(
    database_url: str, database: Database
) -> None:
    script = floor.Script.of_production(database_url).text
    assert script.count("\\gset") == 1
    assert (
        script.count("FROM unnest((SELECT CAST(:ids AS bigint[])), (SELECT CAST(array_fill(") == 1
    )
    assert f"THEN {floor.BATCH} ELSE 0" in script
    assert "INSERT INTO crawl_job_attempts" in script
    assert "%(" not in script
    with database.begin() as conn:
        assert conn.execute(text("SELECT count(*) FROM crawl_jobs")).scalar_one() == 0


def test_the_floor_completes_what_it_claims(databases: Databases) -> None:
    bench = Bench(databases.server_url, quick=True, programs=binaries.embedded_bindir())
    assert floor.drain(bench, jobs=2 * floor.BATCH, clients=1) > 0


def test_the_floor_refuses_a_parameter_that_it_knows_nothing_of() -> None:
    sent = floor.Sent("SELECT %(mystery)s", {"mystery": [1, 2]})
    with pytest.raises(AssertionError, match="mystery"):
        floor.rendered(None, sent, [])  # type: ignore[arg-type]
