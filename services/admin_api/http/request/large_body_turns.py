"""Lets each token have one large request in progress at a time."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, cast

from admin_api.http import api_counters, auth, problems, state
from admin_api.http.request import request_body
from admin_api.schemas import problem_codes

View = TypeVar("View", bound=Callable[..., Any])


@contextmanager
def turn() -> Iterator[None]:
    """Count the request as the one large request of its API token, until the `with` block ends.

    Raises a Problem if the token already has a large request in progress.
    """
    key = auth.current_identity().key
    turns = state.current().large_bodies
    if not turns.begin(key, is_exempt=False):
        api_counters.throttled("large_bodies")
        raise problems.Problem(
            "too_many_large_bodies",
            "A token may send one large request at a time. Wait for its response.",
            headers={"Retry-After": str(problems.RETRY_AFTER_SECONDS)},
        )
    try:
        yield
    finally:
        turns.end(key)


def one_at_a_time(view: View) -> View:
    """Return a view that accepts only one body above 64 KiB at a time from each token.

    Place this decorator above the decorator `body`, so that a refused body is not parsed.
    """

    @functools.wraps(view)
    def wrapped(*arguments: Any, **options: Any) -> Any:
        if len(request_body.read()) <= request_body.USUAL.bytes:
            return view(*arguments, **options)
        with turn():
            return view(*arguments, **options)

    return cast(View, problem_codes.add(wrapped, "too_many_large_bodies"))
