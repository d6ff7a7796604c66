"""Compute places for the subreddits of the map: linked subreddits come close to each other.

The method is the force-directed layout of Fruchterman and Reingold: all subreddits repel one
another, links pull, and a small force pulls to the middle. Equal input gives equal places.
"""

import math
from collections.abc import Sequence

ROUNDS = 150
APART_ROUNDS = 30
APART = 14  # the least space between the edges of two circles, in units of the picture, for a name
# Strength of the force to the middle; without it, unconnected parts would drift apart.
GRAVITY = 0.6


def places(count: int, links: Sequence[tuple[int, int, float]]) -> list[tuple[float, float]]:
    """Return a place (x, y) between 0 and 1 for each of `count` subreddits.

    Each of `links` has the numbers of two subreddits, and the weight, above 0 and at most 1. Takes
    time in proportion to the square of `count`.
    """
    if count == 0:
        return []
    # The desired distance between neighbours. The picture is a square whose side has the length 1.
    distance = 1 / math.sqrt(count)
    points = [_on_circle(number, count) for number in range(count)]
    for turn in range(ROUNDS):
        forces = _repulsion(points, distance)
        for one, other, weight in links:
            _pull(forces, points, one, other, strength=0.3 + weight, distance=distance)
        step = 0.1 * (1 - turn / ROUNDS)  # the limit of the movement of a point in this round
        points = [_moved(point, force, step) for point, force in zip(points, forces, strict=True)]
    return _fitted(points)


def _on_circle(number: int, count: int) -> tuple[float, float]:
    # Each next subreddit begins a little further from the middle. If all began at the same
    # distance, opposite forces could be equal, and the subreddits would not move.
    angle, radius = 2 * math.pi * number / count, 0.3 + 0.1 * number / count
    return radius * math.cos(angle), radius * math.sin(angle)


def _repulsion(points: Sequence[tuple[float, float]], distance: float) -> list[list[float]]:
    forces = [[-GRAVITY * x, -GRAVITY * y] for x, y in points]
    for one, (x, y) in enumerate(points):
        for other in range(one):
            dx, dy = x - points[other][0], y - points[other][1]
            force = distance * distance / max(dx * dx + dy * dy, 1e-9)
            forces[one][0] += dx * force
            forces[one][1] += dy * force
            forces[other][0] -= dx * force
            forces[other][1] -= dy * force
    return forces


def _pull(
    forces: list[list[float]],
    points: Sequence[tuple[float, float]],
    one: int,
    other: int,
    *,
    strength: float,
    distance: float,
) -> None:
    dx, dy = points[one][0] - points[other][0], points[one][1] - points[other][1]
    force = strength * math.hypot(dx, dy) / distance
    for end, sign in ((one, -1), (other, 1)):
        forces[end][0] += sign * dx * force
        forces[end][1] += sign * dy * force


def _moved(point: tuple[float, float], force: list[float], step: float) -> tuple[float, float]:
    length = math.hypot(*force)
    share = min(step, length) / length if length else 0.0
    return point[0] + force[0] * share, point[1] + force[1] * share


def _fitted(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Scale the places so that they fill the unit square."""
    fitted = []
    for axis in (0, 1):
        values = [point[axis] for point in points]
        low, width = min(values), max(values) - min(values)
        fitted.append([(value - low) / width if width > 1e-9 else 0.5 for value in values])
    return list(zip(*fitted, strict=True))


def apart(
    points: Sequence[tuple[float, float]], radii: Sequence[float]
) -> list[tuple[float, float]]:
    """Move circles that overlap or almost touch away from each other.

    `points` are the centres. Points and radii have the same unit.
    """
    moved = [list(point) for point in points]
    for _ in range(APART_ROUNDS):
        is_changed = False
        for one in range(len(moved)):
            for other in range(one):
                dx, dy = moved[one][0] - moved[other][0], moved[one][1] - moved[other][1]
                length = math.hypot(dx, dy)
                missing = radii[one] + radii[other] + APART - length
                if missing <= 0:
                    continue
                is_changed = True
                x, y = (dx / length, dy / length) if length else (1.0, 0.0)
                for end, sign in ((one, 0.5), (other, -0.5)):
                    moved[end][0] += sign * x * missing
                    moved[end][1] += sign * y * missing
        if not is_changed:
            break
    return [(x, y) for x, y in moved]
