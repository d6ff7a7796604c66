"""The cost to read a reply grows in proportion to its length, whatever the reply contains."""

import dataclasses
import io
import json
from collections.abc import Callable
from typing import Any

import pytest

from crawler_worker.crawl import tree_growth
from crawler_worker.crawl.tree import Tree
from crawler_worker.reddit import parsing, replies
from crawler_worker.reddit.exchange import decoding, reply_body
from crawler_worker.reddit.exchange.reply_head import ReplyHead
from crawler_worker.reddit.oauth import token_endpoint
from crawler_worker.reddit.pacing import budget_headers
from crawljobs import settings
from crawljobs.domain import mentions, subreddit, untrusted_text
from crawljobs.domain.reddit_items import Items, MoreComments
from crawljobs.domain.reply_meaning import Endpoint
from support import growth
from support.growth import Family

Cost = Callable[[Any], object]


def decoded(text: str) -> Any:
    return decoding.decode(text.encode("utf-8", "surrogatepass"))


def beyond_the_depth(text: str) -> Any:
    """Decode text that is nested so deep that the decoder must start again."""
    return decoding.decode(b"[" * 5_000 + text.encode("utf-8", "surrogatepass"))


def post(text: str) -> Any:
    data = {"id": "a", "subreddit": "b", "created_utc": 1.0, "title": text, "selftext": text}
    more = {"url": text, "domain": text, "author": text, "crosspost_parent": text, "name": text}
    more |= dict.fromkeys(("author_flair_text", "distinguished", "poll_data"), text)
    more |= {"gallery_data": {"items": list(text)}, "media_metadata": {text: {"s": [text]}}}
    return parsing.listing(
        {
            "kind": "Listing",
            "data": {"after": None, "children": [{"kind": "t3", "data": {**data, **more}}]},
        }
    )


def comment(text: str) -> Any:
    data = {"id": "a", "link_id": "t3_a", "parent_id": "t3_a", "subreddit": "b", "body": text}
    data |= dict.fromkeys(("author_flair_text", "media_metadata", "comment_type"), text)
    child = {"kind": "t1", "data": {**data, "created_utc": 1.0}}
    return parsing.more_children({"json": {"data": {"things": [child]}}})


def about(text: str) -> Any:
    data = {"display_name": "a", "title": text, "public_description": text, "subreddit_type": text}
    data |= {"description": text, "lang": text}
    return parsing.about({"kind": "t5", "data": data})


def names(text: str) -> Any:
    for kind in ("t1", "t3"):
        untrusted_text.full_name(text, kinds=(kind,))
    return (
        untrusted_text.base36(text),
        untrusted_text.account_name(text),
        untrusted_text.subreddit_name(text),
        untrusted_text.text(text, limit=len(text)),
        mentions.find(text, text, home="a"),
        subreddit.checked_name(text),
    )


def headers(text: str) -> Any:
    limits = {f"x-ratelimit-{name}": text for name in ("used", "remaining", "reset")}
    budget_headers.report_of({**limits, "x-ratelimit-reset": "1", "x-ratelimit-used": "1"})
    budget_headers.report_of(limits)
    return [
        str(replies.failure(Endpoint.ABOUT, status, {"retry-after": text, "location": text}, b""))
        for status in (302, 429)
    ]


def reason(text: str) -> Any:
    content = json.dumps({"reason": text, "message": text}).encode()
    return [str(replies.failure(Endpoint.ABOUT, status, {}, content)) for status in (400, 403, 404)]


def token(text: str) -> Any:
    replies_of_it = ({"access_token": text, "expires_in": text}, {"error": text}, {"error": [text]})
    for reply in replies_of_it:
        try:
            token_endpoint.token_of(json.dumps(reply).encode())
        except Exception as error:  # noqa: BLE001 - the text of the error is part of the cost
            str(error)


class Received:
    """A socket on which all bytes have arrived."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self._content)


def read_on(content: bytes) -> None:
    reply = ReplyHead(Received(content))  # type: ignore[arg-type]
    reply.begin()
    while reply.read(reply_body.PIECE_BYTES):
        pass


def head(text: str) -> None:
    read_on(b"HTTP/1.1 200 OK\r\n" + text.encode("utf-8", "replace"))


def header(text: str) -> None:
    sent = text.encode("utf-8", "replace").replace(b"\n", b"\n\t")[:30_000]
    read_on(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX: " + sent + b"\r\n\r\n0\r\n\r\n")


def chunks(text: str) -> None:
    sent = text.encode("utf-8", "replace")
    extension = b"1;" + sent.replace(b"\n", b" ")[:50_000] + b"\r\na\r\n"
    start = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    read_on(start + b"1\r\na\r\n" * (len(sent) // 90) + extension + sent)


@pytest.mark.parametrize(
    "parse",
    [
        head,
        header,
        chunks,
        decoded,
        beyond_the_depth,
        post,
        comment,
        about,
        names,
        headers,
        reason,
        token,
    ],
)
def test_the_cost_of_a_text_grows_with_its_length(parse: Cost) -> None:
    # Deep text is decoded twice and takes long. A shorter text shows quadratic growth too.
    longest = growth.LONG // 4 if parse is beyond_the_depth else growth.LONG
    for family in growth.FAMILIES.values():
        growth.check(parse, family, longest=longest)


def listing_of(child: Any) -> Family:
    return lambda length: {
        "kind": "Listing",
        "data": {"after": None, "children": [child] * (length // 8)},
    }


def tree_of(levels: int) -> Any:
    replies_of_it: Any = ""
    for n in range(levels // 64):
        data = {"id": f"{n}", "link_id": "t3_a", "parent_id": "t3_a", "subreddit": "b"}
        child = {"kind": "t1", "data": {**data, "created_utc": 1.0, "replies": replies_of_it}}
        replies_of_it = {"kind": "Listing", "data": {"children": [child]}}
    return [{"kind": "Listing", "data": {"children": []}}, replies_of_it]


MORE = {"parent_id": "t1_a", "children": ["b"]}


@pytest.mark.parametrize(
    ("parse", "family"),
    [
        (parsing.listing, listing_of({})),
        (parsing.listing, listing_of(None)),
        (parsing.listing, listing_of({"kind": "more", "data": MORE})),
        (parsing.listing, listing_of({"kind": "t9", "data": {}})),
        (parsing.tree, tree_of),
    ],
)
def test_the_cost_of_things_grows_with_their_number(parse: Cost, family: Family) -> None:
    growth.check(parse, family)


MANY = dataclasses.replace(settings.read_crawl_settings({}), max_comments_per_post=1_000_000)


def missing_comments(children: tuple[str, ...]) -> Family:
    return lambda length: Items(more=(MoreComments("t1_a", children, depth=1),) * length)


@pytest.mark.parametrize("children", [(), ("b", "c", "d")])
def test_the_cost_of_missing_comments_grows_with_their_number(children: tuple[str, ...]) -> None:
    growth.check(
        lambda items: tree_growth.grow(Tree(post="a"), items, MANY), missing_comments(children)
    )


def other_children_each(count: int) -> Family:
    """Build stubs with distinct children and parents. Every second stub has the count 0."""

    def made(length: int) -> Items:
        stubs = (
            MoreComments(f"t1_p{n}", (f"a{n}", f"b{n}"), depth=1, count=n % 2 * count)
            for n in range(length // 8)
        )
        return Items(more=tuple(stubs))

    return made


@pytest.mark.parametrize("count", [0, 2])
def test_the_cost_of_a_tree_grows_with_its_stubs(count: int) -> None:
    growth.check(
        lambda items: tree_growth.grow(Tree(post="a"), items, MANY), other_children_each(count)
    )
