"""The page of the dashboard has the pages, the keys and the intervals of its JavaScript modules."""

import re
from pathlib import Path

from admin_api.dashboard import assets

PAGE = (Path(__file__).parents[2] / "docs/dashboard.md").read_text()
MODULES = {
    path.relative_to(assets.FOLDER).as_posix(): path.read_text()
    for path in assets.FOLDER.rglob("*.js")
    if assets.FOLDER / "vendor" not in path.parents
}
# Modules of the pages that ask every 5 s.
FAST = {"overview", "jobs", "job", "groups", "group"}


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the table below a heading, without its head."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" |")] for line in lines[1:]]


def quoted(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_the_list_of_pages_is_that_of_the_navigation() -> None:
    lines = [line for line in MODULES["app.js"].splitlines() if line.startswith("  { path: ")]
    entries = [dict(re.findall(r"(path|title|key|scope): (?:'([^']+)'|null)", x)) for x in lines]
    pages = [
        [
            [each["title"]],
            [f"/ui{each['path']}"],
            [each["key"]] if "key" in each else [],
            [scope] if (scope := each.get("scope", "read")) else [],
        ]
        for each in entries
    ]
    assert [[[title], *map(quoted, more)] for title, *more, _ in rows("Pages")] == pages


def test_the_list_of_keys_is_that_of_the_modules() -> None:
    present = {key for text in MODULES.values() for key in re.findall(r"keys: '([^']+)'", text)}
    assert {key for cell, _ in rows("Keys") for key in quoted(cell)} == present


def test_the_overview_jobs_and_groups_are_polled_every_5_seconds() -> None:
    fast = set()
    for name, text in MODULES.items():
        for value in re.findall(r"\binterval: ([A-Z_\d]+)\b", text):
            constant = re.search(rf"const {value} = (\d+);", text)
            seconds = int(constant[1] if constant else value)
            assert seconds in (5, 15, 30, 60, 300), name
            if seconds == 5:
                fast.add(name.split("/")[1].removesuffix(".js"))
    assert fast == FAST


def test_the_browser_stores_settings_and_a_kept_token_alone() -> None:
    def users(pattern: str) -> list[str]:
        return [name for name, text in MODULES.items() if re.search(pattern, text)]

    assert users(r"\blocalStorage\.") == ["core/settings.js"]
    assert users(r"\bsessionStorage\.") == ["core/session.js"]
    assert users(r"\bdocument\.cookie|\bindexedDB\b|\bcaches\.|serviceWorker") == []
