"""Comment trees are fetched up to the limits of the settings, in requests of bounded size."""

import json
import urllib.parse
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler_worker.crawl import tree_growth
from crawler_worker.crawl.checkpoints.checkpoint import Checkpoint
from crawler_worker.crawl.checkpoints.saved_checkpoint import read
from crawler_worker.crawl.tree import Thread, Tree
from crawljobs.domain.reddit_items import Items, MoreComments
from support import scripted_server
from support.crawled import comment
from support.crawls import DEFAULTS, Crawler
from support.scripted_server import Exchange

SETTINGS = replace(DEFAULTS, max_comments_per_post=10, max_comment_depth=3)
START = Tree(post="p1")
# A budget so large that no request waits for its slot.
QUICK = {"x-ratelimit-used": "1", "x-ratelimit-remaining": "9999999.0", "x-ratelimit-reset": "9"}


def page(*depths: int, more: tuple[MoreComments, ...] = ()) -> Items:
    comments = tuple(comment(f"c{n}", depth=depth) for n, depth in enumerate(depths))
    return Items(comments=comments, more=more)


def test_a_tree_without_cuts_is_done() -> None:
    kept, rest = tree_growth.grow(START, page(0, 1, 2), SETTINGS)
    assert (len(kept), rest.is_done, rest.missing) == (3, True, 0)


def test_comments_deeper_than_the_setting_are_left_out() -> None:
    kept, rest = tree_growth.grow(START, page(0, 2, 3, 4), SETTINGS)
    assert [c.depth for c in kept] == [0, 2]
    assert rest.missing == 2


def test_more_comments_than_the_setting_are_left_out_and_no_more_is_fetched() -> None:
    cut = MoreComments("t3_p1", ("x",), 0)
    kept, rest = tree_growth.grow(START, page(*[0] * 12, more=(cut,)), SETTINGS)
    assert (len(kept), rest.is_done, rest.missing) == (10, True, 3)


def test_what_is_cut_is_fetched_later_as_far_as_there_is_room_and_depth() -> None:
    cuts = (
        MoreComments("t3_p1", tuple(f"m{n}" for n in range(5)), 0, count=5),
        MoreComments("t1_c0", (), 2),
        MoreComments("t1_c1", ("deep",), 3, count=1),
        MoreComments("t1_c2", (), 3),
    )
    _, rest = tree_growth.grow(START, page(0, 0, more=cuts), SETTINGS)
    assert (len(rest.more), rest.comments) == (5, 2)
    assert rest.threads == (Thread("c0", depth=1),)
    # The two stubs are too deep. Each counts as at least one missing comment.
    assert rest.missing == 2


def test_a_reply_that_brings_only_more_cuts_is_not_followed_for_ever() -> None:
    tree = Tree(post="p1", comments=1, is_first=False)
    cut = MoreComments("t3_p1", ("again",), 0, count=1)
    kept, rest = tree_growth.grow(tree, Items(more=(cut,)), SETTINGS)
    assert (kept, rest.is_done) == ((), True)


@given(
    st.lists(st.integers(0, 5), max_size=30),
    st.lists(
        st.tuples(
            st.lists(st.sampled_from("xyzuvw"), max_size=5),
            st.integers(0, 5),
            st.integers(0, 5),
            st.sampled_from(["t1_c0", "t3_p1", "t1_a"]),
        ),
        max_size=5,
    ),
    st.integers(0, 10),
)
def test_a_tree_never_grows_beyond_the_settings(
    depths: list[int], cuts: list[tuple[list[str], int, int, str]], before: int
) -> None:
    more = tuple(MoreComments(name, tuple(ids), depth, n) for ids, depth, n, name in cuts)
    tree = replace(START, comments=before)
    kept, rest = tree_growth.grow(tree, page(*depths, more=more), SETTINGS)
    assert before + len(kept) <= 10
    assert all((c.depth or 0) < 3 for c in kept)
    assert len(rest.more) + len(rest.unbrought) + rest.comments <= 10
    assert sum(stub.size for stub in rest.stubs) == len(rest.more)
    assert len(set(rest.more)) == len(rest.more)
    at = Checkpoint(phase="trees", tree=rest)
    assert read(json.loads(json.dumps(at.saved()))) == at


class Thick:
    """A server whose only tree has 400 missing comments. It refuses requests with too many ids."""

    def __init__(self, longest: int) -> None:
        self.longest = longest
        self.batches: list[int] = []

    def __call__(self, it: Exchange) -> None:
        if it.path.startswith("/api/v1/access_token"):
            it.send(200, b'{"access_token": "t", "expires_in": 86400}')
        elif it.path.startswith("/comments/"):
            ids = [f"m{n}" for n in range(400)]
            data = {"id": "m0", "parent_id": "t3_p1", "children": ids, "count": len(ids)}
            cut = {"kind": "more", "data": data}
            it.send(200, json.dumps([listing(), listing(thing("c0"), cut)]).encode(), **QUICK)
        elif it.path.startswith("/api/morechildren"):
            asked = urllib.parse.parse_qs(it.body.decode())["children"][0].split(",")
            if len(asked) > self.longest:
                it.send(413, b"", **QUICK)
                return
            self.batches.append(len(asked))
            reply = {"json": {"errors": [], "data": {"things": [thing(each) for each in asked]}}}
            it.send(200, json.dumps(reply).encode(), **QUICK)
        else:
            it.send(404, b"{}")


def listing(*children: Any) -> dict[str, Any]:
    return {"kind": "Listing", "data": {"children": list(children), "after": None}}


def thing(comment_id: str) -> dict[str, Any]:
    data = {
        "id": comment_id, "link_id": "t3_p1", "parent_id": "t3_p1", "subreddit": "python",
        "author": "ada", "body": "text", "score": 1, "created_utc": 1594424685.0, "depth": 0,
    }  # fmt: skip
    return {"kind": "t1", "data": data}


@pytest.mark.parametrize(("longest", "batches"), [(100, [100] * 4), (30, [25] * 13 + [18, 28, 29])])
def test_a_request_that_is_too_long_is_split(
    crawler: Crawler, longest: int, batches: list[int]
) -> None:
    server = Thick(longest)
    at_the_tree = Checkpoint(phase="trees", busiest=(("p1", 401),)).saved()
    crawler.settings = replace(
        crawler.settings, fetch_user_subreddits=False, max_requests_per_job=9_999
    )
    crawler.enqueue("python")
    with scripted_server.serve(server) as url:
        crawler.url = url
        crawler.run(crawler.claim()._replace(checkpoint=at_the_tree))
    assert server.batches == batches
    assert crawler.value("SELECT count(*) FROM comments") == 401
    assert crawler.value("SELECT comments FROM author_subreddits") == 401


def test_a_post_that_is_gone_meanwhile_does_not_end_the_crawl(crawler: Crawler) -> None:
    crawler.settings = replace(crawler.settings, fetch_user_subreddits=False)
    crawler.enqueue("python")
    saved = Checkpoint(phase="trees", busiest=(("0000gone", 9), ("0001gone", 8))).saved()
    assert crawler.run(crawler.claim()._replace(checkpoint=saved)) == "crawled"
    assert crawler.checkpoint()["phase"] == "done"
