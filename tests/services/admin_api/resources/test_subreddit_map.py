"""GET /api/admin/map: links, their subreddits, communities, filters and limits."""

from typing import Any

import flask.testing
import pytest

from crawljobs.db.database import Database
from support import map_world


@pytest.fixture
def current(database: Database) -> None:
    map_world.store_current(database, map_world.TWO_COMMUNITIES)


def get(client: flask.testing.FlaskClient, **query: Any) -> dict[str, Any]:
    answer = client.get("/api/admin/map", query_string=query)
    assert answer.status_code == 200, answer.get_json()
    body: dict[str, Any] = answer.get_json()
    return body


def pairs(body: dict[str, Any]) -> list[tuple[str, str]]:
    names = {node["id"]: node["name"] for node in body["nodes"]}
    return [(names[link["a"]], names[link["b"]]) for link in body["links"]]


@pytest.mark.usefixtures("current")
def test_the_map_has_the_strongest_links_first(client: flask.testing.FlaskClient) -> None:
    body = get(client)
    assert sorted(map(sorted, pairs(body))) == [
        ["cats", "dogs"],
        ["cats", "fish"],
        ["dogs", "fish"],
        ["mars", "moon"],
    ]
    weights = [link["weight"] for link in body["links"]]
    assert weights == sorted(weights, reverse=True)
    assert weights[0] == 1.0
    assert (body["has_more"], body["due"]) == (False, 0)
    assert body["links_at"] <= body["communities_at"]
    nodes = {node["name"]: node for node in body["nodes"]}
    largest = max(("cats", "dogs", "fish"), key=lambda name: nodes[name]["subscribers"])
    assert nodes["cats"]["community"] == {"id": nodes[largest]["id"], "name": largest}
    assert nodes["moon"]["community"]["name"] in ("moon", "mars")
    assert (nodes["cats"]["authors"], nodes["fish"]["authors"]) == (3, 2)
    assert nodes["cats"]["access"] == "public"


@pytest.mark.usefixtures("current")
def test_filters_and_limits(client: flask.testing.FlaskClient) -> None:
    assert [set(pair) for pair in pairs(get(client, min_shared=3))] == [{"cats", "dogs"}]
    limited = get(client, limit=2)
    assert len(limited["links"]) == 2
    assert limited["has_more"]
    around = get(client, around="r/Fish")
    assert {name for pair in pairs(around) for name in pair} == {"cats", "dogs", "fish"}
    assert len(around["links"]) == 3, "also the links among the neighbours"
    assert [set(pair) for pair in pairs(get(client, around="moon"))] == [{"mars", "moon"}]
    assert get(client, around="moon", min_shared=3)["nodes"] == []


def test_an_empty_map(client: flask.testing.FlaskClient) -> None:
    assert get(client) == {
        "nodes": [],
        "links": [],
        "has_more": False,
        "due": 0,
        "links_at": None,
        "communities_at": None,
    }


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"around": "unknown_name"}, 404),
        ({"around": "no name"}, 422),
        ({"limit": 0}, 422),
        ({"limit": 1_501}, 422),
        ({"min_shared": 0}, 422),
        ({"depth": 2}, 400),
    ],
)
def test_bad_parameters_are_refused(
    client: flask.testing.FlaskClient, query: dict[str, Any], status: int
) -> None:
    answer = client.get("/api/admin/map", query_string=query)
    assert answer.status_code == status, answer.get_json()
