"""Read each image's files, lock file, variables and command from the Dockerfile."""

import json
import os
import re
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = ROOT / "deploy" / "docker" / "Dockerfile"
SERVICES = ("admin-api", "crawler-worker", "scheduler")
TARGETS = (*SERVICES, "migrations", "sandbox")


@dataclass(frozen=True)
class Image:
    """A build target of the Dockerfile, including the instructions of its base stage."""

    copies: tuple[tuple[str, str], ...]  # (path in the project, path below /app)
    lock: str
    variables: dict[str, str]
    entrypoint: tuple[str, ...]
    command: tuple[str, ...]
    ports: tuple[int, ...]
    user: str

    def program(self, app: Path) -> list[str]:
        """Return the entry point for the image's files in `app`, run by the Python of the tests."""
        first, *arguments = self.entrypoint
        script = app / "bin" / first
        is_python = script.read_text().startswith("#!/usr/bin/env -S python -P\n")
        assert is_python and os.access(script, os.X_OK)
        return [sys.executable, "-P", str(script), *arguments]

    def stage(self, folder: Path) -> None:
        """Link the image's files into `folder`, which has the role of /app in the container."""
        for source, target in self.copies:
            place = folder / target
            if target.endswith("/"):
                place = place / Path(source).name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(ROOT / source)


def instructions(stage: str) -> tuple[str, list[tuple[str, str]]]:
    """Return the stage's base, and its instructions as (word, rest) without line breaks."""
    text = re.sub(r"\\\n\s*", "", DOCKERFILE.read_text())
    found = re.search(
        rf"^FROM (\S+) AS {re.escape(stage)}\n(.*?)(?=^FROM |\Z)", text, re.MULTILINE | re.DOTALL
    )
    assert found, stage
    lines = [line for line in found[2].splitlines() if line and not line.startswith("#")]
    return found[1], [(word, rest) for word, _, rest in (line.partition(" ") for line in lines)]


def read(target: str) -> Image:
    below, own = instructions(target)
    base, shared = instructions(below)
    assert base == "${PYTHON_IMAGE}"
    both = [*shared, *own]
    values = dict(
        pair.split("=", 1) for word, rest in both if word == "ENV" for pair in shlex.split(rest)
    )
    (packages,) = re.findall(r"--from=(\S+) /opt/venv", " ".join(rest for _, rest in own))
    (lock,) = re.findall(r"requirements/(\S+\.lock)", str(instructions(packages)))
    return Image(
        copies=tuple(
            (source, place)
            for word, rest in both
            if word == "COPY" and not rest.startswith("--from")
            for source, place in [rest.split(" ")]
        ),
        lock=lock,
        variables=values,
        entrypoint=tuple(json.loads(_last(both, "ENTRYPOINT", "[]"))),
        command=tuple(json.loads(_last(both, "CMD", "[]"))),
        ports=tuple(int(port) for port in _last(both, "EXPOSE", "").split()),
        user=_last(both, "USER", ""),
    )


def _last(found: list[tuple[str, str]], word: str, default: str) -> str:
    return next((rest for name, rest in reversed(found) if name == word), default)
