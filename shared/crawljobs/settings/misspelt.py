"""Find environment variables that look like misspelt settings. No value is read."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from itertools import islice

from crawljobs.settings.names import SECRETS, VARIABLES

COMPARED_MAX = 2_000  # the limit of variables that are compared
LENGTH_MAX = 60  # limit of a name in characters; a longer name cannot be close to a setting
FOUND_MAX = 10
# The least similarity by difflib, from 0 to 1. MAX_RETRIE and MAX_RETRIES have 0.95, MAX_RETRY and
# MAX_RETRIES have 0.8, MAX_WORKERS and MAX_RETRIES have 0.73.
CLOSE = 0.8
# A name with one of these prefixes is probably meant as a setting with the same prefix. Only the
# parts after the prefix are compared, because the same prefix makes all these names similar.
_OWN_PREFIXES = (
    "ADMIN_API_",
    "CRAWLER_WORKER_",
    "DISCOVERY_",
    "REDDIT_",
    "SCHEDULER_",
    "USER_SUB_",
)
# If one of these prefixes precedes the name of a setting, as in CRAWL_MAX_RETRIES, the variable is
# probably meant as that setting.
_NEEDLESS_PREFIXES = ("CRAWL_", "CRAWLER_", "CRAWLER_WORKER_", "CRAWLJOBS_")
# A variable whose name has one of these words probably contains a secret. So its name is compared
# only with secret settings, because other settings may get into logs and into headers of requests.
_LIKE_A_SECRET = re.compile(r"SECRET|TOKEN|PASSW|CREDENTIAL|(^|_)API_?KEY")

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{3,}")
# Kubernetes and Docker set these variables for each service, such as ADMIN_API_PORT_8000_TCP_ADDR.
_OF_A_SERVICE = re.compile(
    r".*_(SERVICE_(HOST|PORT)(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?|ENV_\w+)"
)
# Other programs read these variables. Some of them are similar to settings.
_FOREIGN_PREFIXES = ("PG", "PIP_", "POSTGRES_", "PYTHON", "KUBERNETES_", "TEST_")
_FOREIGN = frozenset(
    {
        "DATABASE_USER",
        "FTP_PROXY",
        "REDDIT_PASSWORD",  # a variable of PRAW, a Python client for Reddit, like REDDIT_USERNAME
        "REDDIT_USERNAME",
        "RSYNC_PROXY",
        "SOCKS_PROXY",
        "WEB_CONCURRENCY",
    }
)
# The names that OpenTelemetry defines and that are similar to settings.
_OF_OPENTELEMETRY = re.compile(
    r"OTEL_EXPORTER_((JAEGER|PROMETHEUS|ZIPKIN)_\w+"
    r"|OTLP_((TRACES|METRICS|LOGS|PROFILES)_)?(CERTIFICATE|CLIENT_CERTIFICATE|CLIENT_KEY"
    r"|COMPRESSION|ENDPOINT|HEADERS|INSECURE|PROTOCOL|TIMEOUT)"
    r"|OTLP_METRICS_(DEFAULT_HISTOGRAM_AGGREGATION|TEMPORALITY_PREFERENCE))"
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
        and not _OF_OPENTELEMETRY.fullmatch(name)
        and _NAME.fullmatch(name) is not None
        and not _OF_A_SERVICE.fullmatch(written)
        # A name such as NIX_SSL_CERT_FILE is a setting's name after the prefix of another program.
        and (bool(_without_needless_prefix(written)) or not written.endswith(_WITH_PREFIX))
    )


def _nearest(name: str) -> str | None:
    written = name.upper()
    settings = _SECRET if _LIKE_A_SECRET.search(written) else _SORTED
    if (short := _without_needless_prefix(written)) in settings:
        return short
    for prefix in _OWN_PREFIXES:
        if written.startswith(prefix):
            own = [one.removeprefix(prefix) for one in settings if one.startswith(prefix)]
            close = _nearest_part(written.removeprefix(prefix), own)
            return prefix + close if close else None
    found = difflib.get_close_matches(written, settings, n=1, cutoff=CLOSE)
    return found[0] if found else None


def _nearest_part(part: str, parts: list[str]) -> str | None:
    """Return the element of `parts` that is most similar to `part`, or None.

    A part is the name of a variable without its prefix. Compares whole parts first, then single
    words.
    """
    if close := difflib.get_close_matches(part, parts, n=1, cutoff=CLOSE):
        return close[0]
    words = part.split("_")
    all_known = {word for setting in parts for word in setting.split("_")}
    meant = {
        found
        for word in words
        for found in difflib.get_close_matches(word, sorted(all_known), 1, CLOSE)
    }
    # For each setting: the number of similar words, divided by the word count of the longer name.
    shares: dict[str, float] = {}
    for setting in parts if meant else ():
        known = setting.split("_")
        same = len(meant.intersection(known))
        if same >= min(len(words), len(known)):
            shares[setting] = same / max(len(words), len(known))
    return max(shares, key=lambda setting: shares[setting]) if shares else None


def _without_needless_prefix(name: str) -> str | None:
    for prefix in _NEEDLESS_PREFIXES:
        if name.startswith(prefix) and (short := name.removeprefix(prefix)) in VARIABLES:
            return short
    return None


_SORTED = sorted(VARIABLES)
_SECRET = sorted(SECRETS | (VARIABLES & {f"{name}_FILE" for name in SECRETS}))
_WITH_PREFIX = tuple(f"_{name}" for name in _SORTED)
