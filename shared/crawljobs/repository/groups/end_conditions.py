"""Conditions on the states of jobs and steps, as SQL text that is built from the enums."""

from __future__ import annotations

from collections.abc import Iterable

from crawljobs.domain import group, job


def _among(values: Iterable[str]) -> str:
    return f"({', '.join(repr(str(value)) for value in sorted(values))})"


# A job that was deleted has ended too. The alias of the job is `job`.
JOB_HAS_ENDED = f"(job.id IS NULL OR job.status IN {_among(job.FINAL)})"
FINAL_STEPS = _among(group.FINAL)
OPEN_STEPS = _among(group.OPEN)
UNSUCCESSFUL_STEPS = _among(group.FINAL - {group.StepState.SUCCEEDED})
