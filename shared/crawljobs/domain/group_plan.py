"""Check the steps of a group before they are stored: keys, waits, cycles and limits."""

from __future__ import annotations

import graphlib
import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from crawljobs.domain.group import RequiredOutcome, StepState, UpstreamFailure

STEPS_MAX_OF_REQUEST = 10_000
STEPS_MAX_OF_GROUP = 100_000
WAITS_MAX = 100  # limit of the waits of one step; `after: "all"` counts as one
DEPTH_MAX = 100  # limit of the steps on a chain of waits
NAMES_SHOWN = 10
ERRORS_MAX = 1_000

ALL = "all"  # the value of `after` for a step that waits for all other steps of its group


@dataclass(frozen=True)
class Upstream:
    """Something that a step waits for: a step of its group by key, a job or another group by id."""

    key: str | None = None
    job_id: int | None = None
    group_id: int | None = None


@dataclass(frozen=True)
class StepRequest:
    """A step to add to a group. `after_all`: the step waits for all other steps of the group."""

    key: str
    subreddit: str
    priority: int
    max_retries: int
    visible_at: datetime | None = None
    after: Sequence[Upstream] = ()
    after_all: bool = False
    on_upstream_failure: UpstreamFailure = UpstreamFailure.CANCEL
    require_outcome: RequiredOutcome = RequiredOutcome.ANY


@dataclass(frozen=True)
class StoredStep:
    """A step that is already stored. `depth`: the length of its longest chain of upstream steps."""

    id: int
    key: str
    subreddit: str
    depth: int
    state: StepState
    reason: str | None = None
    after_all: bool = False


@dataclass(frozen=True)
class PlanError:
    """An invalid step. `pointer` is a JSON pointer to the value in the list of steps."""

    pointer: str
    detail: str


@dataclass(frozen=True)
class Plan:
    """The checked steps. `depths` has the depth of each step by key. `errors`: invalid values."""

    depths: Mapping[str, int]
    errors: Sequence[PlanError]


def check(steps: Sequence[StepRequest], stored: Mapping[str, StoredStep]) -> Plan:
    """Check new steps against one another and against the stored steps of their group.

    `stored` has stored steps by key: the steps to which new steps refer, and all steps with the
    subreddits of new steps. The plan has at most the first ERRORS_MAX errors.
    """
    wrong = itertools.chain(_key_errors(steps, stored), _wait_errors(steps, stored))
    errors = [*itertools.islice(wrong, ERRORS_MAX)]
    if errors:
        return Plan({}, errors)
    waits = {step.key: [each.key for each in step.after if each.key is not None] for step in steps}
    try:
        order = [*graphlib.TopologicalSorter(waits).static_order()]
    except graphlib.CycleError as error:
        return Plan(
            {}, [PlanError("", f"these steps wait for one another: {_named(error.args[1])}")]
        )
    depths = {key: each.depth for key, each in stored.items()}
    for key in order:
        if key in waits:
            depths[key] = max((depths[upstream] + 1 for upstream in waits[key]), default=0)
    wrong = itertools.chain(
        _depth_errors(steps, depths), _subreddit_errors(steps, stored, order, waits)
    )
    errors = [*itertools.islice(wrong, ERRORS_MAX)]
    return Plan({step.key: depths[step.key] for step in steps}, errors)


def _key_errors(
    steps: Sequence[StepRequest], stored: Mapping[str, StoredStep]
) -> Iterator[PlanError]:
    seen: set[str] = set()
    for at, step in enumerate(steps):
        if step.key in seen or step.key in stored:
            yield PlanError(
                f"/{at}/key",
                f"another step has the key {step.key}: give this step a `key` of its own",
            )
        seen.add(step.key)
        if len(step.after) > WAITS_MAX:
            yield PlanError(f"/{at}/after", f"a step waits for at most {WAITS_MAX} others")


def _wait_errors(
    steps: Sequence[StepRequest], stored: Mapping[str, StoredStep]
) -> Iterator[PlanError]:
    keys = stored.keys() | {step.key for step in steps}
    for_all = {step.key for step in steps if step.after_all}
    for_all |= {key for key, each in stored.items() if each.after_all}
    names = _named(sorted(for_all))
    for at, step in enumerate(steps):
        if step.after_all and len(for_all) > 1:
            yield PlanError(
                f"/{at}/after",
                f"these steps wait for one another: {names}. Only one step of a "
                f'group can wait for all others (`after` is "{ALL}")',
            )
        for place, upstream in enumerate(step.after):
            pointer = f"/{at}/after/{place}"
            if upstream.key is not None and upstream.key not in keys:
                yield PlanError(pointer, f"there is no step {upstream.key}")
            elif upstream.key == step.key:
                yield PlanError(pointer, f"step {step.key} waits for itself")
            elif upstream.key in for_all:
                yield PlanError(
                    pointer,
                    f"these steps wait for one another: {step.key}, {upstream.key}. Step "
                    f'{upstream.key} waits for all other steps (its `after` is "{ALL}")',
                )


def _depth_errors(steps: Sequence[StepRequest], depths: Mapping[str, int]) -> Iterator[PlanError]:
    for at, step in enumerate(steps):
        if depths[step.key] >= DEPTH_MAX:
            yield PlanError(
                f"/{at}/after",
                f"a chain of steps has at most {DEPTH_MAX} steps, one after the other",
            )


def _subreddit_errors(
    steps: Sequence[StepRequest],
    stored: Mapping[str, StoredStep],
    order: Sequence[str],
    waits: Mapping[str, Sequence[str]],
) -> Iterator[PlanError]:
    """Yield an error if two steps have the same subreddit and neither step waits for the other.

    The two steps would follow the same job. The waits of stored steps may be many, so they are not
    read. Instead, a new step must wait for the last stored step of its subreddit, directly or
    through other new steps. A set of steps is stored as an integer with one bit for each step, so
    that each wait costs only one OR.
    """
    of_subreddit: defaultdict[str, list[str]] = defaultdict(list)
    for each in stored.values():
        of_subreddit[each.subreddit.lower()].append(each.key)
    for step in steps:
        of_subreddit[step.subreddit.lower()].append(step.key)
    repeated = [keys for keys in of_subreddit.values() if len(keys) > 1]
    bit = {key: 1 << at for at, key in enumerate(key for keys in repeated for key in keys)}
    if not bit:
        return
    reached = dict.fromkeys(stored, 0)
    for key in order:
        if key in waits:
            reached[key] = _union(reached[up] | bit.get(up, 0) for up in waits[key])
    at_of = {step.key: at for at, step in enumerate(steps)}
    for_all = {step.key for step in steps if step.after_all}
    for_all |= {key for key, each in stored.items() if each.after_all}
    for keys in repeated:
        mine = _union(bit[key] for key in keys)
        old = [key for key in keys if key in stored and key not in for_all]
        new = [key for key in keys if key in at_of and key not in for_all]
        chain = sorted(old, key=lambda key: stored[key].depth) + sorted(
            new,
            key=lambda key, mine=mine: (reached[key] & mine).bit_count(),  # type: ignore[misc]
        )
        for before, after in itertools.pairwise(chain):
            if after in at_of and not reached[after] & bit[before]:
                yield PlanError(
                    f"/{at_of[after]}/subreddit",
                    f"steps {before} and {after} crawl the same subreddit: {after} must wait for "
                    f"{before}",
                )


def _union(sets: Iterable[int]) -> int:
    found = 0
    for each in sets:
        found |= each
    return found


def _named(keys: Iterable[str]) -> str:
    listed = list(keys)
    more = f" and {len(listed) - NAMES_SHOWN} more" if len(listed) > NAMES_SHOWN else ""
    return ", ".join(listed[:NAMES_SHOWN]) + more
