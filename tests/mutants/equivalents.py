"""Mutants that nothing can notice, each with the reason."""

from __future__ import annotations

from mutants.mutant import Mutant

# By Mutant.fingerprint().
EQUIVALENT: dict[str, str] = {}
# By `path::definition`: numbers that were chosen for cost or pace. A value near by does the same
# work, so no test holds the exact one.
TUNED: dict[str, str] = {}


def reason(mutant: Mutant) -> str | None:
    """Why nothing can notice this mutant; None when something can."""
    if mutant.rule == "constant":
        tuned = TUNED.get(f"{mutant.path}::{mutant.definition}")
        if tuned:
            return f"tuned: {tuned}"
    return EQUIVALENT.get(mutant.fingerprint())
