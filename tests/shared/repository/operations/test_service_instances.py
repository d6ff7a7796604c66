"""Each running process stores a row about itself. Lists show these rows."""

from datetime import timedelta

from sqlalchemy import text

from crawljobs.db.database import Connection
from crawljobs.repository.operations import service_instances
from support.jobs import T0

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


def seen(conn: Connection, name: str, *, at: timedelta = SECOND, **values: object) -> None:
    given = {"role": "scheduler", "version": "1", "details": {}, **values}
    service_instances.seen(conn, name=name, now=T0 + at, **given)  # type: ignore[arg-type]


def test_a_process_that_starts_again_has_a_new_start_and_one_that_goes_on_has_not(
    conn: Connection,
) -> None:
    seen(conn, "a", at=0 * SECOND, starts=True)
    seen(conn, "a", at=SECOND, role="admin-api", version="2", details={"x": 1})
    (found,) = service_instances.list_instances(conn, now=T0 + SECOND)
    assert (found.started_at, found.seen_at) == (T0, T0 + SECOND)
    assert (found.role, found.version, found.details) == ("admin-api", "2", {"x": 1})
    seen(conn, "a", at=2 * SECOND, starts=True)
    (found,) = service_instances.list_instances(conn, now=T0)
    assert found.started_at == T0 + 2 * SECOND


def test_a_process_is_alive_for_a_minute(conn: Connection) -> None:
    seen(conn, "a", at=0 * SECOND)
    for age, alive in ((MINUTE - SECOND, True), (MINUTE, False)):
        (found,) = service_instances.list_instances(conn, now=T0 + age)
        assert found.alive is alive
    (found,) = service_instances.list_instances(conn, now=T0 + MINUTE, alive_within=MINUTE + SECOND)
    assert found.alive


def test_processes_are_listed_by_name_those_of_a_role_and_after_a_name(conn: Connection) -> None:
    for name, role in (("c", "scheduler"), ("a", "admin-api"), ("b", "scheduler")):
        seen(conn, name, role=role)

    def names(**chosen: object) -> list[str]:
        found = service_instances.list_instances(conn, now=T0, **chosen)  # type: ignore[arg-type]
        return [one.name for one in found]

    assert names() == ["a", "b", "c"]
    assert names(role="scheduler") == ["b", "c"]
    assert names(after="a") == ["b", "c"]
    assert names(after="b", role="scheduler") == ["c"]
    assert names(limit=2) == ["a", "b"]


def test_a_process_that_ended_is_gone_and_no_other(conn: Connection) -> None:
    for name in ("a", "b"):
        seen(conn, name)
    service_instances.gone(conn, name="a")
    assert conn.execute(text("SELECT name FROM service_instances")).scalars().all() == ["b"]


def test_a_list_has_a_hundred_processes_unless_another_number_is_given(conn: Connection) -> None:
    for number in range(101):
        seen(conn, f"{number:03}")
    listed = [one.name for one in service_instances.list_instances(conn, now=T0)]
    assert listed == [f"{number:03}" for number in range(100)]


def test_a_heartbeat_after_the_first_keeps_the_start(conn: Connection) -> None:
    seen(conn, "a", at=0 * SECOND, starts=True)
    seen(conn, "a", at=9 * SECOND)
    (found,) = service_instances.list_instances(conn, now=T0)
    assert (found.started_at, found.seen_at) == (T0, T0 + 9 * SECOND)
