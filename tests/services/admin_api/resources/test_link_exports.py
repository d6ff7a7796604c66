"""The links between subreddits as lines, and as graphs that programs for graphs read."""

import json
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import flask.testing
import pytest
from sqlalchemy import text

from crawljobs.db.database import Database
from crawljobs.repository.operations import audit_log
from support import needs

Client = flask.testing.FlaskClient
LINKS = "/api/export/links"
NAMESPACES = {"graphml": "http://graphml.graphdrawing.org/xmlns", "gexf": "http://gexf.net/1.3"}
ROWS = """
    INSERT INTO subreddits (id, name) OVERRIDING SYSTEM VALUE
    VALUES (1, 'python'), (2, 'golang'), (3, 'rust'), (4, 'u_ada');
    INSERT INTO map_nodes (subreddit_id, author_count, community_id)
    VALUES (1, 50, 1), (2, 40, 1), (3, 7, NULL), (4, 1, NULL);
    INSERT INTO subreddit_links (a_id, b_id, shared_authors, weight, is_top_of_a, is_top_of_b,
        computed_at)
    VALUES (1, 2, 9, 0.5, true, true, now()), (2, 3, 2, 0.25, true, false, now()),
        (1, 3, 4, 0.125, true, true, now())
"""


@pytest.fixture
def mapped(client: Client, database: Database) -> Client:
    with database.begin() as conn:
        for statement in ROWS.split(";"):
            conn.execute(text(statement))
    return client


def lines(client: Client, **query: Any) -> list[dict[str, Any]]:
    answer = client.get(LINKS, query_string=query)
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def test_links_are_lines_in_the_order_of_their_keys(mapped: Client) -> None:
    whole = lines(mapped)
    assert [(one["a"], one["b"], one["shared_authors"], one["weight"]) for one in whole] == [
        ("python", "golang", 9, 0.5), ("python", "rust", 4, 0.125), ("golang", "rust", 2, 0.25),
    ]  # fmt: skip
    for n, one in enumerate(whole):
        assert lines(mapped, after=f"{one['a_id']},{one['b_id']}") == whole[n + 1 :]
    assert lines(mapped, min_shared=4) == whole[:2]
    rows = mapped.get(LINKS, query_string={"format": "csv"}).text.splitlines()
    assert rows[0] == "a,b,a_id,b_id,shared_authors,weight,computed_at"
    assert rows[1].startswith("python,golang,1,2,9,0.5,")


def parsed(content: str) -> Element:
    return ElementTree.fromstring(content)  # noqa: S314 - our own server has written it


@pytest.mark.parametrize("form", ["graphml", "gexf"])
def test_a_graph_has_each_node_and_each_link(mapped: Client, database: Database, form: str) -> None:
    answer = mapped.get(LINKS, query_string={"format": form, "min_shared": 3})
    assert answer.status_code == 200
    space = {"g": NAMESPACES[form]}
    graph = parsed(answer.text)
    nodes = {one.get("id"): one for one in graph.iterfind(".//g:node", space)}
    assert sorted(nodes) == ["1", "2", "3", "4"]
    texts = [ElementTree.tostring(nodes[one], encoding="unicode") for one in ("2", "3")]
    assert [word in texts[0] for word in ("golang", "40", "python")] == [True] * 3
    assert "community" not in texts[1]
    edges = [(one.get("source"), one.get("target")) for one in graph.iterfind(".//g:edge", space)]
    assert edges == [("1", "2"), ("1", "3")]
    assert "0.125" in answer.text
    with database.begin() as conn:
        (entry,) = audit_log.list_entries(conn, limit=5).entries
    assert (entry.action, entry.resource_id) == ("export", "links")
    assert entry.after is not None
    assert entry.after["format"] == form


def test_a_graph_without_links_is_complete(client: Client) -> None:
    for form, space in NAMESPACES.items():
        answer = client.get(LINKS, query_string={"format": form})
        assert parsed(answer.text).tag.startswith(f"{{{space}}}")


MANY = """
    INSERT INTO subreddits (id, name) OVERRIDING SYSTEM VALUE
    SELECT n, CASE WHEN n % 9 = 0 THEN 'u_' ELSE '' END || 'sub_' || n
    FROM generate_series(1, 300) AS n;
    INSERT INTO map_nodes (subreddit_id, author_count, community_id)
    SELECT n, n * 7, NULLIF(n % 5, 0) FROM generate_series(1, 290) AS n;
    INSERT INTO subreddit_links (a_id, b_id, shared_authors, weight, is_top_of_a, is_top_of_b,
        computed_at)
    SELECT a, b, 1 + (a * b) % 50, (a + b) / 777.0, true, a % 2 = 0, now()
    FROM generate_series(1, 290) AS a, generate_series(1, 290) AS b
    WHERE a < b AND (a * 31 + b) % 40 = 0
"""
NODES = """
    SELECT node.subreddit_id, subreddit.name, node.author_count, community.name
    FROM map_nodes AS node JOIN subreddits AS subreddit ON subreddit.id = node.subreddit_id
    LEFT JOIN subreddits AS community ON community.id = node.community_id ORDER BY 1
"""
EDGES = "SELECT a_id, b_id, weight, shared_authors FROM subreddit_links ORDER BY 1, 2"
READ = """
import json, sys, networkx
graph = getattr(networkx, "read_" + sys.argv[1])(sys.argv[2])
nodes = [[int(id), node["label"], node["authors"], node.get("community")]
         for id, node in graph.nodes(data=True)]
edges = [[*sorted(map(int, ends)), edge["weight"], edge["shared_authors"]]
         for *ends, edge in graph.edges(data=True)]
kind = [graph.is_directed(), graph.is_multigraph()]
print(json.dumps([kind, sorted(nodes), sorted(edges)]))
"""


@pytest.mark.parametrize("form", ["graphml", "gexf"])
def test_networkx_reads_the_nodes_edges_and_weights_of_the_tables(
    client: Client, database: Database, tmp_path: Path, form: str
) -> None:
    with database.begin() as conn:
        for statement in MANY.split(";"):
            conn.execute(text(statement))
        nodes = [[*row] for row in conn.execute(text(NODES))]
        edges = [[*row] for row in conn.execute(text(EDGES))]
    file = tmp_path / f"links.{form}"
    file.write_bytes(client.get(LINKS, query_string={"format": form}).data)
    done = subprocess.run(
        [needs.parquet(), "-c", READ, form, str(file)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert len(edges) > 900
    assert json.loads(done.stdout) == [[False, False], nodes, edges]


@pytest.mark.parametrize("form", ["ndjson", "csv", "graphml", "gexf", "subreddits", "reddit"])
def test_with_pseudonyms_no_profile_of_an_account_is_exported(
    mapped: Client, database: Database, form: str
) -> None:
    with database.begin() as conn:
        conn.execute(text("UPDATE subreddits SET name = 'U_ada' WHERE id = 4"))
        conn.execute(text("UPDATE map_nodes SET community_id = 4 WHERE subreddit_id IN (1, 4)"))
        conn.execute(
            text("INSERT INTO subreddit_links (a_id, b_id, shared_authors, weight, is_top_of_a, "
                 "is_top_of_b, computed_at) VALUES (1, 4, 3, 0.3, true, true, now())")
        )  # fmt: skip
    query: dict[str, Any] = {"format": form}
    path = LINKS
    if form in ("subreddits", "reddit"):
        path, query = "/api/export/subreddits", {"shape": "reddit" if form == "reddit" else "flat"}
    named = mapped.get(path, query_string=query)
    hidden = mapped.get(path, query_string={**query, "pseudonyms": "true"})
    assert ("u_ada" in named.text.lower(), hidden.status_code) == (True, 200)
    assert "ada" not in hidden.text.lower()
    assert all(name in hidden.text for name in ("python", "golang", "rust"))
