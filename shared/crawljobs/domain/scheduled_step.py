"""A step of a schedule. Each due time creates a group with all steps of the schedule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from crawljobs.domain.group import RequiredOutcome, UpstreamFailure
from crawljobs.domain.group_plan import ALL, StepRequest, Upstream


@dataclass(frozen=True)
class ScheduledStep:
    """A step that a schedule stores, without a state.

    - `priority`, `max_retries`: None means the value of the schedule.
    - `after`: keys of steps of the same schedule.

    A comparison of steps ignores `subreddit`, because names of one subreddit may differ in case.
    """

    key: str
    subreddit_id: int
    subreddit: str = field(compare=False)
    priority: int | None = None
    max_retries: int | None = None
    after: tuple[str, ...] = ()
    after_all: bool = False
    on_upstream_failure: UpstreamFailure = UpstreamFailure.CANCEL
    require_outcome: RequiredOutcome = RequiredOutcome.ANY

    @property
    def upstreams(self) -> str | tuple[str, ...]:
        """The value of `after` in the API: the text `all`, or the keys of other steps."""
        return ALL if self.after_all else self.after


def from_request(step: StepRequest, *, subreddit_id: int, **own: int | None) -> ScheduledStep:
    """Return the step in the form that a schedule stores.

    `own` has the priority and max_retries of the step. None means the value of the schedule. `step`
    may wait only for other steps of the schedule, by their keys.
    """
    return ScheduledStep(
        key=step.key,
        subreddit_id=subreddit_id,
        subreddit=step.subreddit,
        after=tuple(dict.fromkeys(each.key for each in step.after if each.key is not None)),
        after_all=step.after_all,
        on_upstream_failure=step.on_upstream_failure,
        require_outcome=step.require_outcome,
        **own,
    )


def to_request(step: ScheduledStep, *, priority: int, max_retries: int) -> StepRequest:
    """Return the step for a new group. The values of the schedule apply if the step has none."""
    return StepRequest(
        step.key,
        step.subreddit,
        priority if step.priority is None else step.priority,
        max_retries if step.max_retries is None else step.max_retries,
        after=[Upstream(key=key) for key in step.after],
        after_all=step.after_all,
        on_upstream_failure=step.on_upstream_failure,
        require_outcome=step.require_outcome,
    )


def to_json(steps: Sequence[ScheduledStep]) -> list[dict[str, Any]]:
    """Return the steps as they are stored. Default values are left out."""
    return [_json(step) for step in steps]


def from_json(stored: Any) -> tuple[ScheduledStep, ...]:
    """Return the stored steps. Returns no step if the value is not a list of steps."""
    try:
        return tuple(_step(each) for each in stored)
    except (AttributeError, KeyError, TypeError, ValueError):
        return ()


def _json(step: ScheduledStep) -> dict[str, Any]:
    stored: dict[str, Any] = {
        "key": step.key,
        "subreddit_id": step.subreddit_id,
        "subreddit": step.subreddit,
    }
    if step.priority is not None:
        stored["priority"] = step.priority
    if step.max_retries is not None:
        stored["max_retries"] = step.max_retries
    if step.upstreams:
        stored["after"] = ALL if step.after_all else list(step.after)
    if step.on_upstream_failure is not UpstreamFailure.CANCEL:
        stored["on_upstream_failure"] = step.on_upstream_failure.value
    if step.require_outcome is not RequiredOutcome.ANY:
        stored["require_outcome"] = step.require_outcome.value
    return stored


def _step(stored: Mapping[str, Any]) -> ScheduledStep:
    after = stored.get("after", ())
    return ScheduledStep(
        key=_text(stored["key"]),
        subreddit_id=int(stored["subreddit_id"]),
        subreddit=_text(stored["subreddit"]),
        priority=_number(stored.get("priority")),
        max_retries=_number(stored.get("max_retries")),
        after=() if after == ALL else tuple(_text(key) for key in after),
        after_all=after == ALL,
        on_upstream_failure=UpstreamFailure(stored.get("on_upstream_failure", "cancel")),
        require_outcome=RequiredOutcome(stored.get("require_outcome", "any")),
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not a string")
    return value


def _number(value: Any) -> int | None:
    return None if value is None else int(value)
