"""On request, a given share of the replies is wrong. Equal seeds give equal wrong replies."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from support.reddit_sandbox import RunningSandbox

PAGES = ("/r/pottery/about", "/r/pottery/new", "/r/pottery/comments", "/api/info?id=t5_6")


@pytest.fixture
def wrong(sandbox: RunningSandbox) -> Iterator[RunningSandbox]:
    yield sandbox
    begin(sandbox, share=0)
    sandbox.authorize()


def begin(sandbox: RunningSandbox, **asked: Any) -> None:
    assert sandbox.http.post("/sandbox/wrong-replies", json=asked).status_code == 200


def seen(sandbox: RunningSandbox, path: str) -> str:
    try:
        reply = sandbox.http.get(path)
    except httpx.HTTPError as error:
        return type(error).__name__
    return f"{reply.status_code} {reply.headers.get('content-type')} {reply.text[:40]}"


def test_that_share_of_the_replies_is_wrong(wrong: RunningSandbox) -> None:
    begin(wrong, share=0.3, seed=3, in_a_row=3)
    good = "200 application/json; charset=UTF-8"
    looks = [seen(wrong, path) for _ in range(60) for path in PAGES]
    told = wrong.http.get("/sandbox/wrong-replies").json()
    assert told["replies"] == len(looks)
    assert 0.2 < sum(told["wrong"].values()) / len(looks) < 0.4
    assert sum(not each.startswith(good) for each in looks) > 0.15 * len(looks)
    assert set(told["by_endpoint"]) == {"about", "posts", "comments", "info"}


def test_equal_seeds_give_equal_replies(wrong: RunningSandbox) -> None:
    looks = []
    for seed in (5, 5, 6):
        begin(wrong, share=0.5, seed=seed, in_a_row=2)
        looks.append([seen(wrong, path) for _ in range(10) for path in PAGES])
    assert looks[0] == looks[1]
    assert looks[0] != looks[2]


def test_no_page_is_wrong_more_often_in_a_row_than_asked_for(wrong: RunningSandbox) -> None:
    good = seen(wrong, "/r/kilntalk/about")
    begin(wrong, share=1, seed=1, in_a_row=3)
    runs, run = Counter[int](), 0
    for _ in range(80):
        is_wrong = seen(wrong, "/r/kilntalk/about") != good
        if not is_wrong:
            runs[run] += 1
        run = run + 1 if is_wrong else 0
    assert max(runs) <= 3
    assert runs[1] > runs[3]


def test_a_token_may_be_refused_too(wrong: RunningSandbox) -> None:
    begin(wrong, share=1, seed=2)
    assert [wrong.token().status_code for _ in range(4)] != [200] * 4
    assert "token" in wrong.http.get("/sandbox/wrong-replies").json()["by_endpoint"]


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ({}, "share"),
        ({"share": 2}, "share"),
        ({"share": True}, "share"),
        ({"share": 0.1, "seed": "x"}, "seed"),
        ({"share": 0.1, "in_a_row": 0}, "in_a_row"),
        ({"share": 0.1, "in_a_row": 21}, "in_a_row"),
        ([], "share"),
    ],
)
def test_what_is_no_share_is_refused(sandbox: RunningSandbox, asked: object, names: str) -> None:
    reply = sandbox.http.post("/sandbox/wrong-replies", json=asked)
    assert reply.status_code == 422
    assert reply.json()["error"].startswith(names)
