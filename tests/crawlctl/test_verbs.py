"""Each verb in a table, in JSON and in CSV; and each verb is tested."""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from crawlctl.root import root
from crawljobs.db.database import Database
from support.crawlctl import Ctl, Result
from support.crawlctl_verbs import OWN_TESTS, READS, WRITES, arguments_of, make_world

FORMATS = ("table", "json", "csv")


def verbs(command: click.Command = root, prefix: str = "") -> Iterator[str]:
    """Yield the names of all verbs."""
    if not isinstance(command, click.Group):
        yield prefix.strip()
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        inner = command.get_command(context, name)
        assert inner is not None
        yield from verbs(inner, f"{prefix} {name}")


def test_each_verb_is_in_a_test() -> None:
    found = {*verbs()}
    listed = {*READS, *WRITES, *OWN_TESTS}
    assert found == listed


def check(verb: str, name: str, result: Result) -> Any:
    """Check the output in one format. Return the objects, or None for a table."""
    assert "\x1b" not in result.out
    if name == "table":
        lines = result.out.splitlines()
        assert all(line == line.rstrip() for line in lines)
        if lines:
            assert lines[0].split()[0].isupper(), (verb, lines[0])
        return None
    if name == "csv":
        heading = result.out.splitlines()[0].split(",")
        assert all(part == part.strip() != "" for part in heading), (verb, heading)
        return result.rows
    # A watch writes an object on each line, so that each can be read at once.
    found = json.loads(result.out) if verb != "jobs watch" else json.loads(result.lines[-1])
    return found if isinstance(found, list) else [found]


def test_each_verb_has_the_same_objects_in_each_format(
    ctl: Ctl, api_rows: Database, tmp_path: Path
) -> None:
    world = make_world(ctl, api_rows, tmp_path)
    wrong = []
    for verb, template in itertools.chain(READS.items(), WRITES.items()):
        found = {}
        for n, name in enumerate(FORMATS):
            arguments = arguments_of(verb, template, world, n, tmp_path)
            result = ctl(*arguments, "-o", name)
            if result.code != 0:
                wrong.append((verb, name, result))
                break
            found[name] = check(verb, name, result)
        else:
            if len(found["json"]) != len(found["csv"]) and verb != "audit list":
                wrong.append((verb, "rows", found))
    assert not wrong, "\n".join(map(str, wrong))


@pytest.mark.parametrize(
    "arguments",
    [
        ["jobs", "get", "1"],
        ["groups", "get", "1"],
        ["groups", "explain", "1", "a/../b"],
        ["operations", "get", "1"],
        ["operations", "wait", "1"],
        ["schedules", "edit", "1", "--priority", "3"],
        ["schedules", "delete", "1"],
        ["subreddits", "get", "nothing"],
        ["tokens", "revoke", "0" * 12],
        ["webhooks", "get", "1"],
    ],
)
def test_an_object_that_does_not_exist(ctl: Ctl, arguments: list[str]) -> None:
    result = ctl(*arguments)
    assert (result.code, result.out) == (5, ""), result
