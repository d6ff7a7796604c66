"""Comment trees: the comments that a reply shows, and how a client requests the others."""

from collections.abc import Iterator
from typing import Any

import pytest

from support import reddit_sandbox
from support.reddit_sandbox import RunningSandbox


@pytest.fixture(scope="module")
def busiest(sandbox: RunningSandbox) -> dict[str, Any]:
    """Return the post with the most comments in a large community."""
    posts = [post for page in sandbox.pages("/r/big_one/new") for post in page]
    return max(posts, key=lambda post: post["num_comments"])


def walk(children: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield all objects of a tree, each of them before its replies."""
    for child in children:
        yield child
        if replies := child["data"].get("replies"):
            yield from walk(replies["data"]["children"])


def comments_of(children: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each["data"] for each in walk(children) if each["kind"] == "t1"]


def stubs_of(children: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each["data"] for each in walk(children) if each["kind"] == "more"]


def test_a_small_tree_is_shown_whole(sandbox: RunningSandbox) -> None:
    posts = sandbox.children("/r/pottery/new", limit=100)
    small = next(post for post in posts if 5 <= post["num_comments"] <= 15)
    post, top = sandbox.thread(small["id"])
    assert {**post, "num_duplicates": 0} == {**small, "num_duplicates": 0}
    shown = comments_of(top)
    assert len(shown) == small["num_comments"]
    assert not stubs_of(top)
    parents = {small["name"]: -1, **{each["name"]: each["depth"] for each in shown}}
    assert all(parents[each["parent_id"]] == each["depth"] - 1 for each in shown)
    assert {each["link_id"] for each in shown} == {small["name"]}


def test_the_limit_leaves_the_rest_behind_stubs(
    sandbox: RunningSandbox, busiest: dict[str, Any]
) -> None:
    _, top = sandbox.thread(busiest["id"], limit=50)
    assert len(comments_of(top)) == 50
    stubs = stubs_of(top)
    assert stubs
    for stub in stubs:
        assert stub["count"] >= len(stub["children"]) > 0
        assert stub["name"] == f"t1_{stub['id']}" == f"t1_{stub['children'][0]}"
    hidden = sum(stub["count"] for stub in stubs)
    assert hidden + 50 <= busiest["num_comments"]
    if not any(stub["id"] == "_" for stub in stubs):
        assert hidden + 50 == busiest["num_comments"]


def test_deeper_than_ten_levels_the_thread_is_continued_elsewhere(
    sandbox: RunningSandbox, busiest: dict[str, Any]
) -> None:
    _, top = sandbox.thread(busiest["id"], limit=500)
    assert max(each["depth"] for each in comments_of(top)) == 9
    stub = next(stub for stub in stubs_of(top) if stub["id"] == "_")
    assert {**stub, "parent_id": ""} == {
        "count": 0,
        "name": "t1__",
        "id": "_",
        "parent_id": "",
        "depth": 10,
        "children": [],
    }
    parent = stub["parent_id"].removeprefix("t1_")
    post, deeper = sandbox.get(f"/comments/{busiest['id']}/_/{parent}").json()
    assert post["data"]["children"][0]["data"]["name"] == busiest["name"]
    [anchor] = deeper["data"]["children"]
    assert (anchor["data"]["name"], anchor["data"]["depth"]) == (stub["parent_id"], 0)
    assert anchor["data"]["replies"]["data"]["children"]


def test_everything_can_be_reached(sandbox: RunningSandbox, busiest: dict[str, Any]) -> None:
    _, top = sandbox.thread(busiest["id"], limit=30, depth=4)
    things = list(walk(top))
    seen: set[str] = set()
    requests = 0
    while things:
        thing = things.pop()
        data = thing["data"]
        if thing["kind"] == "t1":
            seen.add(data["name"])
        elif data["id"] == "_":
            requests += 1
            parent = data["parent_id"].removeprefix("t1_")
            _, deeper = sandbox.get(f"/comments/{busiest['id']}/_/{parent}").json()
            things += walk(deeper["data"]["children"])
        else:
            for start in range(0, len(data["children"]), 100):
                requests += 1
                ids = ",".join(data["children"][start : start + 100])
                things += more(sandbox, busiest["name"], ids)
        assert requests < 1_000, "the tree does not end"
    assert len(seen) == busiest["num_comments"]


def more(sandbox: RunningSandbox, link: str, children: str, **params: str) -> list[dict[str, Any]]:
    form = {"api_type": "json", "link_id": link, "children": children, "raw_json": "1", **params}
    reply = sandbox.http.post("/api/morechildren", data=form)
    assert reply.status_code == 200, reply.text
    found = reply.json()["json"]
    assert found["errors"] == []
    things: list[dict[str, Any]] = found["data"]["things"]
    return things


def test_morechildren_is_flat_and_keeps_the_depth(
    sandbox: RunningSandbox, busiest: dict[str, Any]
) -> None:
    _, top = sandbox.thread(busiest["id"], limit=20)
    stub = max(stubs_of(top), key=lambda stub: stub["count"])
    things = more(sandbox, busiest["name"], ",".join(stub["children"][:100]))
    comments = [thing["data"] for thing in things if thing["kind"] == "t1"]
    assert {each["replies"] for each in comments} == {""}
    asked = [each for each in comments if each["id"] in stub["children"]]
    assert {each["depth"] for each in asked} == {stub["depth"]}
    assert {each["parent_id"] for each in asked} == {stub["parent_id"]}
    depths = {each["name"]: each["depth"] for each in comments}
    for each in comments:
        if each not in asked:
            assert each["depth"] == depths[each["parent_id"]] + 1
    alone = more(sandbox, busiest["name"], ",".join(stub["children"][:100]), limit_children="true")
    shown = [thing["data"]["id"] for thing in alone if thing["kind"] == "t1"]
    assert sorted(shown) == sorted(stub["children"][:100])


def test_morechildren_wants_json_and_at_most_a_hundred_ids(
    sandbox: RunningSandbox, busiest: dict[str, Any]
) -> None:
    def status(**form: str) -> int:
        reply = sandbox.http.post("/api/morechildren", data={"link_id": busiest["name"], **form})
        return reply.status_code

    assert status(api_type="json", children=",".join(map(str, range(100)))) == 200
    assert status(api_type="json", children=",".join(map(str, range(101)))) == 400
    assert status(api_type="json", children="") == 400
    assert status(children="a") == 400
    assert status(api_type="json", children="a", link_id="t3_zzz") == 404


@pytest.mark.parametrize("sort", ["new", "old", "top", "confidence", "no such order"])
def test_siblings_come_in_the_order_asked_for(
    sandbox: RunningSandbox, busiest: dict[str, Any], sort: str
) -> None:
    _, top = sandbox.thread(busiest["id"], limit=500, sort=sort)
    comments = [each["data"] for each in top if each["kind"] == "t1"]
    assert len(comments) > 3
    field, downwards = {"new": ("created_utc", True), "old": ("created_utc", False)}.get(
        sort, ("score", True)
    )
    values = [each[field] for each in comments]
    assert values == sorted(values, reverse=downwards)


def test_a_thread_is_found_with_and_without_its_community(
    sandbox: RunningSandbox, busiest: dict[str, Any]
) -> None:
    bare = sandbox.get(f"/comments/{busiest['id']}", limit=5).json()
    assert sandbox.get(f"/r/big_one/comments/{busiest['id']}", limit=5).json() == bare
    assert sandbox.get(busiest["permalink"], limit=5).json() == bare
    assert sandbox.get(f"/r/pottery/comments/{busiest['id']}").status_code == 404
    for path in ("/comments/zzz", "/comments/!", f"/comments/{busiest['id']}/_/zzz"):
        assert sandbox.get(path).status_code == 404


def test_a_named_community_is_known_again_after_a_restart(
    sandbox: RunningSandbox, busiest: dict[str, Any]
) -> None:
    with reddit_sandbox.serve() as restarted:
        assert restarted.get(f"/comments/{busiest['id']}").status_code == 404
        path = f"/r/big_one/comments/{busiest['id']}"
        assert restarted.get(path).json() == sandbox.get(path).json()
        assert restarted.get(f"/comments/{busiest['id']}").status_code == 200
