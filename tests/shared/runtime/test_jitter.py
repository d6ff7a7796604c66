"""Pauses are random, and do not use Python's global generator."""

import ast
import random
from pathlib import Path

from crawljobs.runtime import jitter

ROOT = Path(__file__).parents[3]


def test_pauses_lie_between_the_two_and_differ() -> None:
    state = random.getstate()
    drawn = {jitter.uniform(2, 3) for _ in range(100)}
    assert len(drawn) > 90
    assert all(2 <= seconds <= 3 for seconds in drawn)
    assert random.getstate() == state


def test_no_service_draws_from_the_global_generator() -> None:
    """With the global generator, a service's threads would change the values of a seeded test."""
    drawing = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for top in ("shared/crawljobs", "services")
        for path in (ROOT / top).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "random"
        and node.attr not in ("Random", "SystemRandom")
    ]
    assert drawing == []
