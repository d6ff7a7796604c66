"""The files in the top folder exist, and so do the paths in them."""

import re
from pathlib import Path

import pytest

from crawljobs.version import VERSION

ROOT = Path(__file__).parents[2]
FILES = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")


@pytest.mark.parametrize("name", FILES)
def test_every_link_and_path_of_a_file_leads_somewhere(name: str) -> None:
    text = (ROOT / name).read_text()
    links = re.findall(r"\]\((?!https?://)([^)#]+)", text)
    assert links or name == "CHANGELOG.md"
    folders = r"`((?:shared|services|migrations|deploy|docs|tests|requirements|\.ci)/[\w./-]*)`"
    for path in [*links, *re.findall(folders, text)]:
        assert (ROOT / path).exists(), path


def test_the_table_of_the_demo_lists_each_of_its_modules() -> None:
    folder = ROOT / "deploy/onebox"
    rows = re.findall(r"^\| (`.+?`) \|", (folder / "README.md").read_text(), re.MULTILINE)
    listed = re.findall(r"`([\w/]+\.py)`", "\n".join(rows))
    assert sorted(listed) == sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*.py")
        if not path.name.startswith("__")
    )


def test_the_files_have_the_sections_that_readers_search_for() -> None:
    security = (ROOT / "SECURITY.md").read_text()
    for heading in ("Report a vulnerability", "Supported versions", "does not protect"):
        assert heading in security
    contributing = (ROOT / "CONTRIBUTING.md").read_text()
    words = contributing.partition("## Plain English")[2]
    pairs = re.findall(r"^\| .+ \| .+ \|$", words, re.MULTILINE)[1:]
    assert len(pairs) == 10
    assert set(re.findall(r"\[(\w+)\.md\]", (ROOT / "README.md").read_text())) >= {
        *("CONTRIBUTING", "CHANGELOG", "SECURITY")
    }


def test_the_changelog_has_the_form_of_keep_a_changelog() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    versions = re.findall(r"^## \[([^\]]+)\]", text, re.MULTILINE)
    assert versions[0] == "Unreleased"
    assert VERSION in versions
    kinds = set(re.findall(r"^### (\w+)$", text, re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
