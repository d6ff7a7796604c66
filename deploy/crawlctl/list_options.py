"""Options that all lists share: their filters, their order, their length."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from crawlctl.output.columns import Noun
from crawlctl.parameters import BEFORE_NOW
from crawlctl.session import Session

Command = TypeVar("Command", bound=Callable[..., Any])
LIMIT = 100


@dataclass(frozen=True)
class Filter:
    """A filter of a list: the name and the type of a query parameter of the API."""

    name: str
    help: str
    kind: str = "text"  # one of: text, number, time, flag
    many: bool = False

    def option(self) -> click.Option:
        """Return the option of the command line."""
        flag = "--" + self.name.replace("_", "-")
        if self.kind == "flag":
            names = [f"{flag}/--not-{flag.removeprefix('--')}"]
            return click.Option(names, default=None, type=bool, help=self.help)
        types = {"number": click.INT, "time": BEFORE_NOW}
        return click.Option(
            [flag], type=types.get(self.kind, click.STRING), multiple=self.many, help=self.help
        )

    def query_value(self, value: Any) -> Any:
        """Return the value of the option in the form that the API accepts in a query."""
        return ("true" if value else "false") if self.kind == "flag" else value


def list_options(filters: Iterable[Filter]) -> Callable[[Command], Command]:
    """Return a decorator that adds the options of filters and the options of the list's length."""
    return _adding([each.option() for each in filters] + _length_options())


def filter_options(filters: Iterable[Filter]) -> Callable[[Command], Command]:
    """Return a decorator that adds only the options of filters."""
    return _adding([each.option() for each in filters])


def _length_options() -> list[click.Option]:
    return [
        click.Option(
            ["--limit"],
            type=click.IntRange(1, 1_000_000),
            default=LIMIT,
            show_default=True,
            help="The most items to show.",
        ),
        click.Option(["--all", "show_all"], is_flag=True, help="Show all items."),
    ]


def _adding(options: list[click.Option]) -> Callable[[Command], Command]:
    def decorate(command: Command) -> Command:
        found = getattr(command, "__click_params__", [])
        command.__click_params__ = [*found, *reversed(options)]  # type: ignore[attr-defined]
        return command

    return decorate


def query_of(filters: Iterable[Filter], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the query of the filters that have a value."""
    return {
        each.name: each.query_value(given[each.name])
        for each in filters
        if given.get(each.name) not in (None, (), "")
    }


def write_list(
    session: Session,
    noun: Noun,
    path: str,
    query: Mapping[str, Any],
    *,
    limit: int,
    show_all: bool,
) -> None:
    """Write a list of the API. Says on standard error when there are more items than shown."""
    from crawlctl.rest.pages import read_items

    items = read_items(
        session.client,
        path,
        query,
        limit=None if show_all else limit,
        on_rest=lambda: session.say(f"There are more than {limit:,}: use --limit or --all."),
    )
    number = session.writer.items(noun, items)
    if number == 0:
        session.say("No items.")
