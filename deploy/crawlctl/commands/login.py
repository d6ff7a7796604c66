"""`crawlctl login`, `logout` and `whoami`: the stored servers and their tokens."""

import dataclasses

import click

from crawlctl.configuration import profiles, token_sources
from crawlctl.configuration.connection import checked_url, resolve
from crawlctl.failures import CommandFailed, ExitCode
from crawlctl.nouns.account import IDENTITY
from crawlctl.rest.client import Client
from crawlctl.session import Session
from crawlctl.shared_options import Verb

DEFAULT_NAME = "default"
WHOAMI = "/api/whoami"


@click.command(cls=Verb)
@click.argument("source", required=False, metavar="[-]")
@click.option("--token-command", metavar="CMD", help="A command that prints the token.")
@click.option("--no-check", is_flag=True, help="Store the token without asking the server.")
@click.option("--make-default", is_flag=True, help="Use this server without --profile.")
@click.pass_obj
def login(
    session: Session,
    source: str | None,
    token_command: str | None,
    no_check: bool,
    make_default: bool,
) -> None:
    """Store the address and the token of a server.

    Name the server by --url and --profile, before the word `login`. Type the token, which is not
    shown, or pipe the token into standard input. With --token-command, crawlctl stores a command
    and runs it each time it needs the token. No option takes the token itself, because other users
    can read the command line. The file of profiles has the mode 0600.
    """
    if source not in (None, "-"):
        raise CommandFailed(
            "login takes no token as an argument, because other users can read the command line: "
            "pipe the token into standard input.",
            ExitCode.USAGE,
        )
    path = profiles.file_of_profiles(session.environment)
    stored = profiles.read(path)
    name = session.profile or stored.default or DEFAULT_NAME
    known = stored.by_name.get(name)
    url = checked_url(session.url) if session.url else (known.url if known else None)
    if url is None:
        raise CommandFailed("Name the server: crawlctl --url URL login", ExitCode.USAGE)
    if token_command:
        token = token_sources.from_command(token_command)
        profile = profiles.Profile(url, token_command=token_command)
    else:
        token = token_sources.from_person()
        profile = profiles.Profile(url, token=token)
    if url.startswith("http://") and not url.startswith(("http://127.", "http://localhost")):
        session.say(f"Warning: {url} is not encrypted; the token crosses the network as it is.")
    if not no_check:
        with Client(url, token, retry_seconds=session.retry_seconds, log=session.debug) as client:
            client.get(WHOAMI)
    changed = profiles.added(stored, name, profile)
    if make_default:
        changed = dataclasses.replace(changed, default=name)
    profiles.store(path, changed)
    session.say(f"Stored the profile {name} for {url} in {path}.")


@click.command(cls=Verb)
@click.pass_obj
def logout(session: Session) -> None:
    """Delete a stored address and token.

    The server still accepts the token: `crawlctl tokens revoke` ends it.
    """
    path = profiles.file_of_profiles(session.environment)
    stored = profiles.read(path)
    name = session.profile or stored.default
    if name is None or name not in stored.by_name:
        raise CommandFailed(f"There is no profile {name or ''}".rstrip() + ".", ExitCode.NOT_FOUND)
    profiles.store(path, profiles.removed(stored, name))
    session.say(f"Deleted the profile {name}. The server still accepts its token.")


@click.command(cls=Verb)
@click.pass_obj
def whoami(session: Session) -> None:
    """Show the token's name and its scopes."""
    chosen = resolve(session.environment, url=session.url, profile=session.profile)
    body = session.client.get(WHOAMI).body
    session.writer.item(IDENTITY, {"url": chosen.url, "origin": chosen.origin, **body})
