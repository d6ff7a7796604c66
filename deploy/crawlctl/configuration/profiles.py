"""The file of profiles: the addresses and tokens that `crawlctl login` stores, with mode 0600."""

import contextlib
import json
import os
import re
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from crawlctl.failures import CommandFailed, ExitCode

PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class Profile:
    """A server: its address, and its token or the command that prints the token."""

    url: str
    token: str | None = field(default=None, repr=False)
    token_command: str | None = None


@dataclass(frozen=True)
class Profiles:
    """All profiles, and the name of the profile that is used without --profile."""

    default: str | None = None
    by_name: Mapping[str, Profile] = field(default_factory=dict)


def file_of_profiles(environment: Mapping[str, str]) -> Path:
    """Return the path of the file of profiles. XDG_CONFIG_HOME may name its parent folder."""
    folder = environment.get("XDG_CONFIG_HOME") or ""
    home = Path(folder) if folder.startswith("/") else Path.home() / ".config"
    return home / "crawlctl" / "profiles.json"


def read(path: Path) -> Profiles:
    """Return the profiles. If the file does not exist, there are no profiles.

    Raises CommandFailed if the file is damaged, or if other users can read it.
    """
    try:
        with path.open(encoding="utf-8") as file:
            if os.fstat(file.fileno()).st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise CommandFailed(
                    f"Other users may read {path}, which has tokens: chmod 600 {path}",
                    ExitCode.NO_ACCESS,
                )
            content = json.load(file)
        by_name = {name: Profile(**each) for name, each in content["profiles"].items()}
        return Profiles(content["default"], by_name)
    except FileNotFoundError:
        return Profiles()
    except OSError as error:
        raise CommandFailed(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise CommandFailed(f"{path} is damaged: delete it and log in again.") from None


def store(path: Path, profiles: Profiles) -> None:
    """Replace the file of profiles. Raises CommandFailed if the file cannot be written."""
    content = {
        "default": profiles.default,
        "profiles": {name: asdict(each) for name, each in profiles.by_name.items()},
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=PRIVATE_FOLDER)
        handle, new = tempfile.mkstemp(dir=path.parent)  # only this user can read the new file
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(content, file, indent=2)
                file.write("\n")
            Path(new).chmod(PRIVATE_FILE)
            Path(new).replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(new).unlink()
            raise
    except OSError as error:
        raise CommandFailed(f"{path} cannot be written: {error.strerror}") from None


def added(profiles: Profiles, name: str, profile: Profile) -> Profiles:
    """Return the profiles with the added profile. The first profile becomes the default."""
    if not NAME.fullmatch(name):
        raise CommandFailed(
            f"{name!r} is no name of a profile: use letters, digits, and . _ -", ExitCode.USAGE
        )
    return replace(
        profiles,
        default=profiles.default or name,
        by_name={**profiles.by_name, name: profile},
    )


def removed(profiles: Profiles, name: str) -> Profiles:
    """Return the profiles without the profile `name`."""
    rest = {each: profile for each, profile in profiles.by_name.items() if each != name}
    default = profiles.default if profiles.default in rest else next(iter(rest), None)
    return Profiles(default, rest)
