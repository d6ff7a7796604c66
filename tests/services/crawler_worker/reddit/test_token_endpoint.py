"""How long a token is used, whatever the endpoint says of its life."""

import json
from typing import Any

import pytest

from crawler_worker.reddit import token_endpoint

HOUR, DAY = 3600.0, 86_400.0


@pytest.mark.parametrize(
    ("told", "lives"),
    [
        (3600, HOUR),
        (120, 120.0),
        (121.5, 121.5),
        (DAY, DAY),
        # Shorter than what is used of it: it is asked for again after a minute.
        (119, 120.0),
        (1, 120.0),
        (0, 120.0),
        (-5, 120.0),
        (DAY + 1, DAY),
        (1e300, DAY),
        # What is no number tells nothing.
        (None, HOUR),
        ("3600", HOUR),
        (True, HOUR),
        ([], HOUR),
    ],
)
def test_a_token_lives_within_bounds(told: Any, lives: float) -> None:
    body = {"access_token": "t", "expires_in": told}
    assert token_endpoint.token_of(json.dumps(body).encode()) == ("t", lives)


def test_a_token_of_an_untold_life_is_used_for_an_hour() -> None:
    assert token_endpoint.token_of(b'{"access_token": "t"}') == ("t", HOUR)
