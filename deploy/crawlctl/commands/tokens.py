"""`crawlctl tokens`: tokens of the API."""

from pathlib import Path

import click

from crawlctl.failures import CommandFailed, ExitCode
from crawlctl.nouns.system import CREATED_TOKEN, TOKEN
from crawlctl.parameters import AFTER_NOW
from crawlctl.requests import change, given, path_of
from crawlctl.session import Session
from crawlctl.shared_options import Noun
from crawlctl.standard_verbs import add_list

PATH = "/api/admin/tokens"
PRIVATE = 0o600


@click.group(cls=Noun)
def tokens() -> None:
    """Create and revoke tokens of the API."""


add_list(tokens, TOKEN, PATH, "Show tokens, without their secret.")


@tokens.command()
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, required=True, help="A permission; repeatable.")
@click.option("--expires", "expires_at", type=AFTER_NOW, help="The end, such as 90d.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="A new private file.")
@click.pass_obj
def create(
    session: Session, name: str, scopes: tuple[str, ...], expires_at: str | None, out: Path | None
) -> ExitCode:
    """Create a token. The server shows the token only once; --out writes it into a file."""
    if out is not None:
        try:
            out.touch(PRIVATE, exist_ok=False)
        except OSError as error:
            raise CommandFailed(f"{out} cannot be made: {error.strerror}", ExitCode.USAGE) from None
    body = given(name=name, scopes=list(scopes), expires_at=expires_at)
    try:
        created = session.client.call("POST", PATH, body=body).body
    except BaseException:
        if out is not None:
            out.unlink(missing_ok=True)
        raise
    if out is None:
        session.writer.item(CREATED_TOKEN, created)
        return ExitCode.DONE
    out.write_text(created.pop("token") + "\n", encoding="utf-8")
    session.writer.item(TOKEN, created)
    session.say(f"The token is in {out}.")
    return ExitCode.DONE


@tokens.command()
@click.argument("token_id")
@click.pass_obj
def revoke(session: Session, token_id: str) -> ExitCode:
    """Revoke a token. The server no longer accepts a revoked token."""
    return change(session, TOKEN, path_of(PATH, token_id), method="DELETE")
