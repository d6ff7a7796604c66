"""The route that issues tokens. Reddit serves it on another host than the API."""

import secrets

import flask

from reddit_sandbox import answers, sandbox

blueprint = flask.Blueprint("token", __name__)

# A client id such as error_invalid_grant gets the error `invalid_grant` with status 200.
ERROR_CLIENT = "error_"
# Reddit's replies to a request for a token with a grant type other than client_credentials.
_REFUSED = {
    "password": {
        "error_description": "Only script apps may use password auth",
        "error": "unauthorized_client",
    },
    "authorization_code": {"error": "invalid_grant"},
    "https://oauth.reddit.com/grants/installed_client": {
        "error_description": "bad device_id",
        "error": "invalid_request",
    },
}


@blueprint.post("/api/v1/access_token")
def access_token() -> flask.Response:
    """Issue a token for client credentials. Some errors have status 200, as on Reddit."""
    box = sandbox.current()
    asked = flask.request.authorization
    client = (asked.username or "") if asked and asked.type == "basic" else ""
    secret = (asked.password or "") if asked and asked.type == "basic" else ""
    flask.g.client = client or None
    if any(each["path"].startswith("/api/v1/") for each in box.replacements.all()):
        replaced = box.replacements.reply()
        if replaced is not None:
            return replaced
    wrong = box.wrong_replies.reply()
    if wrong is not None:
        return wrong
    grant = box.token_window.take(client)
    if grant is None:
        return answers.error(429)
    if not _matches(client, box.options.client_id) or not _matches(
        secret, box.options.client_secret
    ):
        return answers.error(401)
    wanted = flask.request.form.get("grant_type", "")
    if client.startswith(ERROR_CLIENT):
        found = answers.data({"error": client.removeprefix(ERROR_CLIENT)})
    elif wanted != "client_credentials":
        found = answers.data(_REFUSED.get(wanted, {"error": "unsupported_grant_type"}))
    else:
        given = {"access_token": box.tokens.give(client), "token_type": "bearer"}
        scope = flask.request.form.get("scope") or "*"
        found = answers.data({**given, "expires_in": box.tokens.seconds, "scope": scope})
    answers.add_headers(
        found,
        {
            "x-ratelimit-remaining": str(grant.remaining),
            "x-ratelimit-used": str(grant.used),
            "x-ratelimit-reset": str(grant.reset),
        },
    )
    return found


def _matches(given: str, expected: str) -> bool:
    if not expected:
        return bool(given)
    return secrets.compare_digest(given.encode(), expected.encode())
