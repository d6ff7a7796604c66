"""Find the environment variables that the code reads, so that no manifest sets unknown ones."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
READ_ELSEWHERE = ("shared/crawljobs/runtime/logs.py", "services/admin_api/gunicorn_conf.py")
# Variables that the system, Python, libpq, the metrics client and OpenTelemetry read.
FOREIGN = {
    "PATH",
    "PGPORT",
    "PYTHONPATH",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONUNBUFFERED",
    "PROMETHEUS_MULTIPROC_DIR",
    "OTEL_EXPORTER_OTLP_HEADERS",
}


def known() -> set[str]:
    """Return all known variables. For a secret NAME, NAME_FILE may name a file with the secret."""
    files = [*(ROOT / "shared/crawljobs/settings").glob("*.py")]
    files.remove(ROOT / "shared/crawljobs/settings/misspelt.py")  # has variables of other programs
    files += [ROOT / name for name in READ_ELSEWHERE]
    code = "\n".join(path.read_text() for path in files)
    names = set(re.findall(r'"([A-Z][A-Z_]{4,})"', code))
    secrets = {"DATABASE_URL", "DATABASE_DIRECT_URL"}
    secrets |= set(re.findall(r'\.secret\("([A-Z_]+)"', code))
    return names | {f"{name}_FILE" for name in secrets} | FOREIGN
