"""The source of the demo's data: the sandbox or a real Reddit.

A data folder or database never mixes the data of two sources.
"""

from collections.abc import Mapping

from crawljobs import settings
from onebox.demo_errors import DataFolderError, OneboxError
from onebox.postgres.data_folder import DataFolder

SANDBOX = "sandbox"
REAL = "https://oauth.reddit.com"
# These are no secrets: the sandbox accepts any credentials.
SANDBOX_CLIENT = {"REDDIT_CLIENT_ID": "sandbox", "REDDIT_CLIENT_SECRET": "sandbox"}
CLIENT = ("REDDIT_CLIENT_ID", "REDDIT_CLIENT_SECRET", "REDDIT_CLIENT_SECRET_FILE")


def wanted(variables: Mapping[str, str]) -> str:
    """Return the source that the variables choose: `sandbox`, or the address of Reddit's API.

    Raises OneboxError if only the client id or only the secret is set: the choice is then unclear.
    """
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
    """Return a warning if the real Reddit may block this client, otherwise None."""
    if source != REAL or variables.get("REDDIT_USER_AGENT", "").strip():
        return None
    return (
        "Warning: REDDIT_USER_AGENT is not set. Reddit slows down or blocks clients that do not "
        "name their owner: set it to something like 'linux:my-crawler:1.0 (by /u/your-name)'."
    )


def refuse_mixing(folder: DataFolder, source: str) -> None:
    """Raise DataFolderError if the folder holds data of another source.

    With mixed data, crawls would miss new posts. A crawl stops at the newest item of earlier
    crawls. With mixed data, this item could come from the other source.
    """
    try:
        kept = folder.source.read_text().strip()
    except FileNotFoundError:
        return
    if kept != source:
        raise DataFolderError(
            f"{folder.path} contains data of {shown(kept)}, so {shown(source)} cannot be crawled "
            f"into it: use another folder, such as --data {folder.path}-2."
        )


def refuse_mixing_clients(place: str, source: str, clients: list[str]) -> None:
    """Raise OneboxError if `clients`, the client ids in a database, do not belong to `source`.

    A source is the real Reddit or the sandbox. `place` names the database in the message.
    """
    sandbox_id = SANDBOX_CLIENT["REDDIT_CLIENT_ID"]
    if source == SANDBOX:
        mixed, other = any(client != sandbox_id for client in clients), "Reddit itself"
    else:
        mixed, other = sandbox_id in clients, "a sandbox"
    if mixed:
        raise OneboxError(
            f"{place} contains data of {other}, so {shown(source)} cannot be crawled into it: "
            "use another one."
        )


def remember(folder: DataFolder, source: str) -> None:
    folder.source.write_text(f"{source}\n")
