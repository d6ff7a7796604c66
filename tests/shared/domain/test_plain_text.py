"""Texts from outside are shown on one line, without characters that control a terminal."""

import time
import unicodedata

import pytest

from crawljobs.domain import completion, masking, plain_text, untrusted_text

ESC = "\x1b"
CASES = [
    ("plain", "plain"),
    ("\u00fcml\u00e4ut \u4e2d\u6587 \U0001f600", "\u00fcml\u00e4ut \u4e2d\u6587 \U0001f600"),
    (f"{ESC}[2J{ESC}]0;title\x07", "[2J]0;title"),
    ("\x9b31mred\x9c", "31mred"),
    ("one\r\ntwo\tthree\u2028four\x85five", "one two three four five"),
    ("user\u202egnp.exe\u2069", "usergnp.exe"),
    ("zero\u200bwidth\ufeff", "zerowidth"),
    ("back\x08space\x7f", "backspace"),
    ("NUL \0 and \ud800", "NUL \ufffd and \ufffd"),
    ("<script>alert(1)</script>", "<script>alert(1)</script>"),
]


@pytest.mark.parametrize(("raw", "shown"), CASES)
def test_one_line(raw: str, shown: str) -> None:
    assert plain_text.one_line(raw, limit=100) == shown
    assert completion.storable(raw) == shown


def test_every_character_of_unicode_is_harmless_on_one_line() -> None:
    for start in range(0, 0x110000, 0x1000):
        text = "".join(map(chr, range(start, start + 0x1000)))
        shown = plain_text.one_line(text, limit=0x1000)
        found = {unicodedata.category(character) for character in shown}
        assert not found & {"Cc", "Cf", "Cs", "Zl", "Zp"}


def test_a_text_of_several_lines_keeps_its_lines_alone() -> None:
    assert plain_text.lines(f"a\n{ESC}[1mb\r\nc", limit=100) == "a\n[1mb \nc"
    assert plain_text.lines("x" * 200, limit=100) == "x" * 100


def test_an_endless_text_is_cut_first() -> None:
    began = time.monotonic()
    assert len(plain_text.one_line("\x1bx" * 10_000_000, limit=500)) == 250
    assert time.monotonic() - began < 1


def test_a_stored_text_keeps_its_lines_and_loses_controls() -> None:
    assert (
        untrusted_text.text("a\n\tb\x1b[31m\x9b\x7fc", limit=50) == "a\n\tb\ufffd[31m\ufffd\ufffdc"
    )


SECRET = "canary-0123456789abcdef"


@pytest.mark.parametrize(
    "text",
    [
        f"postgresql://user:{SECRET}@host/database",
        f"postgresql://user:{SECRET}@x@host/database",
        f"postgresql://user:x y{SECRET}@host/database",
        f"postgresql://user:x/{SECRET}@host/database",
        f"proxy http://{SECRET}@proxy:3128 refused",
        f"host=h password={SECRET} user=u",
        f"host=h password='x \\' {SECRET}' user=u",
        f"PASSWORD = {SECRET}",
        f"?token={SECRET}&x=1",
        f"Authorization: Bearer {SECRET}",
        f"authorization: basic {SECRET}==",
        f'{{"client_secret": "x {SECRET}"}}',
        f"{{'password' : 'x \\' {SECRET}'}}",
        f'token="x y {SECRET}"',
        f"/api/admin/tokens/cj_0123456789ab_{SECRET}",
    ],
)
def test_secrets_of_the_usual_shapes_are_masked(text: str) -> None:
    assert "canary" not in masking.mask(text)


def test_masking_leaves_ordinary_sentences() -> None:
    for text in (
        "RETRY_JITTER='1': expected a number of parts of one from 0 to 0.9",
        "Listening at: http://127.0.0.1:8000 (12)",
        "Basic authentication is not used; mail admin@example.com",
        "ADMIN_API_TOKEN: expected at least 32 random characters",
        '{"code": "invalid_token", "id": "cj_0123456789ab"}',
    ):
        assert masking.mask(text) == text


@pytest.mark.parametrize(
    "piece",
    [
        "://",
        "@",
        "://@",
        "password=",
        "password='",
        "\\",
        "bearer ",
        "token = ",
        'token":"',
        "cj_0123456789ab_",
        "a",
    ],
)
def test_masking_takes_time_in_proportion_to_the_text(piece: str) -> None:
    def seconds(count: int) -> float:
        text, took = piece * count, []
        for _ in range(3):
            began = time.perf_counter()
            masking.mask(text)
            took.append(time.perf_counter() - began)
        return min(took)

    assert seconds(40_000) < 10 * seconds(20_000) + 0.005
