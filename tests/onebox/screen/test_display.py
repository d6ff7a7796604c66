"""The demo's display on a terminal of 80 by 24 characters, and in a file."""

import io
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from rich.console import Console

from onebox import crawl_progress
from onebox.crawl_progress import JobView, Snapshot
from onebox.postgres.latest_events import Event
from onebox.postgres.overview import Overview
from onebox.screen import display
from support.manual_clock import ManualClock

EARLY = datetime(2031, 5, 17, 12, 0, tzinfo=UTC)
LATE = datetime(2031, 5, 17, 12, 5, tzinfo=UTC)


def view(job_id: int, subreddit: str, status: str = "crawling") -> JobView:
    done = {"phase": "comments", "page": 3, "posts": 12_345, "comments": 123_456}
    done |= {"authors": 30, "requests": 2_000, "total": 4_000}
    raw = {"id": job_id, "subreddit": subreddit, "status": status, "progress": done}
    return crawl_progress.job_view(raw | {"claimed_by": "worker-1", "source": "discovery"})


@pytest.fixture
def console() -> Iterator[Console]:
    yield Console(width=80, height=24, file=io.StringIO(), force_terminal=True, record=True)


def test_a_screen_of_80_by_24_has_whole_names_and_no_more_lines_than_it_can_show(
    console: Console,
) -> None:
    names = ["u_" + "n" * 20, "TelescopeMakers", "GlazeRecipes", "LunarAtlas", "BirdingNotes"]
    asked = [view(number, name) for number, name in enumerate(names)]
    others = [view(100 + number, f"Found{number:016}") for number in range(60)]
    overview = Overview(stored=(1, 2, 3), events=(Event(("job", 1, EARLY), "e" * 200),))
    terminal = display.TerminalDisplay(console)
    terminal.show(Snapshot(asked, [], others), ["n" * 200] * 9, overview)
    shown = console.export_text().rstrip("\n").splitlines()
    terminal.close()
    assert len(shown) < 24
    assert max(map(len, shown)) <= 80
    for name in [*names, "Found0000000000000000"]:
        assert f"r/{name} " in "\n".join(shown)
    assert "more not shown" in "\n".join(shown)


def test_a_file_gets_each_event_once_and_the_status_once_a_minute(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = ManualClock()
    monkeypatch.setattr(display, "time", clock)
    lines = display.LineDisplay()
    first = Event(("run", 1, EARLY), 'schedule "daily" was due: enqueued')
    second = Event(("job", 1, LATE), "r/Pottery succeeded: 2 posts (schedule)")
    own = Event(("job", 2, LATE), "r/Own succeeded", by_user=True)
    for events in ((first,), (own, second, first), (own, second, first)):
        lines.show(Snapshot([], [], []), [], Overview(events=events))
    assert [line.partition(" ")[2] for line in capsys.readouterr().out.splitlines()] == [
        first.text,
        second.text,
    ]
    for clock.now in (1_059.0, 1_060.0, 1_061.0, 1_119.0, 1_120.0):
        lines.show(Snapshot([], [], []), [], Overview(events=(second,)))
    status = capsys.readouterr().out.splitlines()
    assert len(status) == 2
    assert all(" no jobs; " in line and " 0" not in line.partition(" ")[2] for line in status)


def test_a_pause_and_its_remedy_are_shown_whole(
    console: Console, capsys: pytest.CaptureFixture[str]
) -> None:
    pauses = ["paused until 12:00:00: " + "why " * 60 + "end", "remedy: " + "do " * 70 + "last"]
    terminal = display.TerminalDisplay(console)
    terminal.show(Snapshot([view(1, "Pottery")], [], []), [], None, pauses)
    shown = console.export_text()
    terminal.close()
    for pause in pauses:
        assert " ".join(pause.split()) in " ".join(shown.split())
    assert max(map(len, shown.splitlines())) <= 80
    lines = display.LineDisplay()
    for _ in range(2):
        lines.show(Snapshot([], [], []), ["n" * 200], None, pauses)
    printed = capsys.readouterr().out.splitlines()
    assert [len(line) for line in printed] == [display.LINE_WIDTH, *map(len, pauses)]
    assert printed[1:] == pauses


def test_a_line_of_a_file_leaves_out_zeros() -> None:
    raw = {"id": 1, "subreddit": "Pottery", "status": "queued", "progress": {"total": 40}}
    assert display.line(crawl_progress.job_view(raw)) == "r/Pottery: queued"
    raw["progress"] = {"posts": 10, "authors": 0, "requests": 2, "total": 40}
    assert (
        display.line(crawl_progress.job_view(raw)) == "r/Pottery: queued, 10 posts, 2/40 requests"
    )


def test_a_file_gets_no_control_characters_even_with_forced_colours(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    shown = display.opened()
    shown.show(Snapshot([view(1, "Pottery", "failed")], [], []), ["note"], Overview())
    shown.close()
    display.print_table([view(1, "Pottery", "failed")])
    assert isinstance(shown, display.LineDisplay)
    assert "\x1b" not in capsys.readouterr().out
