"""The options that a user may write before the noun or after the verb, and classes of commands.

In `crawlctl jobs list`, `jobs` is the noun, and `list` is the verb.
"""

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import click

from crawlctl.output.style import FORMATS
from crawlctl.session import Session


def _setter(name: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    def keep(context: click.Context, _: click.Parameter, value: Any) -> None:
        session = context.find_object(Session)
        if value is not None and session is not None:
            setattr(session, name, value)

    return keep


def _flag(names: list[str], attribute: str, text: str, *, value: bool = True) -> click.Option:
    return click.Option(
        names,
        is_flag=True,
        flag_value=value,
        default=None,
        type=bool,
        expose_value=False,
        callback=_setter(attribute),
        help=text,
    )


FORMAT_HELP = "Format of the data; table on a terminal, else jsonl."


def output_options(*, more_formats: Sequence[str] = ()) -> list[click.Parameter]:
    """Return the options about output, which crawlctl and each verb accept."""
    more = f" Also {', '.join(more_formats)}." if more_formats else ""
    return [
        click.Option(
            ["-o", "--output"],
            type=click.Choice([*FORMATS, *more_formats]),
            expose_value=False,
            callback=_setter("format"),
            help=FORMAT_HELP + more,
        ),
        _flag(["--local"], "local", "Show times in the local time zone."),
        _flag(["--utc"], "local", "Show times in UTC (the default).", value=False),
        _flag(["--no-color"], "no_colour", "Show no colours, as with NO_COLOR."),
        _flag(["-q", "--quiet"], "quiet", "Write only data and errors."),
        _flag(["-v", "--verbose"], "verbose", "Write each request to standard error."),
    ]


class Verb(click.Command):
    """A command that also accepts the options about output, with further formats of its own."""

    def __init__(self, *arguments: Any, more_formats: Sequence[str] = (), **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.params += output_options(more_formats=more_formats)


class Noun(click.Group):
    """A group of verbs."""

    command_class = Verb


class LazyGroup(click.Group):
    """A group whose commands are imported when they are used.

    `table` maps the name of each command to the place of its function (`module:name`) and its short
    help.
    """

    def __init__(self, *arguments: Any, table: dict[str, tuple[str, str]], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.table = table

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands, in the order of the table."""
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command, or None if the name is unknown."""
        if cmd_name not in self.table:
            return None
        module, _, name = self.table[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands with their short help. Imports none of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in self.table.items()])
