"""Find environment variables that look like misspelt settings. No value is read."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from itertools import islice

from crawljobs.settings.names import VARIABLES

COMPARED_MAX = 2_000  # the limit of variables that are compared
LENGTH_MAX = 60  # a longer name cannot be close to a setting
FOUND_MAX = 10
# The least similarity by difflib, from 0 to 1. MAX_RETRIE and MAX_RETRIES have 0.95, MAX_RETRY and
# MAX_RETRIES have 0.8, MAX_WORKERS and MAX_RETRIES have 0.73.
CLOSE = 0.8
# A name with one of these prefixes is probably meant as a setting. So a lower similarity suffices,
# but only to a setting with the same prefix.
_OWN_PREFIXES = (
    "ADMIN_API_",
    "CRAWLER_WORKER_",
    "DISCOVERY_",
    "REDDIT_",
    "SCHEDULER_",
    "USER_SUB_",
)
CLOSE_WITH_OWN_PREFIX = 0.7

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{3,}")
# Kubernetes and Docker set these variables for each service, such as ADMIN_API_PORT_8000_TCP_ADDR.
_OF_A_SERVICE = re.compile(
    r".*_(SERVICE_(HOST|PORT)(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?|ENV_\w+)"
)
# Other programs read these variables. Some of them are similar to settings.
_FOREIGN_PREFIXES = ("OTEL_", "PG", "PIP_", "POSTGRES_", "PYTHON", "KUBERNETES_", "TEST_")
_FOREIGN = frozenset(
    {"DATABASE_USER", "FTP_PROXY", "RSYNC_PROXY", "SOCKS_PROXY", "WEB_CONCURRENCY"}
)


def misspelt(names: Iterable[str]) -> dict[str, str]:
    """Return the variables that look like misspelt settings, each with the nearest setting.

    At most FOUND_MAX variables are returned, in the order of their names.
    """
    candidates = (name for name in sorted(names) if _is_candidate(name))
    found: dict[str, str] = {}
    for name in islice(candidates, COMPARED_MAX):
        if nearest := _nearest(name):
            found[name] = nearest
        if len(found) == FOUND_MAX:
            break
    return found


def _is_candidate(name: str) -> bool:
    written = name.upper()
    return (
        len(name) <= LENGTH_MAX
        and name not in VARIABLES
        # Programs also read the proxy variables in lower case, such as https_proxy.
        and not (name.islower() and written.endswith("_PROXY"))
        and written not in _FOREIGN
        and not written.startswith(_FOREIGN_PREFIXES)
        and _NAME.fullmatch(name) is not None
        and not _OF_A_SERVICE.fullmatch(written)
        # Another program may use a prefix and a setting's name, as in NIX_SSL_CERT_FILE.
        and not written.endswith(_WITH_PREFIX)
    )


def _nearest(name: str) -> str | None:
    written = name.upper()
    if close := difflib.get_close_matches(written, _SORTED, n=1, cutoff=CLOSE):
        return close[0]
    for prefix in _OWN_PREFIXES:
        if written.startswith(prefix):
            own = [setting for setting in _SORTED if setting.startswith(prefix)]
            close = difflib.get_close_matches(written, own, n=1, cutoff=CLOSE_WITH_OWN_PREFIX)
    return close[0] if close else None


_SORTED = sorted(VARIABLES)
_WITH_PREFIX = tuple(f"_{name}" for name in _SORTED)
