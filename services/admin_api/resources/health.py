"""/healthz: the process responds. /readyz: the process can serve requests. Both need no token."""

from __future__ import annotations

from admin_api.http import health_replies, state
from admin_api.http.blueprint import Blueprint
from admin_api.schemas.health import HealthSchema

blueprint = Blueprint("health", __name__, description="For load balancers and orchestrators")


@blueprint.get("/healthz", endpoint="healthz")
@blueprint.without_token
@blueprint.answers(200, HealthSchema, "The process responds.")
def check_health() -> dict[str, str]:
    """Report that the process is alive

    Does not use the database, so that a short database outage does not restart every process.
    """
    return health_replies.ALIVE


@blueprint.get("/readyz", endpoint="readyz")
@blueprint.without_token
@blueprint.answers(200, HealthSchema, "Requests can be served.")
@blueprint.problems("database_unavailable", "unknown_schema")
def check_readiness() -> dict[str, str]:
    """Report whether the database is available and has a known schema

    Responds within 2 s. Also responds 503 while the process is shutting down.
    """
    if state.current().drain.has_begun:
        raise health_replies.shutting_down()
    state.current().readiness.check()
    return health_replies.READY
