"""Texts, times and widths of the output."""

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlctl.output.columns import Column, Noun, plain
from crawlctl.output.layout import fitted
from crawlctl.output.sizes import shown_bytes
from crawlctl.output.style import Style
from crawlctl.output.times import shown_seconds, shown_time
from crawlctl.output.visible_text import visible, visible_json
from crawlctl.output.writer import Writer

TEXT = Noun("text", (Column("id", kind="number"), Column("text")))


def steering(text: str) -> set[str]:
    return {
        c for c in text if not c.isprintable() and c not in "\n\u200c\u200d" and ord(c) < 0x3000
    }


@given(st.text(st.characters(exclude_categories=["Zs", "Co", "Cn"])))
def test_no_text_steers_a_terminal_in_any_format(text: str) -> None:
    for name in ("table", "wide", "json", "jsonl", "csv", "name"):
        out = io.StringIO()
        Writer(Style(name), out).items(TEXT, [{"id": 1, "text": text}])
        assert steering(out.getvalue()) == set(), name
        if name == "jsonl":
            assert json.loads(out.getvalue())["text"] == text
        if name == "csv":
            assert len([*csv.reader(io.StringIO(out.getvalue()))]) == 2
    out.getvalue().encode()  # no lone surrogate is left


@given(st.text())
def test_the_json_keeps_its_meaning(text: str) -> None:
    assert json.loads(visible_json(json.dumps(text, ensure_ascii=False))) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ÄÖ 漢字 👍🏽", "plain ÄÖ 漢字 👍🏽"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("a\nb\tc", "a\\nb\\tc"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_characters_that_steer_a_terminal_are_shown(text: str, shown: str) -> None:
    assert visible(text) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.25, "0.25s"), (59, "59s"), (61, "1m1s"), (7_500, "2h5m"), (90_000, "1d1h"), (3_600, "1h")],
)
def test_durations(seconds: float, shown: str) -> None:
    assert shown_seconds(seconds) == shown


@pytest.mark.parametrize(
    ("size", "shown"),
    [(0, "0 bytes"), (1023, "1023 bytes"), (1536, "1.5 KiB"), (123_131_583, "117 MiB")],
)
def test_sizes(size: int, shown: str) -> None:
    assert shown_bytes(size) == shown


def test_an_object_in_a_cell_is_without_its_empty_fields() -> None:
    assert plain({"group_id": None, "source": "user", "ids": [1, 2]}) == "source=user ids=1 2"


def test_times() -> None:
    assert shown_time("2026-05-04T12:00:00.5+02:00", local=False) == "2026-05-04 10:00:00Z"
    assert shown_time("soon", local=True) == "soon"


def test_a_narrow_terminal_cuts_texts_and_leaves_out_columns_on_the_right() -> None:
    columns = [Column("id", kind="number"), Column("name"), Column("at", kind="time")]
    columns += [Column("error"), Column("n", kind="number")]
    natural = [6, 40, 20, 100, 5]
    assert fitted(columns, natural, 1_000) == natural
    assert fitted(columns, natural, 120) == [6, 40, 20, 41, 5]
    assert fitted(columns, natural, 80) == [6, 20, 20, 21, 5]
    assert fitted(columns, natural, 60) == [6, 30, 20]
    assert fitted(columns, natural, 10) == [6, 16, 20]
