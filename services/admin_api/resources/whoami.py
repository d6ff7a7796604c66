"""/api/whoami: the token of the request."""

from __future__ import annotations

from admin_api.http import auth
from admin_api.http.blueprint import Blueprint
from admin_api.http.request.identity import Identity
from admin_api.schemas.whoami import WhoamiSchema

PREFIX = "/api/whoami"

# Every valid token may read its own name and scopes, so this blueprint needs no scope.
blueprint = Blueprint(
    "whoami", __name__, url_prefix=PREFIX, reads=None, description="The token of the request"
)


@blueprint.get("")
@blueprint.answers(200, WhoamiSchema, "The token of the request.")
def show_token_of_request() -> Identity:
    """Show the name, the scopes and the expiry time of the token that you sent

    Any valid token may send this request, without any scope. Use the answer to test a token, and to
    learn when the token expires.
    """
    return auth.current_identity()
