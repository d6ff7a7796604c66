"""Find the settings that each service reads, by reading them with the functions that it calls."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from crawljobs import settings
from support import admin_api

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "docs" / "reference" / "settings.md"
REQUIRED = {
    "DATABASE_URL": "postgresql://127.0.0.1/none",
    "ADMIN_API_TOKEN": admin_api.TOKEN,
    "REDDIT_CLIENT_ID": "id",
    "REDDIT_CLIENT_SECRET": "secret",
}
# The second set leads to the settings that matter only together with another setting.
TOGETHER = {
    **REQUIRED,
    "REDDIT_API_URL": "http://sandbox:8090",
    "REDDIT_ALLOW_HTTP": "true",
    "HTTP_PROXY": "http://proxy:3128",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318",
    "OTEL_EXPORTER_OTLP_INSECURE": "true",
}


class _Recorder(dict[str, str]):
    """Variables that note each name that is looked up."""

    def __init__(self, variables: dict[str, str]) -> None:
        super().__init__(variables)
        self.names: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.names.add(name)
        return super().get(name, default)

    def __contains__(self, name: object) -> bool:
        self.names.add(str(name))
        return super().__contains__(name)


def documented() -> set[str]:
    """Return the settings in the tables of the reference page."""
    return set(re.findall(r"^\| `([A-Z_]+)` \|", TABLE.read_text(), re.MULTILINE))


def read_by(folder: str) -> set[str]:
    """Return the documented settings that the code in a folder of the project reads."""
    return {name for name in _looked_up(ROOT / folder) if name in documented()}


def _looked_up(folder: Path) -> Iterator[str]:
    code = "\n".join(path.read_text() for path in sorted(folder.rglob("*.py")))
    for name in sorted({"read_log_settings", *re.findall(r"settings\.(read_\w+)\(", code)}):
        reader = getattr(settings, name)
        for variables in (REQUIRED, TOGETHER):
            recorder = _Recorder(variables)
            more = ("role",) if name == "read_instance_name" else ()
            reader(recorder, *more)
            yield from recorder.names
