"""The scripts of `crawlctl completion`, and the words that they offer."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support import needs
from support.crawlctl import Ctl

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_accepts_its_script(offline: Ctl, shell: str) -> None:
    script = offline.ok("completion", shell).out
    assert "_CRAWLCTL_COMPLETE" in script
    if shell == "bash":
        checked = subprocess.run([needs.program("bash"), "-n"], input=script, text=True)
        assert checked.returncode == 0


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("crawlctl sched", ["schedules"]),
        ("crawlctl jobs give", ["give-up"]),
        ("crawlctl jobs list --no-c", ["--no-color"]),
        ("crawlctl jobs list -o js", ["json", "jsonl"]),
    ],
)
def test_the_words_that_are_offered(words: str, offered: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "crawlctl"],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT / "deploy"),
            "_CRAWLCTL_COMPLETE": "bash_complete",
            "COMP_WORDS": words,
            "COMP_CWORD": str(len(words.split()) - 1),
        },
        capture_output=True,
        text=True,
    )
    assert [line.partition(",")[2] for line in done.stdout.splitlines()] == offered, done
