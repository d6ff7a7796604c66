"""The sandbox's replies have the same fields as the recorded ones, with the same types."""

import collections
from collections.abc import Iterator
from typing import Any

import genson  # type: ignore[import-untyped]
import jsonschema
import pytest

from support import recordings, reddit_shapes
from support.recordings import Interaction
from support.reddit_sandbox import RunningSandbox
from support.reddit_shapes import Thing

MODERN = 2023
SHAPES = (
    "Listing of a page",
    "Listing of replies",
    "more",
    "t1 flat",
    "t1 in a batch",
    "t1 in a thread",
    "t1 in a thread, its author gone",
    "t1 listed",
    "t2",
    "t3 in a page",
    "t3 in a page, its author gone",
    "t3 in a thread",
    "t5 alone",
    "t5 in a batch",
)
# Fields that some objects of Reddit lack. Clients must get objects with them and without them.
ABSENT = type(...)
VARIED = {
    "t1 in a thread": {"edited": {bool, float}, "replies": {str, dict}},
    "t3 in a page": {
        "edited": {bool, float},
        "removed_by_category": {type(None), str},
        "selftext_html": {type(None), str},
        "url_overridden_by_dest": {str, ABSENT},
        "preview": {dict, ABSENT},
    },
}


# Fields that only moderators see. Some of the traffic was recorded by moderators.
FOR_MODERATORS = {"approved", "ban_note", "removed", "spam"}


class Recorded:
    """The properties that recorded objects have in common: types by kind, and fields by shape."""

    def __init__(self, exchanges: list[Interaction]) -> None:
        self._schemas: dict[str, genson.SchemaBuilder] = collections.defaultdict(
            genson.SchemaBuilder
        )
        self.fields: dict[str, set[str]] = collections.defaultdict(set)
        self._always: dict[str, dict[int, set[str]]] = collections.defaultdict(dict)
        for each in exchanges:
            for thing in reddit_shapes.things(each.body, each.path):
                self._schemas[thing.kind].add_object(thing.data)
                self.fields[thing.kind] |= set(thing.data)
                for_all = set(thing.data) - FOR_MODERATORS
                self._always[thing.shape].setdefault(
                    reddit_shapes.year_of(each.headers), for_all
                ).intersection_update(for_all)

    def validator(self, kind: str) -> jsonschema.Draft7Validator:
        return jsonschema.Draft7Validator(self._schemas[kind].to_schema())

    def must_have(self, shape: str) -> set[str]:
        """Return the fields of all objects since 2023, or of the newest year if there are none."""
        years = self._always[shape]
        modern = [fields for year, fields in years.items() if year >= MODERN]
        return set.intersection(*(modern or [years[max(years)]]))


@pytest.fixture(scope="module")
def exchanges() -> list[Interaction]:
    return list(recordings.interactions())


@pytest.fixture(scope="module")
def recorded(exchanges: list[Interaction]) -> Recorded:
    return Recorded(
        [
            each
            for each in exchanges
            if reddit_shapes.year_of(each.headers) >= 2020 and each.status == 200
        ]
    )


@pytest.fixture(scope="module")
def made_up(sandbox: RunningSandbox) -> dict[str, list[Thing]]:
    """Return the objects in the sandbox's replies to all kinds of requests, by shape."""
    found: dict[str, list[Thing]] = collections.defaultdict(list)
    for path, body in _replies(sandbox):
        for thing in reddit_shapes.things(body, path):
            found[thing.shape].append(thing)
    return found


def _replies(sandbox: RunningSandbox) -> Iterator[tuple[str, Any]]:
    def ask(path: str, **params: object) -> tuple[str, Any]:
        return path, sandbox.get(path, **params).json()

    names = ("pottery", "big_one", "tiny_one", "empty_one", "elsewhere", "OwlPellets")
    for name in names:
        for path in ("about", "new", "hot", "top", "comments"):
            yield ask(f"/r/{name}/{path}", limit=100, t="all")
    yield ask("/api/info", sr_name=",".join((*names, "private_one")))
    posts = [post for page in sandbox.pages("/r/big_one/new") for post in page]
    comments = sandbox.children("/r/big_one/comments", limit=50)
    yield ask("/api/info", id=",".join(each["name"] for each in (*posts[:50], *comments)))
    posts.sort(key=lambda post: post["num_comments"], reverse=True)
    for post in posts[:4]:
        path, body = ask(f"/comments/{post['id']}", limit=100)
        yield path, body
        stub = next(
            thing.data
            for thing in reddit_shapes.things(body, path)
            if thing.shape == "more" and thing.data["count"]
        )
        children = ",".join(stub["children"][:100])
        form = {"api_type": "json", "link_id": post["name"], "children": children, "raw_json": "1"}
        yield "/api/morechildren", sandbox.http.post("/api/morechildren", data=form).json()
    for author in sorted({post["author"] for post in posts} - {"[deleted]"})[:15]:
        path, body = ask(f"/user/{author}/about")
        if "is_suspended" not in body["data"]:
            yield path, body
            yield ask(f"/user/{author}/overview", limit=100)


MadeUp = dict[str, list[Thing]]


@pytest.mark.parametrize("shape", SHAPES)
def test_every_object_fits_the_schema_of_the_recorded_ones(
    recorded: Recorded, made_up: MadeUp, shape: str
) -> None:
    assert made_up[shape]
    validator = recorded.validator(made_up[shape][0].kind)
    wrong = collections.Counter(
        f"{'.'.join(map(str, error.absolute_path))}: {error.message[:120]}"
        for thing in made_up[shape]
        for error in validator.iter_errors(thing.data)
    )
    assert not wrong


@pytest.mark.parametrize("shape", SHAPES)
def test_every_object_has_the_fields_of_the_newest_recorded_ones(
    recorded: Recorded, made_up: MadeUp, shape: str
) -> None:
    must_have = recorded.must_have(shape)
    assert must_have
    missing = collections.Counter(
        field for thing in made_up[shape] for field in must_have - set(thing.data)
    )
    assert not missing


@pytest.mark.parametrize("shape", SHAPES)
def test_no_object_has_a_field_that_was_never_recorded(
    recorded: Recorded, made_up: MadeUp, shape: str
) -> None:
    known = recorded.fields[made_up[shape][0].kind]
    assert not {field for thing in made_up[shape] for field in thing.data} - known


@pytest.mark.parametrize("shape", VARIED)
def test_fields_that_vary_on_reddit_vary_here(made_up: MadeUp, shape: str) -> None:
    for field, expected in VARIED[shape].items():
        seen = {type(thing.data.get(field, ...)) for thing in made_up[shape]}
        assert seen == expected, field


def test_the_comparison_notices_a_wrong_type_and_a_missing_field(
    recorded: Recorded, made_up: MadeUp
) -> None:
    validator = recorded.validator("t3")
    good = made_up["t3 in a page"][0].data
    assert validator.is_valid(good)
    assert not validator.is_valid({**good, "score": "12"})
    assert not validator.is_valid({**good, "created_utc": None})
    assert "is_created_from_ads_ui" in recorded.must_have("t3 in a thread")
