"""The links between subreddits as lines, and as graphs that programs for graphs read."""

import json
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import flask.testing
import pytest
from sqlalchemy import text

from crawljobs.db.database import Database
from crawljobs.repository.operations import audit_log

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
