"""`crawlctl version`."""

import click

from crawlctl.session import Session
from crawlctl.shared_options import Verb
from crawlctl.version import VERSION


@click.command(cls=Verb)
@click.pass_obj
def version(session: Session) -> None:
    """Show the version of crawlctl."""
    from crawlctl.output.columns import Column, Noun

    session.writer.item(Noun("version", (Column("version"),), "version"), {"version": VERSION})
