"""Requests an OAuth token from Reddit's token endpoint, and reads the reply."""

from __future__ import annotations

import base64
import re

from crawler_worker.reddit import crawl_failures, replies, reply_cells
from crawler_worker.reddit.exchange import decoding
from crawler_worker.reddit.exchange.transfer import Request, Transport
from crawljobs.domain.reply_meaning import Endpoint, Meaning
from crawljobs.settings import RedditSettings

# The time between the renewal of a token and its expiry, so that no token expires during a request.
REFRESH_EARLY_SECONDS = 60.0
LIFE_MAX_SECONDS = 86_400.0
LIFE_DEFAULT_SECONDS = 3_600.0  # The lifetime of a token if the reply has no `expires_in`.
# The pause of token requests after Reddit refused the credentials. Tries in this pause would fail,
# because only an operator can correct the credentials.
REFUSED_PAUSE_SECONDS = 300.0
REPLY_MAX_BYTES = 64 * 1024

# The pattern allows only visible ASCII characters. A line feed in a token could end the HTTP header
# that contains the token.
_TOKEN = re.compile(r"[\x21-\x7e]{1,4096}")


def fetch(settings: RedditSettings, transport: Transport) -> tuple[str, float]:
    """Request a token. Return the token and its lifetime in seconds.

    Raises Throttled, CredentialsRefused, ClientRefused and UpstreamTrouble.
    """
    credentials = f"{settings.client_id}:{settings.client_secret}".encode()
    reply = transport.send(
        Request(
            "POST",
            f"{settings.auth_url}/api/v1/access_token",
            {
                "Authorization": f"Basic {base64.b64encode(credentials).decode()}",
                "Content-Type": "application/x-www-form-urlencoded",
            },
            b"grant_type=client_credentials",
            reply_max=REPLY_MAX_BYTES,
        )
    )
    meaning = reply_cells.meaning_of(Endpoint.TOKEN, reply.status, reply.headers, reply.content)
    if meaning is Meaning.CREDENTIALS_REFUSED:
        raise refused(f"{reply.status} from the token endpoint")
    if reply.status != 200:
        raise replies.failure(Endpoint.TOKEN, reply.status, reply.headers, reply.content)
    return token_of(reply.content)


def token_of(content: bytes) -> tuple[str, float]:
    """Return the token in a reply, and its lifetime in seconds.

    The lifetime is at least 2 * REFRESH_EARLY_SECONDS and at most LIFE_MAX_SECONDS. Raises
    CredentialsRefused and UpstreamTrouble.
    """
    body = decoding.decode(content)
    if not isinstance(body, dict):
        raise crawl_failures.UpstreamTrouble("the token endpoint sent no object")
    if "error" in body:  # Reddit sends errors also with the status 200
        raise _meaning_of(body["error"])
    token, lives = body.get("access_token"), body.get("expires_in")
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise crawl_failures.UpstreamTrouble("the token endpoint sent no token")
    if isinstance(lives, bool) or not isinstance(lives, int | float):
        lives = LIFE_DEFAULT_SECONDS
    return token, max(2 * REFRESH_EARLY_SECONDS, min(float(lives), LIFE_MAX_SECONDS))


def _meaning_of(error: object) -> crawl_failures.CrawlFailure:
    """Return the failure that the field `error` of a token reply means.

    If the field is a text or one of the numbers 400 and 401, Reddit refuses the credentials. Any
    other number comes from a gateway in front of Reddit, and means trouble that may pass.
    """
    if isinstance(error, int) and error not in (400, 401):
        return crawl_failures.UpstreamTrouble(f"the token endpoint sent the error {_shown(error)}")
    return refused(_shown(error))


def _shown(error: object) -> str:
    if isinstance(error, str):
        return repr(error[:60])
    return repr(error) if isinstance(error, int) else "an error that is no text"


def refused(what: str) -> crawl_failures.CredentialsRefused:
    return crawl_failures.CredentialsRefused(
        f"Reddit refuses REDDIT_CLIENT_ID and REDDIT_CLIENT_SECRET ({what}): correct them",
        resume_in=REFUSED_PAUSE_SECONDS,
    )
