from pathlib import Path

import pytest

from onebox.demo_errors import OneboxError
from onebox.processes.child import Spec
from onebox.processes.roll_call import RollCall


def spec(role: str, number: int, called: str) -> Spec:
    return Spec(role, number, ["true"], {"INSTANCE_NAME": called}, 1.0)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "crawler-worker-1.log"
    path.write_text("one\nwaiting for a schema\n")
    return path


def test_nobody_expected_is_nobody_missing(log: Path) -> None:
    assert RollCall(60).check([], log=lambda _: log)


def test_each_answers_to_its_whole_name_only(log: Path) -> None:
    roll_call = RollCall(60)
    roll_call.expect(spec("crawler-worker", 1, "worker-1"))
    roll_call.expect(spec("scheduler", 1, "scheduler-1"))
    others = [
        "crawljobs worker-10",
        "crawljobs worker-abcdef-1 keeper",
        "psql",
        "scheduler-1 hints",
    ]
    assert not roll_call.check(others, log=lambda _: log)
    assert roll_call.missing == {"crawler-worker-1"}
    assert roll_call.check(["crawljobs worker-1 keeper"], log=lambda _: log)
    assert roll_call.check([], log=lambda _: log), "who has been heard once is at work"


def test_who_is_late_is_named_with_its_log(log: Path) -> None:
    roll_call = RollCall(0)
    roll_call.expect(spec("crawler-worker", 1, "worker-1"))
    with pytest.raises(OneboxError) as late:
        while not roll_call.check([], log=lambda _: log):
            pass
    assert str(late.value) == (
        "Not ready within 0 s: crawler-worker-1 (waiting for a schema; all of it: " + f"{log})"
    )
