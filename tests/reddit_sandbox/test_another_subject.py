"""A wrong reply about another subject has the right form, but nothing of the requested subject."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import flask
import pytest

from crawler_worker.reddit import crawl_failures, reply_subjects
from reddit_sandbox import spoilt_replies, wrong_kinds
from support.reddit_sandbox import RunningSandbox

Page = tuple[str, Callable[[Any], object]]


def spoilt(reply: Any) -> Any:
    response = flask.Response(json.dumps(reply), content_type="application/json")
    return json.loads(spoilt_replies.another_subject(response).get_data())


def pages_of(sandbox: RunningSandbox, name: str) -> list[Page]:
    posts = sandbox.children(f"/r/{name}/new", limit=100)
    busiest = max(posts, key=lambda post: post["num_comments"])
    author = next(post["author"] for post in posts if post["author"] != "[deleted]")
    names = [f"t3_{post['id']}" for post in posts[:3]]
    return [
        (f"/r/{name}/about", partial(reply_subjects.about, name=name)),
        (f"/r/{name}/new", partial(reply_subjects.posts, name=name)),
        (f"/r/{name}/comments", partial(reply_subjects.comments, name=name)),
        (f"/comments/{busiest['id']}", partial(reply_subjects.tree, post_id=busiest["id"])),
        (f"/api/info?id={','.join(names)}", partial(reply_subjects.named, names=names)),
        (f"/user/{author}/about", partial(reply_subjects.account, name=author)),
    ]


@pytest.mark.parametrize("name", ["WheelThrowing", "stubs_pottery"])
def test_a_reply_about_another_subject_has_nothing_of_the_requested_one(
    sandbox: RunningSandbox, name: str
) -> None:
    for path, read in pages_of(sandbox, name):
        reply = sandbox.http.get(path).json()
        read(reply)
        with pytest.raises(crawl_failures.UpstreamTrouble, match="not about"):
            read(spoilt(reply))


def test_each_page_with_a_subject_can_get_a_reply_about_another_one() -> None:
    with_kind = {
        endpoint
        for endpoint, kinds in wrong_kinds.KINDS.items()
        if any(kind.name == "another subject" for kind in kinds)
    }
    assert with_kind == set(wrong_kinds.KINDS) - {"token"}
