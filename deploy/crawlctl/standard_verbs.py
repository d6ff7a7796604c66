"""The verbs that most nouns have: list the objects, show one, delete one."""

from collections.abc import Sequence
from typing import Any

import click

from crawlctl.failures import ExitCode
from crawlctl.list_options import Filter, list_options, query_of, write_list
from crawlctl.output.columns import Noun
from crawlctl.requests import delete, path_of
from crawlctl.session import Session

ID = click.IntRange(min=1)


def add_list(
    group: click.Group, noun: Noun, path: str, text: str, filters: Sequence[Filter] = ()
) -> None:
    """Add the verb `list` for the list at this path of the API."""

    @group.command("list", help=text)
    @list_options(filters)
    @click.pass_obj
    def run(session: Session, /, limit: int, show_all: bool, **values: Any) -> None:
        query = query_of(filters, values)
        write_list(session, noun, path, query, limit=limit, show_all=show_all)


def add_list_of_object(
    group: click.Group,
    name: str,
    argument: str,
    noun: Noun,
    path: str,
    text: str,
    filters: Sequence[Filter] = (),
) -> None:
    """Add the verb `name`, which shows a list that belongs to one object.

    The argument of the verb is the id of the object. The API has the list at `path`/ID/`name`.
    """

    @group.command(name, help=text)
    @click.argument(argument, type=ID)
    @list_options(filters)
    @click.pass_obj
    def run(session: Session, /, limit: int, show_all: bool, **values: Any) -> None:
        of_object = path_of(path, values.pop(argument), name)
        query = query_of(filters, values)
        write_list(session, noun, of_object, query, limit=limit, show_all=show_all)


def add_get(
    group: click.Group,
    argument: str,
    noun: Noun,
    path: str,
    text: str,
    *,
    name: str = "get",
    kind: click.ParamType[Any] = ID,
) -> None:
    """Add a verb that shows one object. The argument of the verb is the object's id or name."""

    @group.command(name, help=text)
    @click.argument(argument, type=kind)
    @click.pass_obj
    def run(session: Session, /, **values: Any) -> None:
        session.writer.item(noun, session.client.get(path_of(path, values[argument])).body)


def add_delete(group: click.Group, argument: str, path: str, text: str) -> None:
    """Add the verb `delete`, which deletes one object.

    `argument` is the name of the verb's argument, such as `group_id`.
    """
    name = argument.removesuffix("_id")

    @group.command("delete", help=text)
    @click.argument(argument, type=ID)
    @click.pass_obj
    def run(session: Session, /, **values: Any) -> ExitCode:
        object_id = values[argument]
        return delete(session, path_of(path, object_id), f"{name} {object_id}")
