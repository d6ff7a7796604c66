"""Communities in which one part fails, and replies that are replaced on request."""

from typing import Any

import pytest

from support import reddit_sandbox
from support.reddit_sandbox import RunningSandbox


def put(sandbox: RunningSandbox, **asked: Any) -> int:
    return sandbox.http.post("/sandbox/replies", json=asked).status_code


def statuses(sandbox: RunningSandbox, *paths: str) -> list[int]:
    return [sandbox.get(path).status_code for path in paths]


def test_later_pages_fail(sandbox: RunningSandbox) -> None:
    first = sandbox.get("/r/badpage_one/new", limit=10).json()["data"]
    assert len(first["children"]) == 10
    assert sandbox.get("/r/badpage_one/new", after=first["after"]).status_code == 500
    post = first["children"][0]["data"]["id"]
    assert statuses(sandbox, "/r/badpage_one/about", f"/comments/{post}") == [200, 200]


def test_a_listing_of_comments_has_no_children(sandbox: RunningSandbox) -> None:
    reply = sandbox.get("/r/nocomments_one/comments")
    assert (reply.status_code, reply.json()["data"]["children"]) == (200, None)
    assert len(sandbox.children("/r/nocomments_one/new")) > 1


def test_every_tenth_tree_fails(sandbox: RunningSandbox) -> None:
    posts = [post["id"] for post in sandbox.children("/r/badtree_one/new", limit=20)]
    found = statuses(sandbox, *(f"/comments/{post}" for post in posts))
    assert sorted(found) == [200] * 18 + [500] * 2
    broken = posts[found.index(500)]
    assert statuses(sandbox, f"/r/badtree_one/comments/{broken}", "/r/badtree_one/comments") == [
        500,
        200,
    ]


def test_children_are_refused_as_a_page(sandbox: RunningSandbox) -> None:
    post = sandbox.children("/r/badmore_one/new")[0]["id"]
    reply = sandbox.get("/api/morechildren", api_type="json", link_id=f"t3_{post}", children="abc")
    assert reply.status_code == 400
    assert reply.text.lstrip().startswith("<!doctype html>")


@pytest.mark.parametrize("path", ["new", "comments"])
def test_a_listing_leads_back(sandbox: RunningSandbox, path: str) -> None:
    cursors, after = [], ""
    for _ in range(6):
        after = sandbox.get(f"/r/loop_one/{path}", limit=100, after=after).json()["data"]["after"]
        cursors.append(after)
    assert None not in cursors
    assert len(set(cursors)) < len(cursors)


def test_stubs_that_count_0_are_resolved_by_threads_alone(sandbox: RunningSandbox) -> None:
    listed = sandbox.children("/r/stubs_one/new", limit=100)
    busiest = max(listed, key=lambda post: int(post["num_comments"]))
    _, comments = sandbox.thread(busiest["id"], limit=500)
    stubs = []
    waiting = list(comments)
    while waiting:
        thing = waiting.pop()
        if thing["kind"] == "more":
            stubs.append(thing["data"])
        elif thing["data"]["replies"]:
            waiting += thing["data"]["replies"]["data"]["children"]
    with_children = [stub for stub in stubs if stub["children"]]
    assert with_children
    assert {stub["count"] for stub in stubs} == {0}
    reply = sandbox.get(
        "/api/morechildren", api_type="json", link_id=busiest["name"],
        children=",".join(with_children[0]["children"][:100]),
    )  # fmt: skip
    assert reply.json()["json"]["data"]["things"] == []
    below = next(stub for stub in with_children if stub["parent_id"].startswith("t1_"))
    parent = below["parent_id"].removeprefix("t1_")
    _, thread = sandbox.thread(f"{busiest['id']}/_/{parent}", limit=500)
    shown = {reply["data"]["id"] for reply in thread[0]["data"]["replies"]["data"]["children"]}
    assert set(below["children"]) <= shown


def test_items_are_removed_by_reddit(sandbox: RunningSandbox) -> None:
    posts = sandbox.children("/r/takedown_one/new", limit=100)
    assert {post["title"] for post in posts} & {"[ Removed by Reddit ]"}
    assert any(post["edited"] is True for post in posts)
    comments = sandbox.children("/r/takedown_one/comments", limit=100)
    assert sum(comment["body"].startswith("[ Removed by Reddit") for comment in comments) > 10
    assert {comment["score"] for comment in comments if comment.get("score_hidden")} == {1}


@pytest.mark.parametrize(
    ("body", "start"),
    [
        ("json", '{"message"'), ("html", "<!doctype"), ("empty", ""), ("null", "null"),
        ("children_null", '{"kind": "Listing"'), ("cut_off", '{"kind": "Listing"'),
    ],
)  # fmt: skip
def test_a_reply_is_replaced_until_it_is_taken_away(
    sandbox: RunningSandbox, body: str, start: str
) -> None:
    assert put(sandbox, path="/r/pottery/new", status=503, body=body) == 200
    reply = sandbox.get("/r/Pottery/new", limit=5)
    assert reply.status_code == 503
    assert reply.text.lstrip().startswith(start)
    assert statuses(sandbox, "/r/Pottery/about", "/r/KilnTalk/new") == [200, 200]
    (listed,) = sandbox.http.get("/sandbox/replies").json()["replies"]
    assert listed == {"path": "/r/pottery/new", "status": 503, "body": body, "times": None}
    assert put(sandbox, path="/r/pottery/new", status=0) == 200
    assert statuses(sandbox, "/r/Pottery/new") == [200]


def test_a_reply_is_replaced_so_many_times(sandbox: RunningSandbox) -> None:
    assert put(sandbox, path="/user/", status=500, times=2) == 200
    author = next(c["author"] for c in sandbox.children("/r/Pottery/comments")
                  if c["author"] != "[deleted]")  # fmt: skip
    path = f"/user/{author}/overview"
    replies = statuses(sandbox, path, path, path)
    assert replies[:2] == [500, 500]
    assert replies[2] != 500


def test_the_longest_path_decides(sandbox: RunningSandbox) -> None:
    put(sandbox, path="/r/KilnTalk", status=500)
    put(sandbox, path="/r/KilnTalk/new", status=404)
    assert statuses(sandbox, "/r/KilnTalk/new", "/r/KilnTalk/comments") == [404, 500]
    for path in ("/r/KilnTalk", "/r/KilnTalk/new"):
        put(sandbox, path=path, status=0)


@pytest.mark.parametrize(
    "asked",
    [
        {}, {"path": "new", "status": 500}, {"path": "/", "status": 99},
        {"path": "/", "status": True}, {"path": "/", "status": 500, "body": "xml"},
        {"path": "/", "status": 500, "times": 0}, {"path": "/" + "x" * 600, "status": 500},
    ],
)  # fmt: skip
def test_a_replacement_that_makes_no_sense_is_refused(
    sandbox: RunningSandbox, asked: dict[str, Any]
) -> None:
    reply = sandbox.http.post("/sandbox/replies", json=asked)
    assert reply.status_code == 422
    assert "expected" in reply.json()["error"]


def test_replacements_are_bounded() -> None:
    with reddit_sandbox.serve() as sandbox:
        for n in range(150):
            put(sandbox, path=f"/r/name{n}", status=500)
        assert len(sandbox.http.get("/sandbox/replies").json()["replies"]) == 100


@pytest.mark.parametrize("listing", ["new", "comments"])
def test_an_item_that_is_held_back_is_listed_when_it_is_approved(
    sandbox: RunningSandbox, listing: str
) -> None:
    name = sandbox.children(f"/r/LunarAtlas/{listing}")[3]["name"]
    for held in (True, False):
        asked = {"name": name, "held": held}
        assert sandbox.http.post("/sandbox/hold", json=asked).status_code == 200
        names = [item["name"] for item in sandbox.children(f"/r/LunarAtlas/{listing}")]
        assert (name in names) is not held
    for wrong in ({"name": "t3_zzzz", "held": True}, {"name": name}, {}):
        assert sandbox.http.post("/sandbox/hold", json=wrong).status_code == 422


def test_an_omitted_item_is_missing_in_info_alone(sandbox: RunningSandbox) -> None:
    listed = [item["name"] for item in sandbox.children("/r/LunarAtlas/new")]
    for omitted in (True, False):
        asked = {"name": listed[1], "omitted": omitted}
        assert sandbox.http.post("/sandbox/omit", json=asked).status_code == 200
        names = [item["name"] for item in sandbox.children("/api/info", id=",".join(listed[:3]))]
        assert names == ([listed[0], listed[2]] if omitted else listed[:3])
        assert [item["name"] for item in sandbox.children("/r/LunarAtlas/new")] == listed
    for wrong in ({"name": "t3_zzzz", "omitted": True}, {"name": listed[1]}, []):
        assert sandbox.http.post("/sandbox/omit", json=wrong).status_code == 422
