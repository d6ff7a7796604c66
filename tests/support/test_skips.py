from pathlib import Path
from types import SimpleNamespace

import pytest

from support import needs, skips
from support.waiting import wait_until


def report(test: str, reason: str) -> SimpleNamespace:
    return SimpleNamespace(nodeid=test, longrepr=("file", 1, f"Skipped: {reason}"))


def test_skips_are_told_by_what_was_missing() -> None:
    reports = [report("a", "needs root"), report("b", "wrong moon"), report("c", "needs root")]
    assert skips.by_want(reports) == {"root": ["a", "c"], "wrong moon": ["b"]}
    assert skips.by_want([]) == {}


def test_a_missing_program_skips_with_its_name() -> None:
    with pytest.raises(pytest.skip.Exception, match="needs no-such-program"):
        needs.program("no-such-program")
    assert needs.program("sh")


def test_an_allowed_skip_needs_a_reason(tmp_path: Path) -> None:
    allowed = tmp_path / "allowed"
    allowed.write_text("# what may be missing\nDocker: no engine there\n\n--deep: by hand\n")
    assert skips.read_allowed(allowed) == {"Docker", "--deep"}
    allowed.write_text("Docker\n")
    with pytest.raises(pytest.UsageError, match="expected WHAT: REASON"):
        skips.read_allowed(allowed)


def test_waiting_in_vain_says_what_was_awaited() -> None:
    seen: list[int] = []
    with pytest.raises(AssertionError, match=r"not within 0\.05 s: three, saw \d+"):
        wait_until(lambda: seen.append(1), timeout=0.05, describe=lambda: f"three, saw {len(seen)}")
    assert wait_until(lambda: "an answer", timeout=0, describe="anything") == "an answer"
