"""Names that look the same to people are equal, or are refused."""

import unicodedata

import pytest

from crawljobs.domain import names


@pytest.mark.parametrize(
    "character",
    [
        *("\0", "\x1b", "\u200b", "\u200d", "\u202e", "\u2028", "\ufeff", "\ud800", "\U000e0041"),
        *("\u034f", "\u115f", "\u1160", "\u17b4", "\u180b", "\u2800", "\u3164", "\uffa0"),
    ],
)
def test_what_cannot_be_seen_is_found(character: str) -> None:
    found = f"U+{ord(character):04X}"
    assert names.unseen(f"night{character}ly") == names.unseen(character) == found


def test_what_can_be_seen_is_not() -> None:
    for name in (
        "nightly",
        "Ünïcödé",
        "日本語",
        "हिन्दी",
        "नि\u0947",
        "⚙\ufe0f nightly",
        "a\u00a0b",
    ):
        assert names.unseen(name) is None


def test_equal_to_the_eye_is_equal() -> None:
    for name in (
        " nightly ",
        "\uff4e\uff49\uff47\uff48\uff54\uff4c\uff59",
        "nightly\u00a0",
        "night\ufe0fly",
        "nightly\U000e0100",
    ):
        assert names.normalized(name) == "nightly", name
        assert names.key(name.upper()) == "nightly", name
    assert names.normalized("⚙\ufe0f nightly") == "⚙ nightly"
    assert names.normalized("\ufe0f \u3000") == ""


def test_the_normal_form_of_what_is_taken_is_taken_and_stays() -> None:
    for number in range(0x11_0000):
        character = chr(number)
        if names.unseen(character) is None:
            normal = names.normalized(character)
            assert names.unseen(normal) is None, hex(number)
            assert unicodedata.is_normalized("NFKC", normal)
