"""The CI repeats at most three failed tests, names the unstable ones, and fails for all others."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Each of these tests fails in the first run. The tests of `always` fail in the second run too.
TESTS = """
import pathlib, pytest
@pytest.mark.parametrize("name", {names})
def test_unstable(name):
    seen = pathlib.Path("seen-" + name)
    first = not seen.exists()
    seen.touch()
    assert not first and name not in {always}
def test_stable():
    with open("stable-runs", "a") as runs:
        runs.write("x")
"""


def run(folder: Path, names: list[str], always: tuple[str, ...] = ()) -> tuple[int, str]:
    (folder / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "repeat-failures", folder / ".ci")
    (folder / "test_some.py").write_text(TESTS.format(names=names, always=always))
    (folder / "pytest.ini").write_text("[pytest]\n")
    done = subprocess.run(
        [".ci/repeat-failures", sys.executable, "-m", "pytest", "-q", "-p", "no:xdist"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.stderr == ""
    return done.returncode, done.stdout


def test_tests_that_pass_the_second_time_are_named(tmp_path: Path) -> None:
    code, printed = run(tmp_path, ["a", "b", "c"])
    assert code == 0, printed
    named = printed.partition("UNSTABLE: failed once, then passed:\n")[2].split()
    assert named == [f"test_some.py::test_unstable[{name}]" for name in "abc"]
    assert (tmp_path / "stable-runs").read_text() == "x", "only failed tests are repeated"


@pytest.mark.parametrize(
    ("names", "always"),
    [(["a"], ("a",)), (["a", "b"], ("b",)), (["a", "b", "c", "d"], ())],
    ids=["fails twice", "one of two fails twice", "more than three fail"],
)
def test_other_failures_fail(tmp_path: Path, names: list[str], always: tuple[str, ...]) -> None:
    code, printed = run(tmp_path, names, always)
    assert code == 1, printed
    assert "UNSTABLE" not in printed


def test_success_is_not_repeated(tmp_path: Path) -> None:
    assert run(tmp_path, [])[0] == 0
    assert (tmp_path / "stable-runs").read_text() == "x"


def test_all_test_steps_of_the_ci_use_it() -> None:
    for name in ("run", "run-in-containers", "run-as-ordinary-user"):
        script = (ROOT / ".ci" / name).read_text()
        lines = [line for line in script.splitlines() if "./run test" in line]
        steps = [line for line in lines if not line.lstrip().startswith("#")]
        steps = [line for line in steps if "--version" not in line]
        assert steps and all(".ci/repeat-failures ./run test" in line for line in steps), name
