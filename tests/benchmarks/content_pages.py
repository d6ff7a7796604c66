"""Pages as crawls store them, whose posts lie between or behind the rows of `content_fill`."""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from benchmarks import content_fill
from crawljobs.domain.reddit_items import Account, Comment, Items, Post
from support import crawled

POSTS, COMMENTS = 100, 100  # of a page
KNOWN_AUTHORS = 2_000
NEW_AUTHORS_SHARE = 0.4  # of the items of a page
SUBREDDITS = 100
BODY = "Some words of a post. " * 20
SPREAD = 7_919  # a prime, so that successive serials are far apart among the filled posts

NOW = datetime.now(UTC)


@dataclasses.dataclass(frozen=True)
class Pages:
    """Makes pages beside `items` filled posts. The same number gives the same page."""

    items: int

    @property
    def subreddits(self) -> list[str]:
        return [f"grown_{n + 1}" for n in range(SUBREDDITS)]

    @functools.cached_property
    def known_authors(self) -> list[Account]:
        authors = content_fill.authors_of(self.items)
        numbers = sorted({1 + n * SPREAD % authors for n in range(KNOWN_AUTHORS)})
        return [Account(f"writer_{number}", f"t2_{number}") for number in numbers]

    def kinds(self) -> Mapping[str, Callable[[int], Items]]:
        return {
            "100 new posts": self.new_posts,
            "100 posts of ten years": self.old_posts,
            "50 known and 50 new posts": self.half_known_posts,
            "100 known posts of ten years, other scores": self.known_posts,
            "a tree of 100 comments": self.tree,
        }

    def new_posts(self, number: int) -> Items:
        return Items(posts=tuple(self._new_post(number, POSTS * number + n) for n in range(POSTS)))

    def old_posts(self, number: int, *, score: int = 10) -> Items:
        """Return posts that the first crawl of a subreddit finds: of any age, not stored yet."""
        posts = []
        for serial in range(POSTS * number, POSTS * (number + 1)):
            place = 1 + serial * SPREAD % self.items
            new_id = content_fill.FIRST_ID + place * content_fill.ID_STEP + 1 + serial // self.items
            age = timedelta(days=365.25 * content_fill.YEARS) * (1 - place / self.items)
            posts.append(self._post(f"{new_id:x}", number, serial, created=NOW - age, score=score))
        return Items(posts=tuple(posts))

    def half_known_posts(self, number: int) -> Items:
        """Return half of the posts of `new_posts` with other scores, and as many newer posts."""
        half = POSTS // 2
        known = [dataclasses.replace(post, score=99) for post in self.new_posts(number).posts]
        serials = range(half * number, half * (number + 1))
        newer = [self._new_post(number, 10_000_000 + serial) for serial in serials]
        return Items(posts=(*known[:half], *newer))

    def known_posts(self, number: int) -> Items:
        return self.old_posts(number, score=11)

    def tree(self, number: int) -> Items:
        post = self.new_posts(number).posts[0]
        comments = tuple(
            self._comment(post, number, COMMENTS * number + n) for n in range(COMMENTS)
        )
        return Items(posts=(post,), comments=comments)

    def _new_post(self, number: int, serial: int) -> Post:
        behind = content_fill.FIRST_ID + (self.items + 1) * content_fill.ID_STEP + serial
        created = NOW + timedelta(milliseconds=serial)
        return self._post(f"{behind:x}", number, serial, created=created)

    def _post(
        self, post_id: str, number: int, serial: int, *, created: datetime, score: int = 10
    ) -> Post:
        return crawled.post(
            post_id,
            subreddit=self.subreddits[number % SUBREDDITS],
            author=self._author(serial),
            body=BODY,
            score=score,
            created_at=created,
        )

    def _comment(self, post: Post, number: int, serial: int) -> Comment:
        behind = content_fill.FIRST_ID + (self.items + 1) * content_fill.ID_STEP + serial
        return crawled.comment(
            f"{behind:x}",
            post_id=post.id,
            parent_id=f"t3_{post.id}",
            subreddit=post.subreddit,
            author=self._author(serial),
            body=BODY[:180],
            created_at=post.created_at + timedelta(seconds=serial),
        )

    def _author(self, serial: int) -> Account:
        if serial % 10 < 10 * NEW_AUTHORS_SHARE:
            return Account(f"new_{serial}", f"t2_new{serial}")
        return self.known_authors[serial * SPREAD % len(self.known_authors)]
