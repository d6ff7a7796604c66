"""Settings of stored content: the key of pseudonyms, the limits of exports, the retention."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from crawljobs import errors
from crawljobs.domain.pseudonym import KEY_MIN
from crawljobs.settings.database import checked_database_url
from crawljobs.settings.environment import Environment


@dataclass(frozen=True)
class ExportSettings:
    """The settings of exports of content."""

    streams: int  # limit of concurrent exports of content in each process
    # The address of the database that exports read. None: the same address as for other requests.
    database_url: str | None = field(repr=False)


def read_content_key(variables: Mapping[str, str]) -> bytes | None:
    """Return the key of pseudonyms, or None if no key is set.

    Raises SettingsError if the key is too short.
    """
    key = Environment(variables).secret("CONTENT_KEY")
    if key is None:
        return None
    encoded = key.encode()
    if len(encoded) < KEY_MIN or len(set(key)) < 8:
        raise errors.SettingsError(
            f"CONTENT_KEY: expected at least {KEY_MIN} random characters, "
            "as `openssl rand -hex 32` prints them"
        )
    return encoded


def read_export_settings(variables: Mapping[str, str]) -> ExportSettings:
    """Return the settings. Raises SettingsError if a setting is invalid."""
    env = Environment(variables)
    url = env.secret("EXPORT_DATABASE_URL")
    if url is not None:
        checked_database_url("EXPORT_DATABASE_URL", url)
    return ExportSettings(
        streams=env.whole("EXPORT_STREAMS", 2, unit="exports", least=1, most=64),
        database_url=url,
    )


@dataclass(frozen=True)
class RetentionSettings:
    """Which stored content is erased.

    - `content`: the age at which items lose their content; None: never.
    - `erases_barred`: private and banned subreddits lose their content.
    - `drops_removed_titles`: posts that moderators or Reddit removed lose their titles and urls.
    """

    content: timedelta | None = None
    erases_barred: bool = False
    drops_removed_titles: bool = False


def read_retention_settings(variables: Mapping[str, str]) -> RetentionSettings:
    """Return the settings. Raises SettingsError if a setting is invalid."""
    env = Environment(variables)
    days = env.whole("CONTENT_RETENTION_DAYS", 0, unit="days", least=0, most=36_500)
    barred = env.one_of("BARRED_CONTENT", "keep", choices=("keep", "erase"))
    titles = env.one_of("REMOVED_TITLES", "drop", choices=("drop", "keep"))
    return RetentionSettings(
        content=timedelta(days=days) if days else None,
        erases_barred=barred == "erase",
        drops_removed_titles=titles == "drop",
    )
