"""Read the systemd units of deploy/systemd, and start their commands without systemd."""

import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from support.service_process import ServiceProcess

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy" / "systemd"


@dataclass(frozen=True)
class Unit:
    """A unit file. `values` has all values of each key, in the order of the file."""

    name: str
    values: Mapping[str, list[str]]

    def one(self, key: str) -> str:
        (value,) = self.values[key]
        return value

    def seconds(self, key: str) -> float:
        return float(self.one(key))

    @property
    def credentials(self) -> dict[str, Path]:
        """Return the file of each credential."""
        pairs = (line.split(":", 1) for line in self.values.get("LoadCredential", []))
        return {name: Path(path) for name, path in pairs}

    @property
    def variables(self) -> dict[str, str]:
        """Return the variables in the unit itself, with their specifiers such as %d."""
        words = [word for line in self.values.get("Environment", []) for word in shlex.split(line)]
        return dict(word.split("=", 1) for word in words)

    def environment(self, credentials: Path, instance: str = "") -> dict[str, str]:
        """Return the variables of the process. Variables of the file replace those of the unit."""
        own = {
            name: value.replace("%d", str(credentials)).replace("%i", instance)
            for name, value in self.variables.items()
        }
        for path in self.values.get("EnvironmentFile", []):
            lines = Path(path).read_text().splitlines()
            pairs = (line.split("=", 1) for line in lines if line and not line.startswith("#"))
            own |= {name: value.strip('"') for name, value in pairs}
        return own


def read(path: Path) -> Unit:
    values: dict[str, list[str]] = {}
    for line in path.read_text().splitlines():
        if line and line[0] not in "#;[":
            key, value = line.split("=", 1)
            values.setdefault(key, []).append(value)
    return Unit(path.name, values)


def load_credentials(unit: Unit, folder: Path) -> Path:
    """Copy the unit's credentials into a folder, as systemd does, and return the folder."""
    place = folder / f"credentials-{unit.name}"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    for name, source in unit.credentials.items():
        shutil.copy(source, place / name)
    return place


def start(
    path: Path, folder: Path, *, instance: str = "", variables: Mapping[str, str]
) -> ServiceProcess:
    """Start the command of a unit. `variables` replace those of the unit."""
    unit = read(path)
    log = folder / f"{unit.name.replace('@', f'@{instance}')}.log"
    environment = unit.environment(load_credentials(unit, folder), instance)
    with log.open("wb") as output:
        process = subprocess.Popen(
            shlex.split(unit.one("ExecStart")),
            env={"PATH": os.environ["PATH"], **environment, **variables},
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    return ServiceProcess(unit.name, process, log)
