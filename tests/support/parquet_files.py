"""Query the Parquet files of an export by DuckDB, in a process of its own."""

import json
import subprocess
from pathlib import Path

from support import needs

STATE = "_export.json"  # the file in the folder of an export that records its complete batches
_QUERY = (
    "import duckdb, json, sys; "
    "duckdb.sql(\"SET TimeZone = 'UTC'; SET enable_progress_bar = false\"); "
    "print(json.dumps([str(each) for each in duckdb.sql(sys.argv[1]).fetchone()]))"
)


def query(folder: Path, columns: str, *, inner: str = "*") -> list[str]:
    """Return the first row of a query over all files. `inner` selects the columns of the files."""
    files = f"read_parquet('{folder}/**/*.parquet', hive_partitioning = true)"
    statement = f"SELECT {columns} FROM (SELECT {inner} FROM {files})"
    done = subprocess.run(
        [needs.parquet(), "-c", _QUERY, statement], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    found: list[str] = json.loads(done.stdout)
    return found
