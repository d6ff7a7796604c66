"""Posts and comments of a community, page by page, and batches of items by id."""

import pytest

from reddit_sandbox import listing_pages
from support.reddit_sandbox import RunningSandbox


def test_every_spelling_of_a_path_and_a_name_gives_the_same(sandbox: RunningSandbox) -> None:
    spellings = ("/r/kilntalk/about", "/r/KilnTalk/about/", "/r/KILNTALK/about.json")
    replies = [sandbox.get(path).json() for path in (*spellings, "/r/kilntalk/about/.json")]
    assert all(reply == replies[0] for reply in replies)
    assert replies[0]["data"]["display_name"] == "KilnTalk"


def test_new_is_walked_to_its_end_without_gaps_or_repeats(sandbox: RunningSandbox) -> None:
    pages = sandbox.pages("/r/pottery/new")
    posts = [post for page in pages for post in page]
    assert 40 <= len(posts) <= 300
    assert [len(page) for page in pages[:-1]] == [100] * (len(pages) - 1)
    assert len({post["name"] for post in posts}) == len(posts)
    created = [post["created_utc"] for post in posts]
    assert created == sorted(created, reverse=True)
    ids = [int(post["id"], 36) for post in posts]
    assert ids == sorted(ids, reverse=True)


def test_a_listing_ends_after_about_a_thousand_items(sandbox: RunningSandbox) -> None:
    for path in ("/r/big_one/new", "/r/big_one/comments"):
        assert [len(page) for page in sandbox.pages(path)] == [100] * 10 + [1]


@pytest.mark.parametrize(
    ("limit", "count"), [("", 25), ("7", 7), ("100", 100), ("101", 100), ("x", 25), ("-3", 25)]
)
def test_a_limit_is_at_most_a_hundred(sandbox: RunningSandbox, limit: str, count: int) -> None:
    data = sandbox.get("/r/big_one/new", limit=limit).json()["data"]
    assert len(data["children"]) == data["dist"] == count


def test_before_gives_the_items_just_newer_than_its_anchor(sandbox: RunningSandbox) -> None:
    newest = sandbox.children("/r/pottery/new", limit=30)
    anchor = newest[20]["name"]
    page = sandbox.children("/r/pottery/new", limit=5, before=anchor)
    assert page == newest[15:20]
    assert sandbox.children("/r/pottery/new", limit=100, before=newest[0]["name"]) == []


def test_an_anchor_that_was_deleted_gives_an_empty_page(sandbox: RunningSandbox) -> None:
    newest = sandbox.children("/r/kilntalk/new", limit=10)
    anchor = newest[5]
    assert sandbox.children("/r/kilntalk/new", before=anchor["name"]) == newest[:5]
    deleted = sandbox.http.post("/sandbox/delete", json={"name": anchor["name"]})
    assert deleted.json() == {"deleted": anchor["name"]}
    for side in ("before", "after"):
        assert sandbox.children("/r/kilntalk/new", **{side: anchor["name"]}) == []
    left = sandbox.children("/r/kilntalk/new", limit=10)
    assert [post["name"] for post in left[:9]] == [
        post["name"] for post in newest if post is not anchor
    ]
    [remains] = sandbox.children("/api/info", id=anchor["name"])
    assert remains["author"] == "[deleted]"
    assert "author_fullname" not in remains


def test_only_what_exists_can_be_deleted(sandbox: RunningSandbox) -> None:
    wrongs: list[object] = [{}, {"name": "t3_zzz"}, {"name": 3}, []]
    for wrong in wrongs:
        assert sandbox.http.post("/sandbox/delete", json=wrong).status_code == 422


def test_pinned_posts_make_the_first_page_of_hot_longer(sandbox: RunningSandbox) -> None:
    names = sandbox.http.get("/sandbox/communities").json()["communities"]
    seen = set()
    for name in [*names[:12], "big_one", "big_two", "big_three"]:
        data = sandbox.get(f"/r/{name}/hot", limit=20).json()["data"]
        posts = [child["data"] for child in data["children"]]
        pinned = [post["stickied"] for post in posts]
        assert len(posts) == data["dist"] == 20 + sum(pinned)
        assert pinned == sorted(pinned, reverse=True)
        seen.add(sum(pinned))
        again = [post for page in sandbox.pages(f"/r/{name}/hot") for post in page]
        assert sum(post["stickied"] for post in again) == sum(pinned)
        assert len({post["name"] for post in again}) == len(again)
    assert seen == {0, 1, 2}


def test_a_page_of_hot_can_have_102_items(sandbox: RunningSandbox) -> None:
    lengths = {len(sandbox.children(f"/r/big_{x}/hot", limit=100)) for x in "abcdefgh"}
    assert max(lengths) == 102


def test_top_is_bounded_by_its_period_and_ordered_by_score(sandbox: RunningSandbox) -> None:
    counts = []
    for period in ("hour", "day", "week", "month", "year", "all"):
        posts = [post for page in sandbox.pages("/r/big_one/top", t=period) for post in page]
        scores = [post["score"] for post in posts]
        assert scores == sorted(scores, reverse=True)
        counts.append(len(posts))
    assert counts == sorted(counts)
    assert counts[0] < counts[2] < counts[-1] == listing_pages.CAP
    assert len(sandbox.children("/r/big_one/top", limit=100)) == min(100, counts[1])


def test_comments_of_a_community_are_those_of_its_trees(sandbox: RunningSandbox) -> None:
    comments = sandbox.children("/r/pottery/comments", limit=50)
    created = [comment["created_utc"] for comment in comments]
    assert created == sorted(created, reverse=True)
    posts = {post["name"]: post for page in sandbox.pages("/r/pottery/new") for post in page}
    for comment in comments:
        post = posts[comment["link_id"]]
        assert comment["link_title"] == post["title"]
        assert comment["num_comments"] == post["num_comments"] > 0
        assert comment["created_utc"] > post["created_utc"]


def test_info_answers_for_mixed_kinds_and_leaves_out_the_unknown(sandbox: RunningSandbox) -> None:
    post = sandbox.children("/r/pottery/new", limit=1)[0]
    comment = sandbox.children("/r/pottery/comments", limit=1)[0]
    names = [comment["name"], "t3_zzz", post["name"], post["subreddit_id"], "t1_", "t9_a", "x"]
    data = sandbox.get("/api/info", id=",".join(names)).json()["data"]
    assert [child["kind"] for child in data["children"]] == ["t1", "t3", "t5"]
    assert data["dist"] == 3
    assert data["children"][1]["data"] == post


def test_info_takes_a_hundred_ids(sandbox: RunningSandbox) -> None:
    names = [post["name"] for post in sandbox.pages("/r/big_one/new")[0]]
    assert len(sandbox.children("/api/info", id=",".join(names))) == 100
    assert sandbox.get("/api/info", id=",".join([*names, "t3_zzz"])).status_code == 400


def test_info_gives_communities_by_name(sandbox: RunningSandbox) -> None:
    names = "Pottery,private_one,missing_one,banned_one,!,kilntalk"
    reply = sandbox.get("/api/info", sr_name=names)
    assert "x-ratelimit-used" not in reply.headers
    found = [child["data"] for child in reply.json()["data"]["children"]]
    assert [each["display_name"] for each in found] == ["Pottery", "private_one", "KilnTalk"]
    assert [each["subreddit_type"] for each in found] == ["public", "private", "public"]
    assert found[1]["subscribers"] is None


def test_a_url_that_is_too_long_is_refused(sandbox: RunningSandbox) -> None:
    assert sandbox.get("/api/info", id="t3_zzz," * 500).status_code == 400
    reply = sandbox.get("/api/info", id="t3_zzz," * 1_300)
    assert (reply.status_code, reply.text) == (414, "Error: URI Too Long")
    assert "x-ratelimit-used" not in reply.headers


def test_without_raw_json_three_characters_are_escaped(sandbox: RunningSandbox) -> None:
    raw = sandbox.get("/r/pottery/new", limit=100).text
    escaped = sandbox.http.get("/r/pottery/new", params={"limit": 100}).text
    assert "<!-- SC_OFF -->" in raw
    assert not set("<>") & set(escaped)
    assert escaped == raw.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def test_deleted_and_removed_content_is_marked_as_recorded(sandbox: RunningSandbox) -> None:
    posts = [post for page in sandbox.pages("/r/big_one/new") for post in page]
    comments = [each for page in sandbox.pages("/r/big_one/comments") for each in page]
    for item in posts + comments:
        assert (item["author"] == "[deleted]") == ("author_fullname" not in item)
    removed = [post for post in posts if post["removed_by_category"] == "moderator"]
    assert {post["selftext"] for post in removed if post["is_self"]} == {"[removed]"}
    assert any(post["author"] != "[deleted]" for post in removed)
    deleted = [post for post in posts if post["removed_by_category"] == "deleted"]
    assert {post["author"] for post in deleted} == {"[deleted]"}
    bodies = {each["body"] for each in comments if each["author"] == "[deleted]"}
    assert {"[deleted]", "[removed]"} < bodies
    assert any(post["author"] == "[deleted]" and not post["removed_by_category"] for post in posts)


def test_an_empty_community_has_empty_listings(sandbox: RunningSandbox) -> None:
    for path in ("new", "hot", "top", "comments"):
        data = sandbox.get(f"/r/empty_one/{path}").json()["data"]
        assert (data["children"], data["dist"], data["after"]) == ([], 0, None)


def test_unknown_paths_are_not_found(sandbox: RunningSandbox) -> None:
    for path in ("/", "/r/pottery/wiki", "/api/v1/me", "/r//about"):
        reply = sandbox.get(path)
        assert (reply.status_code, reply.json()["error"]) == (404, 404), path
