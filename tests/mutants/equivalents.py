"""Mutants that nothing can notice, each with the reason.

The files in `reasons/` list them, one file for each part of the project. A table `equivalent` has a
reason and the fingerprints of its mutants (`Mutant.fingerprint`). An entry that ends with `...` is
the beginning of several fingerprints. The table `tuned` names constants, in the form
`path::definition`, that were chosen for cost or pace. A value near by does the same work, so no
test can check the exact value.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

from mutants.mutant import Mutant

FOLDER = Path(__file__).parent / "reasons"
AND_MORE = "..."


def _read() -> tuple[dict[str, str], dict[str, str]]:
    equivalent: dict[str, str] = {}
    tuned: dict[str, str] = {}
    for file in sorted(FOLDER.glob("*.toml")):
        listed = tomllib.loads(file.read_text())
        tuned |= listed.get("tuned", {})
        for table in listed.get("equivalent", ()):
            equivalent |= dict.fromkeys(table["mutants"], table["reason"])
    return equivalent, tuned


EQUIVALENT, TUNED = _read()
ALIKE = {
    key.removesuffix(AND_MORE): why for key, why in EQUIVALENT.items() if key.endswith(AND_MORE)
}


def reason(mutant: Mutant) -> str | None:
    """Return the reason why no test can notice this mutant, or None if a test could."""
    if mutant.rule == "constant":
        tuned = TUNED.get(f"{mutant.path}::{mutant.definition}")
        if tuned:
            return f"tuned: {tuned}"
    fingerprint = mutant.fingerprint()
    for beginning, why in ALIKE.items():
        if fingerprint.startswith(beginning):
            return why
    return EQUIVALENT.get(fingerprint)
