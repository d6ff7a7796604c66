import base64
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from admin_api.http.cursors import CursorSigner
from admin_api.http.problems import Problem
from admin_api.schemas.fields import CURSOR_MAX_CHARACTERS, NAME_MAX_CHARACTERS

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
    position, signature = SIGNER.encode(listing="jobs", filters={}, position=[7]).split(".")
    assert base64.urlsafe_b64decode(position) == b"[7]"
    forged = base64.urlsafe_b64encode(b"[8]").decode()
    with pytest.raises(Problem):
        SIGNER.decode(f"{forged}.{signature}", listing="jobs", filters={})


def test_a_cursor_of_the_release_before_itsdangerous_is_refused() -> None:
    """During a rolling upgrade, a client with an old cursor begins its list again."""
    with pytest.raises(Problem, match="begin without a cursor") as refused:
        SIGNER.decode("3957fbB11j7d_UMLErToOFs3XQ", listing="jobs", filters=FILTERS)
    assert refused.value.code == "invalid_cursor"


def test_the_longest_name_fits_into_a_cursor() -> None:
    name = "".join(chr(0x1F300 + number) for number in range(NAME_MAX_CHARACTERS))
    cursor = SIGNER.encode(listing="workers", filters={}, position=[name])
    assert len(cursor) <= CURSOR_MAX_CHARACTERS
    assert SIGNER.decode(cursor, listing="workers", filters={}) == [name]


@given(st.text(max_size=200))
@example("\ud800")
def test_no_text_makes_decoding_fail_otherwise(text: str) -> None:
    with pytest.raises(Problem):
        SIGNER.decode(text, listing="jobs", filters={})
