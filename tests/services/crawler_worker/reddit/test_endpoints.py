"""Names and ids are checked before a request is made of them."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from crawler_worker.reddit import crawl_failures, endpoints

LONG = "!" * 61
STOP = threading.Event()


class _NoRequests:
    def get(self, *_: object, **__: object) -> None:
        raise AssertionError("a refused name makes no request")

    post = get


NO_CLIENT: Any = _NoRequests()


@pytest.mark.parametrize(
    "ask",
    [
        lambda: endpoints.info(NO_CLIENT, names=["t3_abc", LONG], stop=STOP),
        lambda: endpoints.account(NO_CLIENT, name=LONG, stop=STOP),
        lambda: endpoints.history(NO_CLIENT, name=LONG, stop=STOP),
        lambda: endpoints.more_children(
            NO_CLIENT, post_id="abc", comment_ids=["def", LONG], stop=STOP
        ),
        lambda: endpoints.more_children(NO_CLIENT, post_id=LONG, comment_ids=["def"], stop=STOP),
    ],
)
def test_a_name_that_cannot_be_is_refused_and_shown_up_to_60_characters(
    ask: Callable[[], object],
) -> None:
    with pytest.raises(crawl_failures.BadRequest) as refused:
        ask()
    assert str(refused.value).endswith(f": {LONG[:60]!r}")
