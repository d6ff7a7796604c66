"""Only a crawl that has found new items leads to further crawls."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from crawler_worker.crawl.checkpoints.checkpoint import Checkpoint
from crawler_worker.crawl.crawl_context import CrawlContext
from crawljobs.repository.content.crawl_history import Marks

SEEN = Marks(post="zz", comment="zz")
NOTHING_SEEN = Marks()


@pytest.mark.parametrize(
    ("marks", "met", "is_new"),
    [
        (SEEN, {}, False),
        (NOTHING_SEEN, {}, False),
        (SEEN, {"authors": 1}, True),
        (SEEN, {"newest_post": "100"}, True),
        (SEEN, {"newest_comment": "100"}, True),
        (SEEN, {"newest_post": "zz"}, False),
        (SEEN, {"newest_comment": "zz"}, False),
        (SEEN, {"newest_post": "zy", "newest_comment": "zz"}, False),
        (SEEN, {"newest_post": "zy", "newest_comment": "100"}, True),
        (SEEN, {"newest_post": "100", "newest_comment": "zy"}, True),
        (NOTHING_SEEN, {"newest_post": "1"}, True),
        (NOTHING_SEEN, {"newest_comment": "1"}, True),
        # Posts and comments have separate high-water marks.
        (Marks(post="zz", comment="1"), {"newest_comment": "2"}, True),
        (Marks(post="1", comment="zz"), {"newest_comment": "2"}, False),
        (Marks(post="1", comment="zz"), {"newest_post": "2"}, True),
        (Marks(post="zz", comment="1"), {"newest_post": "2"}, False),
        # The counts of a crawl that has seen only old items.
        (SEEN, {"posts": 9, "comments": 9, "page": 3, "requests": 7, "given_up": 1}, False),
    ],
)
def test_a_crawl_has_met_something_new(marks: Marks, met: dict[str, Any], *, is_new: bool) -> None:
    session = cast(CrawlContext, SimpleNamespace(checkpoint=Checkpoint(**met), marks=marks))
    assert CrawlContext.met_new(session) is is_new
