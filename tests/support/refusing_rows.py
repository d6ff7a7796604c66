"""Rows that refuse every change, as the trigger of another program could cause in production."""

from sqlalchemy import text

from crawljobs.db.database import Connection

_REFUSE = """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'this row refuses every change'; END $$;
    CREATE TRIGGER refuse BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW
    WHEN (OLD.{key}::text IN ({values})) EXECUTE FUNCTION refuse()
    """


def refuse(conn: Connection, table: str, *values: object, key: str = "id") -> None:
    """Let these rows of the table refuse each later change and deletion."""
    quoted = ", ".join(f"'{value}'" for value in values)
    conn.execute(text(_REFUSE.format(table=table, key=key, values=quoted)))
