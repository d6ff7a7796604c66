"""The checks of a group's steps: keys, waits, cycles, limits, and steps of one subreddit."""

import time
from collections.abc import Sequence

import pytest

from crawljobs.domain import group_plan
from crawljobs.domain.group import StepState
from crawljobs.domain.group_plan import DEPTH_MAX, Plan, StepRequest, StoredStep, Upstream


def step(key: str, *after: str, subreddit: str = "", after_all: bool = False) -> StepRequest:
    return StepRequest(
        key,
        subreddit or f"sub_{key}",
        priority=50,
        max_retries=3,
        after=[Upstream(key=each) for each in after],
        after_all=after_all,
    )


def stored(key: str, *, depth: int = 0, after_all: bool = False) -> StoredStep:
    return StoredStep(1, key, f"sub_{key}", depth, StepState.PENDING, after_all=after_all)


def check(
    *steps: StepRequest,
    known: Sequence[StoredStep] = (),
) -> Plan:
    return group_plan.check(steps, {each.key: each for each in known})


def errors(plan: Plan) -> list[tuple[str, str]]:
    return [(each.pointer, each.detail) for each in plan.errors]


def test_depths_are_those_of_the_longest_chain() -> None:
    plan = check(step("c", "a", "b"), step("a"), step("b", "a"), step("d", "old"),
                 known=[stored("old", depth=4)])  # fmt: skip
    assert plan.errors == []
    assert plan.depths == {"a": 0, "b": 1, "c": 2, "d": 5}


ALL_OF_A = 'wait for one another: b, a. Step a waits for all other steps (its `after` is "all")'
BOTH_ALL = (
    "wait for one another: a, b. Only one step of a group can wait for all others "
    '(`after` is "all")'
)


@pytest.mark.parametrize(
    ("steps", "known", "pointer", "words"),
    [
        ([step("a"), step("a")], [], "/1/key", "key a: give this step a `key` of"),
        ([step("a")], [stored("a")], "/0/key", "another step has the key a"),
        ([step("a", "zz")], [], "/0/after/0", "no step zz"),
        ([step("a", "a")], [], "/0/after/0", "step a waits for itself"),
        ([step("a", after_all=True), step("b", "a")], [], "/1/after/0", ALL_OF_A),
        ([step("b", "a")], [stored("a", after_all=True)], "/0/after/0", ALL_OF_A),
        ([step("b", after_all=True)], [stored("a", after_all=True)], "/0/after", BOTH_ALL),
        ([step("a", *["x"] * 101)], [stored("x")], "/0/after", "at most 100"),
    ],
)
def test_an_invalid_key_or_wait_is_named(
    steps: list[StepRequest], known: list[StoredStep], pointer: str, words: str
) -> None:
    found = errors(check(*steps, known=known))
    assert pointer in [where for where, _ in found]
    assert words in " ".join(detail for _, detail in found)


def test_a_cycle_names_its_members() -> None:
    (error,) = check(step("a", "c"), step("b", "a"), step("c", "b"), step("free")).errors
    assert all(f" {key}" in error.detail for key in ("a", "b", "c"))
    assert "free" not in error.detail


def test_a_long_cycle_names_only_some_members() -> None:
    ring = [step(f"k{at}", f"k{(at + 1) % 5_000}") for at in range(5_000)]
    (error,) = check(*ring).errors
    assert len(error.detail) < 200
    assert "more" in error.detail


def test_a_chain_has_a_limited_length() -> None:
    chain = [step("k0"), *(step(f"k{at}", f"k{at - 1}") for at in range(1, DEPTH_MAX + 1))]
    assert check(*chain[:-1]).errors == []
    assert [where for where, _ in errors(check(*chain))] == [f"/{DEPTH_MAX}/after"]
    longer = check(step("x", "old"), known=[stored("old", depth=DEPTH_MAX - 1)])
    assert [where for where, _ in errors(longer)] == ["/0/after"]


@pytest.mark.parametrize(
    ("steps", "known", "wrong"),
    [
        ([step("a", subreddit="Pots"), step("b", subreddit="pots")], [], ["/1/subreddit"]),
        ([step("a", subreddit="pots"), step("b", "a", subreddit="pots")], [], []),
        (
            [step("a", subreddit="pots"), step("m", "a"), step("b", "m", subreddit="pots")],
            [],
            [],
        ),
        ([step("a", subreddit="pots"), step("b", subreddit="pots", after_all=True)], [], []),
        ([step("b", subreddit="sub_a")], [stored("a")], ["/0/subreddit"]),
        ([step("b", "a", subreddit="sub_a")], [stored("a")], []),
        (
            [step("b", "m", subreddit="sub_a")],
            [stored("a"), stored("m", depth=1)],
            ["/0/subreddit"],  # b waits for a, but only through a stored step
        ),
        (
            [
                step("a", subreddit="pots"),
                step("b", "a", subreddit="pots"),
                step("c", "a", subreddit="pots"),
            ],
            [],
            ["/2/subreddit"],
        ),
        # Of two stored steps, a new step waits for the last.
        (
            [step("c", "b", subreddit="sub_a")],
            [StoredStep(2, "b", "sub_a", 3, StepState.PENDING), stored("a")],
            [],
        ),
        (
            [step("c", "a", subreddit="sub_a")],
            [StoredStep(2, "b", "sub_a", 3, StepState.PENDING), stored("a")],
            ["/0/subreddit"],
        ),
        # Two stored steps are not checked again.
        ([step("x")], [stored("a"), StoredStep(2, "b", "sub_a", 0, StepState.PENDING)], []),
    ],
)
def test_of_two_steps_of_one_subreddit_one_waits_for_the_other(
    steps: list[StepRequest],
    known: list[StoredStep],
    wrong: list[str],
) -> None:
    found = errors(check(*steps, known=known))
    assert [where for where, _ in found] == wrong


def test_ten_thousand_steps_with_a_hundred_waits_each_are_checked_in_seconds() -> None:
    """Each layer waits for the layer before it; half of the steps share a subreddit."""
    layers = [[f"k{layer}_{at}" for at in range(100)] for layer in range(DEPTH_MAX)]
    steps = [
        step(key, *(layers[layer - 1] if layer else ()), subreddit=f"sub_{at % 100}")
        for layer, keys in enumerate(layers)
        for at, key in enumerate(keys)
    ]
    begun = time.process_time()
    plan = check(*steps)
    assert plan.errors == []
    assert max(plan.depths.values()) == DEPTH_MAX - 1
    assert time.process_time() - begun < 20


def test_of_many_errors_only_the_first_are_kept() -> None:
    plan = check(*(step(f"k{at}", "unknown") for at in range(5_000)))
    assert len(plan.errors) == group_plan.ERRORS_MAX
