"""The exact differences between a changed database and the code, one for each kind of object."""

import pytest
from sqlalchemy import text

from crawljobs.db.administration import drift
from crawljobs.db.database import Database

CHANGES = (
    "CREATE TABLE extra (id int NOT NULL, name text DEFAULT 'x', dropped int)",
    "ALTER TABLE extra DROP COLUMN dropped",
    "ALTER TABLE extra ADD CONSTRAINT extra_id_check CHECK (id > 0)",
    "CREATE INDEX extra_idx ON extra (name)",
    "ALTER TABLE extra SET (fillfactor = 50)",
    "CREATE FUNCTION extra_function() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'",
    "CREATE TRIGGER extra_trigger BEFORE DELETE ON extra EXECUTE FUNCTION extra_function()",
    "ALTER TABLE extra ENABLE ROW LEVEL SECURITY",
    "CREATE POLICY extra_policy ON extra FOR DELETE USING (true)",
    "CREATE RULE extra_rule AS ON UPDATE TO extra DO INSTEAD NOTHING",
    "ALTER TABLE maintenance_runs ALTER COLUMN task TYPE varchar(99)",
)
# Objects that the check does not compare, and objects of another schema.
OTHERS = (
    "CREATE VIEW report AS SELECT 1 AS id",
    "CREATE AGGREGATE extra_sum (int) (sfunc = int4pl, stype = int)",
    "CREATE SCHEMA elsewhere",
    "CREATE TABLE elsewhere.extra (id int PRIMARY KEY)",
)


@pytest.fixture
def changed(database: Database) -> Database:
    with database.begin() as conn:
        for statement in OTHERS:
            conn.execute(text(statement))
    assert drift.find(database) == []
    with database.begin() as conn:
        for statement in CHANGES:
            conn.execute(text(statement))
    return database


def test_each_kind_of_object_is_compared_and_nothing_else(changed: Database) -> None:
    found = [line.partition("\n")[0].rstrip() for line in drift.find(changed)]
    assert found == [
        "missing column maintenance_runs.task text not null default",
        "not in the code: column extra.id integer not null default",
        "not in the code: column extra.name text default 'x'::text",
        "not in the code: column maintenance_runs.task character varying(99) not null default",
        "not in the code: constraint extra_id_check on extra: CHECK ((id > 0))",
        "not in the code: function CREATE OR REPLACE FUNCTION extra_function()",
        "not in the code: index CREATE INDEX extra_idx ON extra USING btree (name)",
        "not in the code: policy extra_policy on extra for d: true,",
        "not in the code: row security of extra: on",
        "not in the code: rule CREATE RULE extra_rule AS",
        "not in the code: storage extra: fillfactor=50",
        (
            "not in the code: trigger CREATE TRIGGER extra_trigger BEFORE DELETE ON extra "
            "FOR EACH STATEMENT EXECUTE FUNCTION extra_function() (fires: O)"
        ),
    ]
