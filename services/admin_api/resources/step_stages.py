"""The steps of a group as a graph, by depth, and as a series of ended steps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from crawljobs.domain import group as groups
from crawljobs.domain.group import StepState
from crawljobs.repository.groups.explained import step_graph
from crawljobs.repository.groups.explained.step_graph import (
    BUCKETS,
    GraphStep,
    GraphWait,
    StageCount,
)


def graph(steps: Sequence[GraphStep], waits: Sequence[GraphWait]) -> dict[str, Any]:
    """Return the graph of these steps.

    A step that waits for all other steps of its group has the largest depth.
    """
    deepest = max((each.depth for each in steps), default=0)
    last = {(each.step_id, each.upstream_group_id) for each in waits}
    return {
        "steps": [
            replace(each, depth=deepest + 1) if (each.id, each.group_id) in last else each
            for each in steps
        ],
        "waits": waits[: step_graph.WAITS_MAX],
        "has_all_waits": len(waits) <= step_graph.WAITS_MAX,
    }


def by_depth(counted: Sequence[StageCount], last: Sequence[StageCount]) -> list[dict[str, Any]]:
    """Return the numbers of steps by depth.

    `last` counts the steps that wait for all other steps. These steps have the largest depth.
    """
    stages: dict[int, Counter[StepState]] = {}
    deepest = max((each.depth for each in counted), default=0)
    for each in counted:
        stages.setdefault(each.depth, Counter())[each.state] += each.steps
    for each in last:
        stages.setdefault(each.depth, Counter())[each.state] -= each.steps
        stages.setdefault(deepest + 1, Counter())[each.state] += each.steps
    return [
        {
            "depth": depth,
            "steps": counts.total(),
            "counts": {state.value: max(0, counts[state]) for state in StepState},
        }
        for depth, counts in sorted(stages.items())
        if counts.total() > 0
    ]


def burn_up(
    counted: Sequence[StageCount], *, since: datetime, until: datetime
) -> list[dict[str, Any]]:
    """Return the numbers of steps that had ended at the end of each bucket.

    The buckets divide the time from `since` to `until`. The first bucket also counts steps that
    ended before `since`. The last bucket also counts steps that ended after `until`.
    """
    done: Counter[int] = Counter()
    failed: Counter[int] = Counter()
    for each in counted:
        place = min(max(each.place, 1), BUCKETS)
        if each.state in groups.FINAL:
            done[place] += each.steps
            failed[place] += each.steps if each.state is not StepState.SUCCEEDED else 0
    points, width = [], (until - since) / BUCKETS
    all_done = all_failed = 0
    for place in range(1, BUCKETS + 1):
        all_done += done[place]
        all_failed += failed[place]
        points.append({"at": since + place * width, "done": all_done, "failed": all_failed})
    return points
