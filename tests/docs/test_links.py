"""Each link in a document leads to a file and a heading. docs/README.md lists every page."""

import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
LINK = re.compile(r"\]\(([^()\s]+)\)")
# Matches the path of a page in a file of code or settings, with or without an anchor.
NAMED_PAGE = re.compile(r"(?<![\w./-])((?:docs|deploy|shared|migrations)/[\w./-]*\.md)(#[\w-]+)?")
FENCE = re.compile(r"^(```+)[^\n]*\n.*?^\1", re.MULTILINE | re.DOTALL)
TEXT_SUFFIXES = {".py", ".yaml", ".yml", ".sh", ".toml", ".json", ".env"}


def tracked_files() -> list[Path]:
    """Return the files of the repository. Without git, return all files in its folder."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode == 0:
        return [ROOT / name for name in listed.stdout.split("\0") if (ROOT / name).is_file()]
    hidden = {".git", ".venv", ".onebox", "node_modules"}
    return [path for path in ROOT.rglob("*") if path.is_file() and not hidden & set(path.parts)]


FILES = tracked_files()
PAGES = sorted(path for path in FILES if path.suffix == ".md")


def prose(page: Path) -> str:
    """Return the text of a page without its fenced blocks, which contain no links or headings."""
    return FENCE.sub("", page.read_text())


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub makes from the headings of a page."""
    found: set[str] = set()
    seen: Counter[str] = Counter()
    for heading in re.findall(r"^#{1,6} (.+?)\s*$", prose(page), re.MULTILINE):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return found


def broken(page: Path, link: str) -> str | None:
    """Return the fault of a link, or None if the link is correct."""
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    if not target.exists():
        return f"{link}: file not found"
    if not target.is_relative_to(ROOT):
        return f"{link}: outside of the repository"
    if anchor and (target.suffix != ".md" or anchor not in anchors(target)):
        return f"{link}: heading not found"
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_of_a_page_resolves(page: Path) -> None:
    links = [link for link in LINK.findall(prose(page)) if not re.match(r"[a-z]+:", link)]
    assert [fault for link in links if (fault := broken(page, link))] == []


@pytest.mark.parametrize(
    "link", ["NOTHING.md", "../README.md#no-such-heading", "#no-such-heading", "../../../etc"]
)
def test_a_broken_link_is_found(link: str) -> None:
    assert broken(DOCS / "README.md", link)


def test_repeated_headings_have_numbered_anchors(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# `One`, two\n## Limits\n```\n# no heading\n```\n## Limits\n")
    assert anchors(page) == {"one-two", "limits", "limits-1"}


def test_every_page_that_code_and_manifests_name_exists() -> None:
    faults = [
        f"{path.relative_to(ROOT)}: {fault}"
        for path in FILES
        if path.suffix in TEXT_SUFFIXES or path.name == "Dockerfile"
        for name, anchor in NAMED_PAGE.findall(path.read_text(errors="replace"))
        if (fault := broken(ROOT / "README.md", f"{name}{anchor}"))
    ]
    assert faults == []


def test_the_list_of_pages_has_one_row_for_each_page_of_docs() -> None:
    index = prose(DOCS / "README.md")
    rows = re.findall(r"^\| \[[^\]]+\]\(([^()\s#]+)\) \| .+ \|$", index, re.MULTILINE)
    targets = [(DOCS / row).resolve() for row in rows]
    pages = {page for page in PAGES if page.is_relative_to(DOCS)} - {DOCS / "README.md"}
    assert {target for target in targets if target.is_relative_to(DOCS)} == pages
    assert len(set(targets)) == len(targets)
