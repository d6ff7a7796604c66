"""Mutants that nothing can notice, each with the reason; by Mutant.fingerprint()."""

EQUIVALENT: dict[str, str] = {}
