"""Secrets that a text contains by mistake are hidden, and the rest of the text stays."""

import pytest

from crawljobs.domain import masking


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("connect to postgresql://u:p@h:5432/d now", "connect to postgresql://***@h:5432/d now"),
        ("://u:p@h", "://***@h"),
        ("a@b and http://h/path", "a@b and http://h/path"),
        ("http://h/path", "http://h/path"),
        ("line 1\nredis://:p@h\nline 3", "line 1\nredis://***@h\nline 3"),
        ("password=abc", "password=***"),
        ('{"token": "abc", "id": 1}', '{"token": ***, "id": 1}'),
        ("/v1/tokens/cj_0123456789ab_" + "s" * 43, "/v1/tokens/cj_0123456789ab_***"),
        ("/hooks/whsec_" + "aB3+/" * 8 + "= x", "/hooks/whsec_*** x"),
        ("Bearer " + "s" * 16, "Bearer ***"),
        ("bearer " + "s" * 15, "bearer " + "s" * 15),
        ("a plain text: no secret", "a plain text: no secret"),
    ],
)
def test_only_secrets_are_hidden(text: str, masked: str) -> None:
    assert masking.mask(text) == masked
