"""Which Reddit is crawled; what was crawled from one is never mixed with another's."""

from collections.abc import Mapping

from crawljobs import settings
from onebox.demo_errors import DataFolderError, OneboxError
from onebox.postgres.data_folder import DataFolder

SANDBOX = "sandbox"
REAL = "https://oauth.reddit.com"
# Nothing of these is anybody's secret: the sandbox takes any.
SANDBOX_CLIENT = {"REDDIT_CLIENT_ID": "sandbox", "REDDIT_CLIENT_SECRET": "sandbox"}
CLIENT = ("REDDIT_CLIENT_ID", "REDDIT_CLIENT_SECRET", "REDDIT_CLIENT_SECRET_FILE")


def wanted(variables: Mapping[str, str]) -> str:
    """`sandbox`, or the address of the API; half of a client is a mistake, no wish for either."""
    client, *secrets = (variables.get(name, "").strip() for name in CLIENT)
    if bool(client) != any(secrets):
        missing = "REDDIT_CLIENT_SECRET (or _FILE)" if client else "REDDIT_CLIENT_ID"
        raise OneboxError(
            f"{missing} is missing: set both to crawl the real Reddit, or neither for the sandbox."
        )
    return settings.read_reddit_settings(variables).api_url if client else SANDBOX


def shown(source: str) -> str:
    names = {SANDBOX: "the sandbox", REAL: "the real Reddit"}
    return names.get(source, source[:200])


def warning(source: str, variables: Mapping[str, str]) -> str | None:
    """What Reddit will hold against whoever crawls it like this."""
    if source != REAL or variables.get("REDDIT_USER_AGENT", "").strip():
        return None
    return (
        "Warning: REDDIT_USER_AGENT is not set. Reddit slows down or blocks clients that do not "
        "say whose they are: set it to something like 'linux:my-crawler:1.0 (by /u/your-name)'."
    )


def refuse_mixing(folder: DataFolder, source: str) -> None:
    """High-water marks of one Reddit would hide new posts of another."""
    try:
        kept = folder.source.read_text().strip()
    except FileNotFoundError:
        return
    if kept != source:
        raise DataFolderError(
            f"{folder.path} holds what was crawled from {shown(kept)}, and now {shown(source)} is "
            f"to be crawled: give another folder, such as --data {folder.path}-2."
        )


def refuse_mixing_clients(place: str, source: str, clients: list[str]) -> None:
    """The same for a database, by the client ids that asked for what it holds."""
    ours = SANDBOX_CLIENT["REDDIT_CLIENT_ID"]
    if source == SANDBOX:
        mixed, other = any(client != ours for client in clients), "Reddit itself"
    else:
        mixed, other = ours in clients, "a sandbox"
    if mixed:
        raise OneboxError(
            f"{place} holds what was crawled from {other}, and now {shown(source)} is to be "
            "crawled: give another one."
        )


def remember(folder: DataFolder, source: str) -> None:
    folder.source.write_text(f"{source}\n")
