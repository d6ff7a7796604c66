"""Each decision has a number, a title, an area and a status. The code cites existing numbers."""

import re
from pathlib import Path

import pytest

from support import decisions
from support.decisions import Decision

ROOT = Path(__file__).parents[2]
TEXT = decisions.PAGE.read_text()
FOUND = decisions.read(TEXT)
STATUS = re.compile(
    r"(accepted|superseded by (?P<by>\d+))"
    r"(; amends (?P<amends>[\d, ]+))?(; supersedes (?P<supersedes>[\d, ]+))?"
    r"(; amended by (?P<amended>[\d, ]+)(, which [^;]+)?)?"
)
# Matches "decision 12" in a comment, or a link to the heading of a decision.
CITED = re.compile(
    r"\b[Dd]ecisions?\W{1,3}(\d+)\b|DECISIONS\.md`?,?\s+(\d+)\b|DECISIONS\.md#(\d+)-"
)
CITING = {".py", ".md", ".yaml", ".yml", ".toml", ".sh", ".conf"}


def of(decision: Decision, group: str) -> set[int]:
    """Return the decision numbers in one part of a decision's status."""
    status = STATUS.fullmatch(decision.status)
    assert status is not None, (decision.number, decision.status)
    return {int(number) for number in re.findall(r"\d+", status[group] or "")}


def citing_files() -> list[Path]:
    folders = ("shared", "services", "migrations", "deploy", "docs", "tests", ".ci")
    below = [path for folder in folders for path in (ROOT / folder).rglob("*")]
    return [
        path
        for path in [*ROOT.glob("*"), *below]
        if path.is_file() and (path.suffix in CITING or path.parent.name == ".ci")
    ]


def cited(text: str) -> set[int]:
    return {int(number) for numbers in CITED.findall(text) for number in numbers if number}


def test_each_heading_is_a_decision_with_area_and_status() -> None:
    headings = re.findall(r"^### (.*)$", TEXT, re.MULTILINE)
    assert headings == [f"{one.number}. {one.title}" for one in FOUND]
    for decision in FOUND:
        of(decision, "by")


def test_numbers_are_unique_and_rise_within_an_area() -> None:
    numbers = [decision.number for decision in FOUND]
    assert len(numbers) == len(set(numbers))
    for area in {decision.area for decision in FOUND}:
        inside = [decision.number for decision in FOUND if decision.area == area]
        assert inside == sorted(inside), area


def test_the_index_links_every_decision_by_area() -> None:
    """After a change, PYTHONPATH=tests python -m support.decisions prints the new index."""
    assert decisions.index(FOUND) in TEXT


def test_a_decision_and_the_one_that_amends_it_name_each_other() -> None:
    by_number = {decision.number: decision for decision in FOUND}
    for one in FOUND:
        for other in of(one, "amends"):
            assert one.number in of(by_number[other], "amended"), one
        for other in of(one, "amended"):
            assert one.number in of(by_number[other], "amends"), one
        for other in of(one, "supersedes"):
            assert one.number in of(by_number[other], "by"), one
        for other in of(one, "by"):
            assert one.number in of(by_number[other], "supersedes"), one


def test_each_cited_number_exists() -> None:
    numbers = {decision.number for decision in FOUND}
    faults = {
        str(path.relative_to(ROOT)): missing
        for path in citing_files()
        if path != Path(__file__)
        if (missing := cited(path.read_text(errors="replace")) - numbers)
    }
    assert faults == {}


@pytest.mark.parametrize(
    "text",
    ["# decision 999", "(decision 999)", "`shared/DECISIONS.md`, 999", "DECISIONS.md#999-title"],
)
def test_a_citation_is_found(text: str) -> None:
    assert cited(text) == {999}


def test_each_module_that_a_decision_names_exists() -> None:
    tops = [ROOT, *(ROOT / name for name in ("shared/crawljobs", "services/crawler_worker"))]
    tops += [ROOT / "services", ROOT / "shared"]
    for path in re.findall(r"`((?:[\w.-]+/)+[\w.-]*)`", TEXT):
        assert any((top / path).exists() for top in tops), path
