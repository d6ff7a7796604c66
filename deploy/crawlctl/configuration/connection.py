"""Chooses the server and its token. The first source that names a server decides.

The sources in their order: the option, the environment variables, the profile, the running demo.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from crawlctl.configuration import profiles, token_sources
from crawlctl.failures import CommandFailed, ExitCode

URL, TOKEN_FILE, PROFILE = "CRAWLJOBS_URL", "CRAWLJOBS_TOKEN_FILE", "CRAWLJOBS_PROFILE"
# Name of a variable with the data folder of the demo; `./run ctl` sets the variable.
DEMO = "CRAWLCTL_DEMO"
DEMO_PROFILE = "demo"


@dataclass(frozen=True)
class Connection:
    """A server, its token (None if there is none), and the source that named the server."""

    url: str
    token: str | None = field(repr=False)
    origin: str


def resolve(environment: Mapping[str, str], *, url: str | None, profile: str | None) -> Connection:
    """Return the server and the token. Raises CommandFailed if no server is chosen.

    A profile's token is sent only to the URL of this profile.
    """
    given = url or environment.get(URL) or None
    named = profile or environment.get(PROFILE) or None
    token_file = environment.get(TOKEN_FILE) or None
    chosen, origin = _profile(environment, named)
    if given is not None:
        address = checked_url(given)
        origin = "--url" if url else URL
    elif chosen is not None:
        address = chosen.url
    else:
        raise CommandFailed(_no_server(environment), ExitCode.NO_ACCESS)
    if token_file is not None:
        return Connection(address, token_sources.from_file(token_file), origin)
    if chosen is None or chosen.url != address:
        return Connection(address, None, origin)
    if chosen.token_command:
        return Connection(address, token_sources.from_command(chosen.token_command), origin)
    return Connection(address, chosen.token, origin)


def checked_url(url: str) -> str:
    """Return the URL without a slash at its end. Raises CommandFailed if the URL is invalid."""
    try:
        parts = urlsplit(url.strip())
        is_complete = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        is_complete = False
    if not is_complete or parts.query or parts.fragment or not url.strip().isprintable():
        raise CommandFailed(
            f"{url!r} is no address of a server: expected http://HOST:PORT or https://HOST",
            ExitCode.USAGE,
        )
    if parts.username is not None or parts.password is not None:
        raise CommandFailed(
            "The URL has a user name, which the API does not use: remove it.", ExitCode.USAGE
        )
    return url.strip().rstrip("/")


def _profile(
    environment: Mapping[str, str], named: str | None
) -> tuple[profiles.Profile | None, str]:
    path = profiles.file_of_profiles(environment)
    stored = profiles.read(path)
    name = named or stored.default
    if name is not None and name in stored.by_name:
        return stored.by_name[name], f"the profile {name}"
    demo = _running_demo(environment)
    if demo is not None and named in (None, DEMO_PROFILE):
        return demo, "the demo"
    if named is not None:
        known = ", ".join(sorted(stored.by_name)) or "none"
        raise CommandFailed(
            f"There is no profile {named!r} in {path}; the profiles are: {known}.", ExitCode.USAGE
        )
    return None, ""


def _no_server(environment: Mapping[str, str]) -> str:
    """Return an error message with each way to choose a server."""
    others = f"log in with `crawlctl login --url URL`, or set {URL} and {TOKEN_FILE}."
    folder = environment.get(DEMO)
    if not folder:
        return f"No server is chosen: {others}"
    return (
        f"No server is chosen, and no demo runs in {folder}: start `./run demo`; name the folder "
        f"of another demo with `./run ctl --data DIR`; {others}"
    )


def _running_demo(environment: Mapping[str, str]) -> profiles.Profile | None:
    folder = environment.get(DEMO)
    if not folder:
        return None
    try:
        url = Path(folder, "api-url").read_text(encoding="utf-8").strip()
    except OSError:
        return None
    token = Path(folder, "admin-header")
    return profiles.Profile(
        checked_url(url), token_sources.from_file(str(token)) if token.exists() else None
    )
