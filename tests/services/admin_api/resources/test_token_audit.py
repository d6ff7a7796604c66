"""The audit log records who created and revoked a token, and never contains a secret."""

import flask.testing

from crawljobs.db.database import Database
from crawljobs.repository.operations import audit_log

TOKENS = "/api/admin/tokens"


def test_the_making_and_the_revoking_of_a_token_are_audited(
    client: flask.testing.FlaskClient, database: Database
) -> None:
    made = client.post(TOKENS, json={"name": "robot", "scopes": ["read"]}).get_json()
    assert client.delete(f"{TOKENS}/{made['id']}").status_code == 200
    with database.begin() as conn:
        revoked, created = audit_log.list_entries(conn, limit=2).entries
    assert [(one.action, one.resource_type, one.resource_id) for one in (created, revoked)] == [
        ("create", "api_token", made["id"]),
        ("revoke", "api_token", made["id"]),
    ]
    assert created.after is not None
    assert revoked.before is not None
    assert revoked.after is not None
    assert (created.after["name"], created.after["live"]) == ("robot", True)
    assert (revoked.before["live"], revoked.after["live"]) == (True, False)
    assert revoked.after["revoked_by"] == "bootstrap"
    assert made["token"] not in str([created, revoked])
