"""The master key, and the secrets of endpoints. Each secret is derived from the master key."""

from __future__ import annotations

from datetime import UTC, datetime

from admin_api.http import preconditions, problems, responses, state
from crawljobs.domain import webhook_secret
from crawljobs.domain.webhook import Endpoint


def master_key() -> bytes:
    """Return the master key. Without a master key webhooks are off, and a Problem is raised."""
    key = state.current().webhooks.master_key
    if key is None:
        raise problems.Problem(
            "webhooks_off",
            "Webhooks need a master key. Set WEBHOOK_MASTER_KEY or WEBHOOK_MASTER_KEY_FILE to the "
            "same random text for admin-api and the scheduler, and restart both.",
        )
    return key


def require_master_key() -> None:
    """Raise a Problem if no master key is set. Without a master key, webhooks are off."""
    master_key()


def secret_of(endpoint: Endpoint) -> str:
    """Return the endpoint's present secret in the form that receivers store (`whsec_...`)."""
    return _shown(endpoint, endpoint.secret_version)


def previous_secret_of(endpoint: Endpoint) -> str | None:
    """Return the previous secret while it still signs events, otherwise None."""
    version, until = endpoint.previous_secret_version, endpoint.previous_secret_until
    if version is None or until is None or until <= datetime.now(UTC):
        return None
    return _shown(endpoint, version)


def _shown(endpoint: Endpoint, version: int) -> str:
    key = webhook_secret.signing_key(master_key(), endpoint_id=endpoint.id, version=version)
    return webhook_secret.shown_secret(key)


def shown_with_secret(endpoint: Endpoint, status: int = 200) -> responses.Response:
    """Return the endpoint and its secret as a response with its ETag."""
    body = {**vars(endpoint), "secret": secret_of(endpoint)}
    return body, status, preconditions.etag(endpoint.version)
