"""Routes with which tests and the demo control the sandbox. They need no token."""

import flask

from reddit_sandbox import listing_pages, naming, sandbox
from reddit_sandbox.replacements import BODIES, PATH_MAX
from reddit_sandbox.tokens import Mode
from reddit_sandbox.wrong_replies import IN_A_ROW_MAX

blueprint = flask.Blueprint("control", __name__, url_prefix="/sandbox")


@blueprint.get("/health")
def health() -> dict[str, str]:
    return {"status": "ok"}


@blueprint.get("/log")
def log() -> dict[str, object]:
    """Return the newest requests, sorted by time. ?limit= sets the number (default: 100)."""
    box = sandbox.current()
    most = box.options.log_size
    count = listing_pages.limit_of(flask.request.args.get("limit"), 100, most)
    return {"entries": box.log.last(count)}


@blueprint.get("/stats")
def stats() -> dict[str, object]:
    box = sandbox.current()
    return {
        **box.log.stats(),
        "tokens_given": box.tokens.given,
        "rate_limit": box.window.limit,
    }


@blueprint.get("/communities")
def communities() -> dict[str, list[str]]:
    """Return the names of the built-in communities, with upper and lower case, as in `Pottery`."""
    return {"communities": sorted(naming.CATALOGUE.values(), key=str.lower)}


@blueprint.post("/rate-limit")
def rate_limit() -> tuple[dict[str, object], int]:
    """Set the limit of requests in one window, and reset all request counts.

    An example of the body: {"limit": 100}.
    """
    limit = _number("limit")
    if limit is None:
        return {"error": "limit: expected a whole number of 0 or more"}, 422
    sandbox.current().window.change(limit)
    return {"rate_limit": limit}, 200


@blueprint.post("/outage")
def outage() -> tuple[dict[str, object], int]:
    """Give all API replies the same status. Status 0 ends this outage.

    An example of the body: {"status": 503}.
    """
    status = _number("status")
    if status is None or not (status == 0 or 500 <= status <= 599):
        return {"error": "status: expected 500 to 599, or 0"}, 422
    sandbox.current().outage = status
    return {"status": status}, 200


@blueprint.post("/tokens")
def tokens() -> tuple[dict[str, object], int]:
    """Revoke all tokens. From now on, issue tokens of the kind in the body.

    An example of the body: {"mode": "refused"}. The kinds are good (valid tokens), refused (a new
    invalid token each time) and same (the same invalid token each time).
    """
    body = flask.request.get_json(silent=True)
    mode = body.get("mode") if isinstance(body, dict) else None
    if mode not in list(Mode):
        return {"error": f"mode: expected one of {', '.join(Mode)}"}, 422
    sandbox.current().tokens.change(Mode(mode))
    return {"mode": mode}, 200


@blueprint.get("/replies")
def replies() -> dict[str, object]:
    """Return the configured replies that replace the sandbox's own replies."""
    return {"replies": sandbox.current().replacements.all()}


@blueprint.post("/replies")
def replace_reply() -> tuple[dict[str, object], int]:
    """Replace the replies to requests whose path and query start with `path`.

    Status 0 ends the replacement. An example of the body:
    {"path": "/comments/abc", "status": 500, "body": "html", "times": 3}.
    """
    kept = sandbox.current().replacements
    body = flask.request.get_json(silent=True)
    asked = body if isinstance(body, dict) else {}
    path, content, times = asked.get("path"), asked.get("body", "json"), asked.get("times")
    if not isinstance(path, str) or not path.startswith("/") or len(path) > PATH_MAX:
        return {"error": "path: expected the beginning of a path of the API, such as /user/"}, 422
    status = _number("status")
    if status is None or not (status == 0 or 200 <= status <= 599):
        return {"error": "status: expected 200 to 599, or 0"}, 422
    if content not in BODIES:
        return {"error": f"body: expected one of {', '.join(BODIES)}"}, 422
    if times is not None and (isinstance(times, bool) or not isinstance(times, int) or times < 1):
        return {"error": "times: expected a whole number of 1 or more, or nothing"}, 422
    if status == 0:
        kept.take_away(path)
    else:
        kept.put(path, status=status, body=content, times=times)
    return {"path": path, "status": status}, 200


@blueprint.get("/wrong-replies")
def wrong_replies() -> dict[str, object]:
    """Return the numbers of all replies and of wrong replies.

    The counts begin when a POST to this path sets a share above 0.
    """
    return sandbox.current().wrong_replies.shown()._asdict()


@blueprint.post("/wrong-replies")
def reply_wrongly() -> tuple[dict[str, object], int]:
    """Make a share of all replies wrong, for example {"share": 0.05, "seed": 7, "in_a_row": 4}.

    A page gets at most `in_a_row` consecutive wrong replies. Share 0 ends the wrong replies.
    """
    wrong = sandbox.current().wrong_replies
    body = flask.request.get_json(silent=True)
    asked = body if isinstance(body, dict) else {}
    share = asked.get("share")
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
        return {"error": "share: expected a number from 0 to 1"}, 422
    seed = 0 if "seed" not in asked else _number("seed")
    if seed is None:
        return {"error": "seed: expected a whole number of 0 or more"}, 422
    in_a_row = 1 if "in_a_row" not in asked else _number("in_a_row")
    if in_a_row is None or not 1 <= in_a_row <= IN_A_ROW_MAX:
        return {"error": f"in_a_row: expected a whole number from 1 to {IN_A_ROW_MAX}"}, 422
    if share == 0:
        wrong.end()
    else:
        wrong.begin(share=share, seed=seed, in_a_row=in_a_row)
    return {"share": share, "seed": seed, "in_a_row": in_a_row}, 200


def _number(field: str) -> int | None:
    body = flask.request.get_json(silent=True)
    value = body.get(field) if isinstance(body, dict) else None
    good = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return value if good else None
