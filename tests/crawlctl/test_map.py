"""`crawlctl map` and `crawlctl export links`: the map as a table, as lines and as a graph."""

import csv
import io
import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from crawlctl.exporting import download as exporting
from crawljobs.db.database import Database
from support import map_world
from support.crawlctl import Ctl
from support.scripted_server import Exchange, serve

HEAD = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: application/gexf+xml\r\n\r\n"
)


@pytest.fixture
def current(api_rows: Database) -> None:
    map_world.store_current(api_rows, map_world.TWO_COMMUNITIES)


@pytest.mark.usefixtures("current")
def test_the_map_has_its_links_in_each_format(ctl: Ctl) -> None:
    found = ctl.ok("map", "-o", "json").json
    pairs = {frozenset((link["a"], link["b"])) for link in found}
    assert pairs == {
        frozenset(pair)
        for pair in (("cats", "dogs"), ("cats", "fish"), ("dogs", "fish"), ("mars", "moon"))
    }
    assert [link["weight"] for link in found] == [1.0, 1.0, 0.8165, 0.8165]
    heading, *rows = ctl.ok("map", "-o", "table").lines
    assert heading.split() == ["A", "B", "SHARED", "WEIGHT", "A_COMMUNITY", "B_COMMUNITY"]
    assert len(rows) == len(ctl.ok("map", "-o", "csv").rows) == 4
    few = ctl.ok("map", "--limit", 1, "-o", "json")
    assert (len(few.json), "weaker links" in few.err) == (1, True)
    assert len(ctl.ok("map", "--min-shared", 3, "-o", "json").json) == 1


@pytest.mark.usefixtures("current")
def test_a_neighbourhood_begins_with_the_links_of_its_subreddit(ctl: Ctl) -> None:
    found = ctl.ok("map", "r/Fish", "-o", "json").json
    assert [link["a"] for link in found[:2]] == ["fish", "fish"]
    assert {link["b"] for link in found[:2]} == {"cats", "dogs"}
    assert {found[2]["a"], found[2]["b"]} == {"cats", "dogs"}
    assert (found[0]["a_authors"], found[0]["b_authors"]) == (2, 3)
    own = ctl.ok("map", "fish", "--limit", 2, "-o", "csv")
    assert {row["a"] for row in own.rows} == {"fish"}
    dot = ctl.ok("map", "moon", "-o", "dot").out
    assert '"mars" -- "moon" [label=2 penwidth=6.00];' in dot.replace(
        '"moon" -- "mars"', '"mars" -- "moon"'
    )
    assert ctl("map", "none_here").code == 5
    assert ctl("map", "r/a/b").code == 2


def test_an_empty_map(ctl: Ctl) -> None:
    empty = ctl.ok("map", "-o", "json")
    assert (empty.json, "There are no links" in empty.err) == ([], True)


@pytest.mark.usefixtures("current")
def test_the_links_are_exported_as_lines_and_as_graphs(ctl: Ctl, tmp_path: Path) -> None:
    files = {name: tmp_path / name for name in ("ndjson", "csv", "graphml", "gexf")}
    for name, path in files.items():
        said = ctl.ok("export", "links", "--format", name, "--out", path).err
        assert "--updated-since" not in said
    lines = [json.loads(line) for line in files["ndjson"].read_text().splitlines()]
    rows = [*csv.DictReader(io.StringIO(files["csv"].read_text()))]
    assert [row["weight"] for row in rows] == [str(line["weight"]) for line in lines]
    for name in ("graphml", "gexf"):
        elements = [each.tag.rpartition("}")[2] for each in ET.parse(files[name]).iter()]  # noqa: S314
        assert (elements.count("node"), elements.count("edge")) == (5, len(lines)) == (5, 4)
    only = ctl.ok("export", "links", "--min-shared", 3, "--out", tmp_path / "few")
    assert "1 lines are in" in only.err
    assert len((tmp_path / "few").read_text().splitlines()) == 1


def test_a_broken_graph_begins_again_and_leaves_no_half_of_a_file(
    offline: Ctl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "PAUSE_SECONDS", 0.01)
    whole, tries = b"<graph>\n" * 9_000 + b"</graph>\n", list[str]()

    def script(exchange: Exchange) -> None:
        tries.append(exchange.path)
        is_cut = len(tries) in (1, 3, 4)
        sent = whole + b"<more/>\n" if is_cut else whole  # the first graph was longer
        exchange.wfile.write(HEAD + b"%x\r\n%s\r\n" % (len(sent), sent))
        exchange.wfile.flush()
        if is_cut:
            exchange.hang_up()
        else:
            exchange.wfile.write(b"0\r\n\r\n")

    with serve(script) as url:
        out = tmp_path / "map.gexf"
        export = ["--url", url, "export", "links", "--format", "gexf", "--out"]
        offline.ok(*export, out)
        assert (out.read_bytes(), len(tries)) == (whole, 2)
        assert offline(*export, out).code == 3  # the file exists
        never = offline("--retry-seconds", "0", *export, tmp_path / "never")
        assert (never.code, "not complete" in never.err) == (6, True)
        assert offline(*export, tmp_path / "again", "--resume").code == 2
        posts = ["--url", url, "export", "posts", "--format", "gexf", "--out", tmp_path / "p"]
        assert offline(*posts).code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["map.gexf"]
