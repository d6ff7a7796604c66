"""Whether the process lives, and whether it can do its work. Neither wants a token."""

from __future__ import annotations

from admin_api.http import problems, state
from admin_api.http.blueprint import Blueprint
from admin_api.schemas.health import HealthSchema

blueprint = Blueprint("health", __name__, description="For load balancers and orchestrators")


# gunicorn_worker answers plain requests for these itself, so that they wait for no thread.
ALIVE = {"status": "ok"}
READY = {"status": "ready"}


def shutting_down() -> problems.Problem:
    return problems.Problem("shutting_down", "Ask again: another process answers, or will soon.")


@blueprint.get("/healthz")
@blueprint.without_token
@blueprint.answers(200, HealthSchema, "The process answers.")
@blueprint.problems(413, usual=False)
def healthz() -> dict[str, str]:
    """Tell that the process lives

    Never asks the database: its hiccup must not restart every process.
    """
    return ALIVE


@blueprint.get("/readyz")
@blueprint.without_token
@blueprint.answers(200, HealthSchema, "Requests can be served.")
@blueprint.problems(413, 503, usual=False)
def readyz() -> dict[str, str]:
    """Tell whether the database answers with a schema this version knows

    Answers within 2 s; 503 too when the process is to end.
    """
    if state.current().drain.has_begun:
        raise shutting_down()
    state.current().readiness.check()
    return READY
