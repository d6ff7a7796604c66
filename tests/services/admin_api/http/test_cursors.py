import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admin_api.http.cursors import CursorSigner
from admin_api.http.problems import Problem

SIGNER = CursorSigner("k3J9xQ2mZ8vB5nW1rT7yU4pL6sD0fGhA")
FILTERS: dict[str, Any] = {"status": ["queued"], "subreddit": "python"}


def test_a_cursor_leads_back_to_its_position() -> None:
    cursor = SIGNER.encode(listing="jobs", filters=FILTERS, position=[2**63 - 1])
    assert SIGNER.decode(cursor, listing="jobs", filters=FILTERS) == [2**63 - 1]


@pytest.mark.parametrize(
    ("listing", "filters"), [("schedules", FILTERS), ("jobs", {}), ("jobs", {"status": ["failed"]})]
)
def test_a_cursor_is_good_for_its_own_list_only(listing: str, filters: dict[str, Any]) -> None:
    cursor = SIGNER.encode(listing="jobs", filters=FILTERS, position=[7])
    with pytest.raises(Problem) as refused:
        SIGNER.decode(cursor, listing=listing, filters=filters)
    assert refused.value.code == "invalid_cursor"


def test_a_cursor_of_another_token_is_refused() -> None:
    cursor = CursorSigner("another-token").encode(listing="jobs", filters={}, position=[7])
    with pytest.raises(Problem):
        SIGNER.decode(cursor, listing="jobs", filters={})


def test_a_changed_position_is_refused() -> None:
    cursor = SIGNER.encode(listing="jobs", filters={}, position=[7])
    raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    forged = base64.urlsafe_b64encode(raw.replace(b"[7]", b"[8]")).decode().rstrip("=")
    assert forged != cursor
    with pytest.raises(Problem):
        SIGNER.decode(forged, listing="jobs", filters={})


@given(st.text(max_size=200))
def test_no_text_makes_decoding_fail_otherwise(text: str) -> None:
    with pytest.raises(Problem):
        SIGNER.decode(text, listing="jobs", filters={})
