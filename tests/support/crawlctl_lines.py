"""Check that a line which the API shows is a command of crawlctl."""

import shlex

import click

from crawlctl.root import root


def assert_is_command(line: str) -> None:
    """Parse the line as crawlctl does. An unknown command or option raises."""
    program, noun, verb, *rest = shlex.split(line)
    context = root.make_context(program, [noun, verb])
    group = root.get_command(context, noun)
    assert isinstance(group, click.Group)
    command = group.get_command(context, verb)
    assert command is not None
    command.make_context(verb, rest, parent=context)
