import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import psutil
import pytest

from onebox.processes import supervisor
from onebox.processes.child import Spec
from onebox.processes.supervisor import ChildDiedError, Supervisor
from support import processes
from support.waiting import wait_until

SLEEPER = "print('up', flush=True); import time; time.sleep(60)"
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SLEEPER
TALKER = "import time\nwhile True: print('up', flush=True); time.sleep(0.001)"
HOLDER = """
import sys, time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from onebox.processes.child import Spec
from onebox.processes.supervisor import Supervisor
held = Supervisor(Path(sys.argv[1]))
for number in (1, 2):
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    held.start(Spec("sleeper", number, command, {}, 1.0))
print(*held.pids()["sleeper"], flush=True)
time.sleep(60)
"""


def spec(code: str, *, number: int = 1, role: str = "child", stop_seconds: float = 5.0) -> Spec:
    return Spec(role, number, [sys.executable, "-c", code], dict(os.environ), stop_seconds)


@pytest.fixture
def supervised(tmp_path: Path) -> Iterator[Supervisor]:
    held = Supervisor(tmp_path / "logs")
    yield held
    held.kill()


def wait_until_up(held: Supervisor, child: supervisor.Child) -> None:
    log = held.log(child.spec)
    wait_until(lambda: "up" in log.read_text(), timeout=10, describe=f"{log} says up")


def test_a_child_that_was_killed_is_started_again_and_told(supervised: Supervisor) -> None:
    child = supervised.start(spec(SLEEPER))
    first = child.process.pid
    assert supervised.pids() == {"child": [first]}

    os.kill(first, signal.SIGKILL)
    wait_until(supervised.restart_dead, timeout=20, describe="the death was seen")
    assert supervised.pids() == {"child": []}
    wait_until(supervised.restart_dead, timeout=20, describe="it was started again")
    assert supervised.pids() != {"child": [first]}
    assert child.is_running
    supervised.note_recovered(lambda _: False)
    supervised.note_recovered(lambda found: found is child)
    supervised.note_recovered(lambda _: True)
    times, told = zip(*(note.split(" ", 1) for note in supervised.notes), strict=True)
    assert told == (
        "child-1 was ended by SIGKILL; it starts again in 0.5 s",
        "child-1 works again",
    )
    assert all(datetime.strptime(told_at, "%H:%M:%S") for told_at in times)  # noqa: DTZ007


def test_a_child_that_keeps_dying_is_started_ever_more_rarely(
    supervised: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "BACKOFF_SECONDS", 0.01)
    monkeypatch.setattr(supervisor, "BACKOFF_MAX_SECONDS", 0.04)
    child = supervised.start(spec("raise SystemExit(3)"))
    pauses: list[str] = []
    while len(pauses) < 4:
        wait_until(supervised.restart_dead, timeout=20, describe="the death was seen")
        assert child.restart_at
        pauses.append(supervised.notes[-1].rsplit(" ", 2)[1])
        wait_until(supervised.restart_dead, timeout=20, describe="it was started again")
    assert pauses == ["0.01", "0.02", "0.04", "0.04"]
    assert "child-1 ended with status 3" in supervised.notes[0]


def test_a_death_at_the_start_is_refused_with_what_the_child_said(supervised: Supervisor) -> None:
    supervised.start(spec("raise SystemExit('STALE_DAYS=\\'x\\': expected days \\x1b[31m')"))

    def refused() -> str:
        try:
            supervised.refuse_early_death()
        except ChildDiedError as error:
            return str(error)
        return ""

    told = wait_until(refused, timeout=10, describe="its death was refused")
    assert told.startswith("child-1 ended with status 1: STALE_DAYS='x': expected days [31m (all")


def test_a_death_by_a_signal_or_of_one_not_asked_for_is_not_refused(supervised: Supervisor) -> None:
    killed = supervised.start(spec(SLEEPER, number=1))
    wrong = supervised.start(spec("raise SystemExit(3)", number=2))
    killed.process.kill()
    killed.process.wait(10)
    wrong.process.wait(10)
    supervised.refuse_early_death({"child-1"})
    with pytest.raises(ChildDiedError, match="child-2 ended with status 3"):
        supervised.refuse_early_death()


def test_stopping_asks_first_and_kills_what_does_not_listen(supervised: Supervisor) -> None:
    polite = supervised.start(spec(SLEEPER, number=1))
    deaf = supervised.start(spec(DEAF, number=2, stop_seconds=0.2))
    other = supervised.start(spec(SLEEPER, role="other"))
    for child in (polite, deaf, other):
        wait_until_up(supervised, child)

    supervised.stop(["child"])
    assert polite.process.returncode == -signal.SIGTERM
    assert deaf.process.returncode == -signal.SIGKILL
    assert supervised.pids() == {"other": [other.process.pid]}


def test_stopping_in_a_hurry_does_not_wait(supervised: Supervisor) -> None:
    deaf = supervised.start(spec(DEAF, stop_seconds=600))
    wait_until_up(supervised, deaf)
    began = time.monotonic()
    supervised.stop(["child"], hurry=lambda: True)
    assert time.monotonic() - began < 5
    assert deaf.process.returncode == -signal.SIGKILL


def test_stopping_nothing_does_nothing(supervised: Supervisor) -> None:
    supervised.stop(["child"])
    assert not supervised.restart_dead()
    assert supervised.pids() == {}


def test_children_die_with_a_supervisor_that_is_killed(tmp_path: Path, python_path: str) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": python_path},
    )
    assert holder.stdout
    with holder:
        children = [psutil.Process(int(pid)) for pid in holder.stdout.readline().split()]
        assert len(children) == 2
        assert all(child.is_running() for child in children)
        holder.kill()
    processes.wait_until_gone(children, timeout=20)


def test_a_long_log_is_put_aside_while_its_child_goes_on_writing(
    supervised: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "LOG_BYTES", 100)
    monkeypatch.setattr(supervisor, "LOG_CHECK_SECONDS", 0.0)
    child = supervised.start(spec(TALKER))
    log = supervised.log(child.spec)
    wait_until(lambda: log.stat().st_size > 100, timeout=10, describe="a long log")
    supervised.bound_logs()
    assert log.with_name("child-1.log.1").read_text().startswith("up\nup\n")

    wait_until(lambda: log.read_text().startswith("up\n"), timeout=20, describe="more of it")
    assert b"\0" not in log.read_bytes()


def test_a_note_that_stays_true_is_kept_once(supervised: Supervisor) -> None:
    for _ in range(3):
        supervised.note_once("the API does not answer")
    assert [note.split(" ", 1)[1] for note in supervised.notes] == ["the API does not answer"]
