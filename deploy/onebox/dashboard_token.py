"""The demo's token for the dashboard: few scopes, a short life, revoked at the end."""

from __future__ import annotations

import contextlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from onebox.api_client import ApiClient, ApiRefusedError, ApiUnavailableError
from onebox.stop_request import StopRequest

SCOPES = ("read", "content", "jobs", "schedules")
LIFETIME = timedelta(hours=12)
PATH = "/api/admin/tokens"
# The number of random bytes in the name of the token. A killed demo leaves its token, so the name
# must be different in each run.
_NAME_BYTES = 3


@dataclass(frozen=True)
class DashboardToken:
    """A token for the dashboard.

    The address of the dashboard has the token in its fragment. The dashboard reads the token, and
    removes the fragment from the address.
    """

    token_id: str
    secret: str

    def address(self, api_url: str) -> str:
        """Return the address that signs in. A fragment stays in the browser: no log has it."""
        return f"{api_url}/ui/#token={self.secret}"


def create(api: ApiClient) -> DashboardToken:
    """Create the token. Raises ApiRefusedError or ApiUnavailableError."""
    made = api.post(
        PATH,
        {
            "name": f"demo-dashboard-{secrets.token_hex(_NAME_BYTES)}",
            "scopes": list(SCOPES),
            "expires_at": (datetime.now(UTC) + LIFETIME).isoformat(),
        },
    )
    return DashboardToken(str(made["id"]), str(made["token"]))


def revoke(api: ApiClient, token: DashboardToken, stop: StopRequest) -> None:
    """Revoke the token.

    If the user wants to stop at once, or if the API does not answer, leave the token. It then
    expires after LIFETIME.
    """
    if stop.is_urgent():
        return
    api.close()  # the server may have closed the idle connection, and then a request fails
    with contextlib.suppress(ApiRefusedError, ApiUnavailableError):
        api.delete(f"{PATH}/{token.token_id}")
