"""Writes the tables of docs/reference/crawlctl.md: python -m crawlctl.reference PAGE."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from crawlctl.failures import MEANINGS
from crawlctl.root import root

FIRST_GENERATED = "## Exit codes"


def page(present: str) -> str:
    """Return the page with its present prose, and with new tables after the prose."""
    prose = present.partition(FIRST_GENERATED)[0]
    return prose + "\n".join([FIRST_GENERATED, "", *_codes(), "", *_shared(), *_commands(), ""])


def _codes() -> Iterator[str]:
    yield "| code | meaning |"
    yield "|---|---|"
    for code, meaning in MEANINGS.items():
        yield f"| {int(code)} | {meaning} |"


def _shared() -> Iterator[str]:
    yield "## Options of each command"
    yield ""
    yield "| option | effect |"
    yield "|---|---|"
    for option in _own_options(root):
        yield f"| {_names(option)} | {_cell(option.help or '')} |"
    yield ""


def _commands() -> Iterator[str]:
    yield "## Commands"
    yield ""
    yield "| command | effect | options |"
    yield "|---|---|---|"
    context = click.Context(root)
    for name in root.list_commands(context):
        command = root.get_command(context, name)
        if isinstance(command, click.Group):
            for verb, inner in sorted(command.commands.items()):
                yield _row(f"{name} {verb}", inner)
        elif command is not None:
            yield _row(name, command)


def _row(name: str, command: click.Command) -> str:
    arguments = [
        one.make_metavar(click.Context(command))
        for one in command.params
        if isinstance(one, click.Argument)
    ]
    of_all = {option.help for option in _own_options(root)}
    options = [
        f"{_names(one)} {_cell(one.help or '')}"
        for one in _own_options(command)
        if one.help not in of_all
    ]
    text = re.sub(r"\s+", " ", command.help or "").strip()
    shown = _cell(" ".join([name, *arguments]))
    return f"| `{shown}` | {_cell(text)} | {'<br>'.join(options)} |"


def _own_options(command: click.Command) -> list[click.Option]:
    return [one for one in command.params if isinstance(one, click.Option)]


def _names(option: click.Parameter) -> str:
    names = [*option.opts, *option.secondary_opts]
    return ", ".join(f"`{name}`" for name in names)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(page(path.read_text(encoding="utf-8")), encoding="utf-8")
