"""GET /api/admin/audit-log/days counts the entries of the last days, up to a limit for each day."""

from datetime import UTC, datetime, timedelta

import flask.testing
from sqlalchemy import text

from crawljobs.db.database import Database
from crawljobs.repository.history import audit_days
from support import plans

Client = flask.testing.FlaskClient
DAY = timedelta(days=1)


def test_the_entries_of_the_audit_log_are_counted_by_day(
    client: Client, database: Database
) -> None:
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    with database.begin() as conn:
        for back, count in {0: 2, 1: 1_001, 2: 5}.items():
            conn.execute(
                text(
                    "INSERT INTO admin_audit_log (at, actor, action, resource_type) "
                    "SELECT :at, 'x', 'y', 'z' FROM generate_series(1, :count)"
                ),
                {"at": today - back * DAY, "count": count},
            )
        plan = plans.generic_plan(conn, audit_days.DAYS, {"days": 30, "now": None})
        assert plans.tables_scanned(plan) == []
    response = client.get("/api/admin/audit-log/days?days=3")
    assert response.json is not None
    assert [each["entries"] for each in response.json["days"]] == [5, 1_000, 2]
    assert response.json["days"][-1]["day"] == today.isoformat().replace("+00:00", "Z")
    assert client.get("/api/admin/audit-log/days?days=61").status_code == 422
