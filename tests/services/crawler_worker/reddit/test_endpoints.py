"""Names and ids are checked before they become part of a request."""

from collections.abc import Callable
from typing import Any

import pytest

from crawler_worker.reddit import crawl_failures, endpoints

LONG = "!" * 61


class _NoRequests:
    def get(self, *_: object, **__: object) -> None:
        raise AssertionError("a refused name makes no request")

    post = get


NO_REQUESTER: Any = _NoRequests()


@pytest.mark.parametrize(
    "ask",
    [
        lambda: endpoints.info(NO_REQUESTER, names=["t3_abc", LONG]),
        lambda: endpoints.account(NO_REQUESTER, name=LONG),
        lambda: endpoints.history(NO_REQUESTER, name=LONG),
        lambda: endpoints.more_children(NO_REQUESTER, post_id="abc", comment_ids=["def", LONG]),
        lambda: endpoints.more_children(NO_REQUESTER, post_id=LONG, comment_ids=["def"]),
    ],
)
def test_a_name_that_cannot_be_is_refused_and_shown_up_to_60_characters(
    ask: Callable[[], object],
) -> None:
    with pytest.raises(crawl_failures.BadRequest) as refused:
        ask()
    assert str(refused.value).endswith(f": {LONG[:60]!r}")
