"""The picture of the map: places, overlaps, a valid document, hostile names."""

import math
import time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from onebox.api_client import ApiUnavailableError
from onebox.map_picture import drawing, layout

SVG = "{http://www.w3.org/2000/svg}"
TRIANGLES = [(0, 1, 0.5), (1, 2, 0.5), (0, 2, 0.5), (3, 4, 0.5), (4, 5, 0.5), (3, 5, 0.5)]


def distance(places: list[tuple[float, float]], one: int, other: int) -> float:
    return math.dist(places[one], places[other])


def test_linked_subreddits_are_closer_than_others() -> None:
    places = layout.places(6, TRIANGLES)
    linked = max(distance(places, one, other) for one, other, _ in TRIANGLES)
    others = min(distance(places, one, other) for one in range(3) for other in range(3, 6))
    assert linked < others
    assert layout.places(6, TRIANGLES) == places
    assert all(0 <= value <= 1 for place in places for value in place)


@pytest.mark.parametrize(("count", "expected"), [(0, []), (1, [(0.5, 0.5)])])
def test_places_of_few_subreddits(count: int, expected: list[tuple[float, float]]) -> None:
    assert layout.places(count, []) == expected


def test_circles_are_moved_apart() -> None:
    points = layout.apart([(5.0, 5.0), (5.0, 5.0), (6.0, 5.0), (90.0, 5.0)], [8, 4, 2, 2])
    assert points[3] == (90.0, 5.0)
    for one in range(3):
        for other in range(one):
            assert distance(points, one, other) >= (8, 4, 2)[one] + (8, 4, 2)[other]


def node(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": number,
        "name": f"name{number}",
        "subscribers": number * 100,
        "community": {"id": 1, "name": "name1"},
        "last_crawled_at": "2026-01-01T00:00:00Z",
        **more,
    }


class Api:
    def __init__(self, *answers: dict[str, Any]) -> None:
        self._answers = list(answers)

    def get(self, path: str) -> dict[str, Any]:
        assert path.startswith("/api/admin/map")
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


class Stop:
    def check(self) -> None: ...

    def sleep(self, seconds: float) -> None: ...


def answer(nodes: list[dict[str, Any]], links: list[tuple[int, int]], **more: Any) -> Any:
    return {
        "nodes": nodes,
        "links": [{"a": a, "b": b, "shared_authors": 3, "weight": 0.2} for a, b in links],
        "due": 0,
        "links_at": "2026-01-01T00:00:00Z",
        "communities_at": "2026-01-01T00:00:01Z",
        **more,
    }


def parsed(path: Path) -> ElementTree.Element:
    return ElementTree.parse(path).getroot()  # noqa: S314 - the file is our own


def draw(path: Path, *answers: Any) -> str:
    return drawing.draw(Api(*answers), Stop(), path)  # type: ignore[arg-type]


def test_the_file_shows_each_subreddit_and_each_link(tmp_path: Path) -> None:
    path = tmp_path / "map.svg"
    nodes = [node(1), node(2, last_crawled_at=None), node(3, community=None, subscribers=None)]
    said = draw(path, answer(nodes, [(1, 2), (1, 3)], due=2), answer(nodes, [(1, 2), (1, 3)]))
    assert said == f"The map of 3 subreddits is in {path}: open it in a browser."
    picture = parsed(path)
    assert len(picture.findall(f"{SVG}line")) == 2
    circles = picture.findall(f"{SVG}circle")
    assert [circle.get("fill") for circle in circles[:3]].count("#ffffff") == 1, "not crawled"
    titles = {title.text for title in picture.iter(f"{SVG}title")}
    assert "r/name1: 100 subscribers" in titles
    assert "r/name2: 200 subscribers, not crawled yet" in titles
    assert "r/name1 and r/name2: 3 shared authors, weight 0.200" in titles
    assert "community of r/name1" in {text.text for text in picture.iter(f"{SVG}text")}
    assert [file.name for file in tmp_path.iterdir()] == ["map.svg"]


def test_names_cannot_add_elements_to_the_file(tmp_path: Path) -> None:
    path = tmp_path / "map.svg"
    hostile = '<script>alert(1)</script>"&amp;'
    draw(path, answer([node(1, name=hostile), node(2)], [(1, 2)]))
    picture = parsed(path)
    assert not list(picture.iter(f"{SVG}script"))
    assert any(hostile in (title.text or "") for title in picture.iter(f"{SVG}title"))


def test_a_large_map_is_limited(tmp_path: Path) -> None:
    path = tmp_path / "map.svg"
    nodes = [node(number) for number in range(1, 402)]
    began = time.monotonic()
    said = draw(path, answer(nodes, [(number, number + 1) for number in range(1, 401)]))
    assert "map of 100 subreddits" in said
    assert time.monotonic() - began < 20
    names = list(parsed(path).iter(f"{SVG}text"))
    assert len(names) < 110


def test_without_links_or_without_the_api_no_file_is_written(tmp_path: Path) -> None:
    path = tmp_path / "map.svg"
    assert draw(path, answer([], [])).startswith("No map was drawn, because no two")

    class Down:
        def get(self, path: str) -> dict[str, Any]:
            raise ApiUnavailableError("The admin-api does not answer")

    assert "does not answer" in drawing.draw(Down(), Stop(), path)  # type: ignore[arg-type]
    assert draw(
        tmp_path / "no folder" / "map.svg", answer([node(1), node(2)], [(1, 2)])
    ).startswith("No map was drawn: ")
    assert not path.exists()
