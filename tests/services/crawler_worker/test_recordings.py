"""The worker's client, parser and storage process ten years of recorded traffic."""

import collections
import datetime
import json
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import text

from crawler_worker.reddit import parsing, reply_subjects
from crawler_worker.reddit.request import Request
from crawler_worker.reddit.request_context import RequestContext
from crawljobs.db.database import Connection, Database
from crawljobs.domain.reddit_items import Items, Page
from crawljobs.repository.content.page_storage import crawled_items
from support import recordings
from support.recordings import Interaction, Replay

STOP = threading.Event()

Raw = dict[str, Any]


def read(interaction: Interaction) -> Items:
    """Read a recorded reply through the client and the parser, as a crawl does."""
    client = recordings.client(Replay(interaction))
    form = None if interaction.method == "GET" else interaction.query
    request = Request(interaction.method, interaction.path, {} if form else interaction.query, form)
    value = client.send(request, recordings.unparsed, RequestContext(STOP))
    client.close()
    match value:
        case {"kind": "Listing"}:
            return parsing.listing(value).items
        case {"kind": "t5"}:
            return Items(subreddits=(parsing.about(value),))
        case {"kind": "t2"}:
            return Items(accounts=(parsing.account(value),))
        case {"json": _}:
            return parsing.more_children(value)
        case [{"kind": "Listing"}, {"kind": "Listing"}]:
            return parsing.tree(value)
    return Items()


def things(value: object) -> Iterator[tuple[str, Raw]]:
    """Yield each object of a reply with its kind. The search does not use the parser."""
    if isinstance(value, dict):
        if isinstance(value.get("data"), dict) and value.get("kind") in ("t1", "t2", "t3", "t5"):
            yield value["kind"], value["data"]
        for inner in value.values():
            yield from things(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from things(inner)


def good_replies() -> list[Interaction]:
    found = [
        each
        for each in recordings.interactions()
        if each.status == 200 and not each.is_token and not isinstance(each.body, str)
    ]
    assert len(found) > 70, "the recordings are not what they were"
    return found


def store_all(database: Database, pages: list[Items]) -> None:
    for page in pages:
        assert (page.dropped, page.unknown) == (0, 0)
        with database.begin() as conn:
            crawled_items.store(conn, items=page, known_subreddits={})


def rows_of(database: Database, query: str) -> list[Any]:
    with database.begin() as conn:
        return list(conn.execute(text(query)))


def moment(seconds: object) -> datetime.datetime | None:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC)


def name_of(raw: Raw) -> str | None:
    return None if raw["author"] == "[deleted]" else raw["author"].lower()


def expected_post(raw: Raw) -> tuple[Any, ...]:
    gone = name_of(raw) is None and raw["selftext"] == "[deleted]"
    removed = raw["selftext"] == "[removed]"
    return (
        raw["subreddit"].lower(),
        name_of(raw),
        None if gone else raw["title"],
        None if gone or removed else raw["selftext"],
        None if gone else raw["url"],
        None if gone else raw["permalink"],
        raw["score"],
        raw["num_comments"],
        raw.get("upvote_ratio"),
        raw["over_18"],
        raw["stickied"],
        raw.get("crosspost_parent"),
        raw.get("removed_by_category") or ("unknown" if removed else None),
        moment(raw["created_utc"]),
        moment(raw["edited"]),
        gone,
        None if gone else raw.get("link_flair_template_id"),
        None if name_of(raw) is None else raw["author_flair_text"],
        *(raw.get(each) for each in COUNTS),
        raw["distinguished"],
        raw.get("post_hint"),
        *(raw.get(each, False) for each in FLAGS),
        *origin(raw),
    )


def origin(raw: Raw) -> tuple[str | None, str | None]:
    """Return the author and the subreddit of the original of a crosspost."""
    for original in raw.get("crosspost_parent_list", ()):
        return name_of(original), original["subreddit"]
    return None, None


COUNTS = ("num_crossposts", "total_awards_received")
FLAGS = ("is_video", "archived", "contest_mode", "quarantine", "hide_score", "locked")
POSTS = """
    SELECT post.id, lower(subreddit.name), lower(author.name), post.title, body, url, permalink,
        score, num_comments, upvote_ratio, post.over_18, stickied, crosspost_parent,
        removed_by_category, created_at, edited_at, deleted_at IS NOT NULL, flair_template_id,
        author_flair, num_crossposts, total_awards_received, distinguished, post_hint, is_video,
        archived, contest_mode, quarantine, score_hidden, locked, lower(original.name),
        crosspost_subreddit
    FROM posts AS post JOIN subreddits AS subreddit ON subreddit.id = post.subreddit_id
    LEFT JOIN authors AS author ON author.id = post.author_id
    LEFT JOIN authors AS original ON original.id = post.crosspost_author_id
"""


def expected_comment(raw: Raw) -> tuple[Any, ...]:
    gone = name_of(raw) is None and raw["body"] == "[deleted]"
    removed = raw["body"] == "[removed]"
    return (
        raw["subreddit"].lower(),
        name_of(raw),
        raw["link_id"].removeprefix("t3_"),
        raw["parent_id"],
        None if gone or removed else raw["body"],
        None if raw.get("score_hidden") else raw["score"],
        raw.get("is_submitter", False),
        "unknown" if removed else None,
        moment(raw["created_utc"]),
        moment(raw["edited"]),
        gone,
        None if name_of(raw) is None else raw["author_flair_text"],
        raw["controversiality"],
        raw["total_awards_received"],
        raw["distinguished"],
        raw.get("collapsed_reason_code"),
        raw["locked"],
        raw["archived"],
        raw["score_hidden"],
    )


COMMENTS = """
    SELECT comment.id, lower(subreddit.name), lower(author.name), post_id, parent_id, body, score,
        is_submitter, removed_by_category, created_at, edited_at, deleted_at IS NOT NULL,
        author_flair, controversiality, total_awards_received, distinguished,
        collapsed_reason_code, locked, archived, score_hidden
    FROM comments AS comment JOIN subreddits AS subreddit ON subreddit.id = comment.subreddit_id
    LEFT JOIN authors AS author ON author.id = comment.author_id
"""


def test_nothing_in_the_recordings_is_lost_on_its_way_into_the_database(
    database: Database,
) -> None:
    replies = good_replies()
    store_all(database, [read(reply) for reply in replies])

    raw: dict[str, dict[str, Raw]] = collections.defaultdict(dict)
    for reply in replies:
        for kind, data in things(reply.body):
            raw[kind][str(data.get("id") or data["name"])] = data  # the newest one counts
    assert all(len(raw[kind]) > 10 for kind in ("t1", "t2", "t3", "t5"))

    posts = {row[0]: tuple(row[1:]) for row in rows_of(database, POSTS)}
    assert posts == {post: expected_post(data) for post, data in raw["t3"].items()}
    comments = {row[0]: tuple(row[1:]) for row in rows_of(database, COMMENTS)}
    assert comments == {comment: expected_comment(data) for comment, data in raw["t1"].items()}

    seen_depths: dict[str, int] = {}
    for reply in replies:
        for kind, data in things(reply.body):
            if kind == "t1" and "depth" in data:
                seen_depths.setdefault(data["id"], data["depth"])
    depths = dict(rows_of(database, "SELECT id, depth FROM comments WHERE depth IS NOT NULL"))
    assert len(seen_depths) > 500
    assert {each: depths[each] for each in seen_depths} == seen_depths
    assert {depths[each] for each in depths.keys() - seen_depths.keys()} == {0}

    written = [*raw["t1"].values(), *raw["t3"].values()]
    authors = {name for data in written if (name := name_of(data))}
    authors |= {data["name"].lower() for data in raw["t2"].values()}
    authors |= {name for data in raw["t3"].values() if (name := origin(data)[0])}
    assert {row.name for row in rows_of(database, "SELECT lower(name) AS name FROM authors")} == (
        authors
    )
    created = "SELECT lower(name), created_at_reddit FROM authors WHERE suspended IS NOT NULL"
    assert dict(rows_of(database, created)) == {
        data["name"].lower(): moment(data["created_utc"]) for data in raw["t2"].values()
    }
    subreddits = {
        row[0]: tuple(row[1:])
        for row in rows_of(
            database,
            "SELECT reddit_id, name, title, description, subscribers, over_18, created_at_reddit, "
            "sidebar, language "
            "FROM subreddits WHERE reddit_id IS NOT NULL",
        )
    }
    assert subreddits == {
        data["name"]: (
            data["display_name"],
            data["title"],
            data["public_description"],
            data["subscribers"],
            data["over18"] or False,
            moment(data["created_utc"]),
            data["description"],
            data["lang"],
        )
        for data in raw["t5"].values()
    }


def test_every_recorded_item_counts_once_on_the_edge_of_its_author(database: Database) -> None:
    replies = good_replies()
    store_all(database, [read(reply) for reply in replies])

    first_sights: dict[str, Raw] = {}
    for reply in replies:
        for kind, data in things(reply.body):
            if kind in ("t1", "t3"):
                first_sights.setdefault(data["name"], data)
    expected = collections.Counter(
        (name_of(data), data["subreddit"].lower(), full_name[:2])
        for full_name, data in first_sights.items()
        if name_of(data)
    )
    edges = rows_of(
        database,
        """
        SELECT lower(author.name), lower(subreddit.name), edge.posts, edge.comments
        FROM author_subreddits AS edge
        JOIN authors AS author ON author.id = edge.author_id
        JOIN subreddits AS subreddit ON subreddit.id = edge.subreddit_id
        """,
    )
    counted = {(author, name, "t3"): posts for author, name, posts, _ in edges if posts}
    counted |= {(author, name, "t1"): n for author, name, _, n in edges if n}
    assert counted == expected


def test_a_page_stored_again_writes_nothing(conn: Connection) -> None:
    for page in [read(reply) for reply in good_replies()]:
        crawled_items.store(conn, items=page, known_subreddits={})
        before = written(conn)
        crawled_items.store(conn, items=page, known_subreddits={})
        assert written(conn) == before


def written(conn: Connection) -> int:
    query = "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_xact_user_tables"
    return int(conn.execute(text(query)).scalar_one())


def test_a_year_of_daily_visits_to_twelve_subreddits_is_stored_whole(database: Database) -> None:
    lines = (recordings.folder() / "timeseries" / "posts.ndjson").read_text().splitlines()
    observed = [json.loads(line) for line in lines]
    for start in range(0, len(observed), 100):
        children = [{"kind": "t3", "data": each} for each in observed[start : start + 100]]
        listing = {"kind": "Listing", "data": {"children": children, "after": None}}
        store_all(database, [parsing.listing(listing).items])

    (counts,) = rows_of(
        database,
        "SELECT (SELECT count(*) FROM posts), (SELECT count(*) FROM authors), "
        "(SELECT count(*) FROM subreddits), (SELECT sum(posts) FROM author_subreddits)",
    )
    authors = {each["author"].lower() for each in observed if each["author"] != "[deleted]"}
    ids = {each["id"] for each in observed}
    signed = {each["id"] for each in observed if each["author"] != "[deleted]"}
    assert tuple(counts) == (len(ids), len(authors), 12, len(signed))


SUBJECTS: tuple[tuple[str, Callable[..., Page | Items], Callable[..., Page | Items], str], ...] = (
    (r"/r/([^/]+)/(?:new|hot|top)/?", reply_subjects.posts, parsing.listing, "name"),
    (r"/r/([^/]+)/comments/?", reply_subjects.comments, parsing.listing, "name"),
    (
        r"/user/([^/]+)/(?:overview|submitted|comments)/?",
        reply_subjects.history,
        parsing.listing,
        "name",
    ),
    (r"/comments/([^/]+)/?.*", reply_subjects.tree, parsing.tree, "post_id"),
)


def test_a_recorded_reply_is_about_what_was_requested() -> None:
    compared: collections.Counter[str] = collections.Counter()
    for interaction in recordings.interactions():
        if interaction.status != 200:
            continue
        for pattern, of_subject, plain, parameter in SUBJECTS:
            asked = re.fullmatch(pattern, interaction.path.removesuffix(".json"))
            if asked is not None:
                found = of_subject(interaction.body, **{parameter: asked[1]})
                assert found == plain(interaction.body), interaction.file
                compared[pattern] += 1
    assert len(compared) == len(SUBJECTS)
