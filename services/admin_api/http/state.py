"""The state that the views of one application share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import flask

from admin_api.http.cursors import CursorSigner
from admin_api.http.login_throttle import FailedLogins
from admin_api.http.polling.shared_answers import SharedAnswers
from admin_api.http.quotas import Exports, RequestRates, StoredResponses
from admin_api.http.refusal_counts import RefusalCounts
from admin_api.http.request.request_database import RequestDatabase
from admin_api.http.request.route_durations import DurationsOfRoutes
from crawljobs.db.database import Database
from crawljobs.runtime.heartbeat import Heartbeat
from crawljobs.runtime.outbound.guard import Guard
from crawljobs.runtime.probes.readiness import Readiness
from crawljobs.settings import AdminApiSettings, WebhookSettings

_KEY = "admin_api"


@dataclass
class Drain:
    """Holds whether the process is stopping.

    A stopping process finishes the running requests and accepts no further requests.
    """

    has_begun: bool = False


@dataclass(frozen=True)
class State:
    settings: AdminApiSettings
    webhooks: WebhookSettings
    outbound: Guard  # checks the URLs of webhooks
    max_retries: int  # used for a job whose request has no max_retries
    database: RequestDatabase
    readiness: Readiness
    cursors: CursorSigner
    failed_logins: FailedLogins
    rates: RequestRates
    exports: Exports  # limits the exports of the audit log
    content_exports: Exports
    content_database: Database
    # The key from which the pseudonyms of authors are computed.
    content_key: bytes | None = field(repr=False)
    large_bodies: Exports
    stored_responses: StoredResponses
    heartbeat: Heartbeat
    shared: SharedAnswers = field(default_factory=SharedAnswers)
    refusals: RefusalCounts = field(default_factory=RefusalCounts)
    durations: DurationsOfRoutes = field(default_factory=DurationsOfRoutes)
    drain: Drain = field(default_factory=Drain)

    def close(self) -> None:
        self.database.close()
        self.content_database.close()
        self.readiness.close()


def install(app: flask.Flask, state: State) -> None:
    app.extensions[_KEY] = state


def of(app: flask.Flask) -> State:
    return cast(State, app.extensions[_KEY])


def current() -> State:
    return of(flask.current_app)
