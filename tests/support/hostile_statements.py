"""Statements by which a service's role could try to forge or block the audit log.

Each statement is a template. `{actor}` is an actor that the role may write. `{mark}` is a request
id that shows which role wrote a row. `{role}`, `{owner}` and `{other}` are roles. Some statements
are allowed and harmless.
"""

LOG = "admin_audit_log"
_ROW = "(actor, action, resource_type, request_id)"
_VALUES = "('{actor}', 'x', 'x', '{mark}')"

INSERTS = (
    f"INSERT INTO {LOG} {_ROW} VALUES {_VALUES}",
    (
        f"INSERT INTO {LOG} {_ROW} "
        "SELECT '{actor}', 'x', 'x', '{mark}' FROM generate_series(1, 50)"
    ),
    (
        f"INSERT INTO {LOG} (actor, action, resource_type, request_id, before) "
        "VALUES ('{actor}', 'x', 'crawl_job', '{mark}', "
        "jsonb_build_object('a', repeat('x', 60000)))"
    ),
    (
        f"INSERT INTO {LOG} (actor, action, resource_type, request_id, after) "
        "VALUES ('{actor}', 'x', 'x', '{mark}', (repeat('[', 3000) || repeat(']', 3000))::jsonb)"
    ),
    (
        f"INSERT INTO {LOG} (actor, action, resource_type, request_id, after) "
        "VALUES ('{actor}', 'x', 'x', '{mark}', ('1' || repeat('0', 9000))::jsonb)"
    ),
    (
        f"INSERT INTO {LOG} (actor, action, resource_type, request_id, before) "
        "VALUES ('{actor}', 'x', 'x', '{mark}', to_jsonb(repeat('x', 2000000)))"
    ),
    (
        f"INSERT INTO {LOG} (actor, action, resource_type, request_id) "
        "VALUES (repeat('a', 1000000), 'x', 'x', '{mark}')"
    ),
    (
        f"INSERT INTO {LOG} (actor, action, resource_type, request_id) "
        "VALUES ('{actor}', repeat('x', 90), repeat('y', 90), '{mark}')"
    ),
    (
        f"INSERT INTO {LOG} (id, actor, action, resource_type, request_id) "
        "OVERRIDING SYSTEM VALUE VALUES (1000000000, '{actor}', 'x', 'x', '{mark}')"
    ),
    (
        f"INSERT INTO {LOG} (id, actor, action, resource_type, request_id) "
        "OVERRIDING SYSTEM VALUE "
        "SELECT g, '{actor}', 'x', 'x', '{mark}' FROM generate_series(1, 99) g"
    ),
    (
        f"INSERT INTO {LOG} (at, actor, action, resource_type, request_id) "
        "VALUES ('infinity', '{actor}', 'x', 'x', '{mark}')"
    ),
    (
        f"INSERT INTO {LOG} (at, actor, action, resource_type, request_id) "
        "VALUES ('-infinity', '{actor}', 'x', 'x', '{mark}')"
    ),
    (
        f"INSERT INTO {LOG} (at, actor, action, resource_type, request_id) "
        "VALUES (now() - interval '1 year', '{actor}', 'x', 'x', '{mark}')"
    ),
    (
        f"INSERT INTO {LOG} (db_role, actor, action, resource_type, request_id) "
        "VALUES ('{other}', '{actor}', 'x', 'x', '{mark}')"
    ),
    (
        f"INSERT INTO {LOG} (transaction_id, actor, action, resource_type, request_id) "
        "VALUES ('3', '{actor}', 'x', 'x', '{mark}')"
    ),
    f"INSERT INTO {LOG} {_ROW} VALUES ('system:scheduler', 'x', 'x', '{{mark}}')",
    f"INSERT INTO {LOG} {_ROW} VALUES ('system:crawler-worker', 'x', 'x', '{{mark}}')",
    f"INSERT INTO {LOG} {_ROW} VALUES ('SYSTEM:scheduler', 'x', 'x', '{{mark}}')",
    f"INSERT INTO {LOG} {_ROW} VALUES ('bootstrap', 'x', 'x', '{{mark}}')",
    f"INSERT INTO {LOG} VALUES (DEFAULT, DEFAULT, '{{actor}}', 'x', 'x')",
    f"INSERT INTO {LOG} {_ROW} VALUES {_VALUES} ON CONFLICT DO NOTHING",
    f"INSERT INTO {LOG} {_ROW} VALUES {_VALUES} ON CONFLICT (id) DO UPDATE SET actor = 'evil'",
    f"INSERT INTO {LOG} {_ROW} VALUES {_VALUES} RETURNING *",
    f"COPY {LOG} {_ROW} FROM PROGRAM 'echo evil'",
    f"COPY {LOG} FROM '/etc/hostname'",
    f"MERGE INTO {LOG} USING (SELECT 1) s ON true WHEN MATCHED THEN UPDATE SET actor = 'evil'",
    f"SELECT pg_sleep(0.3); INSERT INTO {LOG} {_ROW} VALUES {_VALUES}",
)

CHANGES = (
    f"UPDATE {LOG} SET actor = 'evil'",
    f"UPDATE {LOG} SET at = 'infinity' WHERE id = (SELECT max(id) FROM {LOG})",
    f"DELETE FROM {LOG}",
    f"DELETE FROM {LOG} WHERE false",
    f"TRUNCATE {LOG}",
    f"TRUNCATE {LOG} RESTART IDENTITY CASCADE",
    f"WITH gone AS (DELETE FROM {LOG} RETURNING 1) SELECT count(*) FROM gone",
    f"SELECT * FROM {LOG} FOR UPDATE",
    f"SELECT * FROM {LOG} FOR KEY SHARE",
)

DEFINITIONS = (
    f"ALTER TABLE {LOG} DISABLE TRIGGER ALL",
    f"ALTER TABLE {LOG} DISABLE ROW LEVEL SECURITY",
    f"ALTER TABLE {LOG} DROP COLUMN actor",
    f"ALTER TABLE {LOG} ALTER COLUMN db_role SET DEFAULT 'evil'",
    f"ALTER TABLE {LOG} ADD CONSTRAINT evil CHECK (actor <> 'bootstrap') NOT VALID",
    f"ALTER TABLE {LOG} OWNER TO CURRENT_USER",
    f"ALTER TABLE {LOG} RENAME TO gone",
    f"ALTER TABLE {LOG} SET SCHEMA pg_temp",
    f"ALTER TABLE {LOG} INHERIT crawl_jobs",
    f"DROP TABLE {LOG} CASCADE",
    f"DROP TRIGGER admin_audit_log_append_only ON {LOG}",
    "DROP FUNCTION refuse_audit_change() CASCADE",
    f"DROP POLICY {{role}}_audit ON {LOG}",
    f"DROP INDEX {LOG}_at_idx",
    f"CREATE POLICY evil ON {LOG} FOR ALL USING (true)",
    (
        f"CREATE TRIGGER evil BEFORE INSERT ON {LOG} FOR EACH ROW "
        "EXECUTE FUNCTION refuse_audit_change()"
    ),
    f"CREATE RULE evil AS ON INSERT TO {LOG} DO INSTEAD NOTHING",
    f"CREATE INDEX evil ON {LOG} (actor)",
    f"CREATE UNIQUE INDEX evil ON {LOG} (actor)",
    (
        "CREATE OR REPLACE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql "
        "AS $$ BEGIN RETURN NULL; END $$"
    ),
    f"COMMENT ON TABLE {LOG} IS 'evil'",
    "COMMENT ON TABLE alembic_version IS 'runs code from 0000'",
    "UPDATE alembic_version SET version_num = '0000'",
    f"REINDEX TABLE {LOG}",
    f"CLUSTER {LOG}",
    f"VACUUM FULL {LOG}",
    f"ANALYZE {LOG}",
    f"CREATE STATISTICS evil ON actor, action FROM {LOG}",
    f"CREATE PUBLICATION evil FOR TABLE {LOG}",
    "DROP OWNED BY CURRENT_USER",
    "REASSIGN OWNED BY {owner} TO CURRENT_USER",
)

SHADOWS = (
    f"CREATE TEMP TABLE {LOG} (id int)",
    f"CREATE TABLE {LOG} (id int)",
    f"CREATE VIEW pg_temp.{LOG} AS SELECT 1",
    f"CREATE SCHEMA evil CREATE TABLE {LOG} (id int)",
    (
        "CREATE FUNCTION pg_temp.pg_current_xact_id() RETURNS xid8 LANGUAGE sql "
        "AS $$ SELECT '3'::xid8 $$"
    ),
    (
        "CREATE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql "
        "AS $$ SELECT 'infinity'::timestamptz $$"
    ),
    "CREATE FUNCTION public.lower(text) RETURNS text LANGUAGE sql AS $$ SELECT 'x' $$",
    "CREATE OPERATOR public.<> (leftarg = text, rightarg = text, function = texteq)",
    "CREATE DOMAIN public.text AS pg_catalog.text",
    "CREATE TYPE public.evil AS ENUM ('a')",
    "CREATE CAST (text AS int) WITH INOUT AS IMPLICIT",
    "CREATE SEQUENCE evil",
    "CREATE EXTENSION plpgsql",
    "CREATE COLLATION evil (locale = 'C')",
    "SET search_path = pg_temp, evil",
    "SET search_path = ''",
    "DISCARD ALL",
)

ESCALATIONS = (
    "SET ROLE {owner}",
    "SET ROLE {other}",
    "SET SESSION AUTHORIZATION {other}",
    "SET session_replication_role = replica",
    "SET LOCAL session_replication_role = replica",
    "SELECT set_config('session_replication_role', 'replica', false)",
    "SET row_security = off",
    "SET allow_system_table_mods = on",
    "SET zero_damaged_pages = on",
    "SET default_transaction_read_only = on",
    "SET transform_null_equals = on",
    "ALTER SYSTEM SET max_connections = 1",
    "ALTER DATABASE postgres SET default_transaction_read_only = on",
    "ALTER ROLE {other} SET default_transaction_read_only = on",
    "ALTER ROLE {other} PASSWORD 'evil'",
    "ALTER ROLE {role} BYPASSRLS",
    "ALTER ROLE {role} SUPERUSER",
    "ALTER ROLE {role} CONNECTION LIMIT -1",
    "ALTER ROLE {role} SET session_replication_role = replica",
    "CREATE ROLE evil",
    "DROP ROLE {other}",
    f"GRANT ALL ON {LOG} TO CURRENT_USER",
    f"GRANT INSERT ON {LOG} TO PUBLIC",
    f"REVOKE INSERT ON {LOG} FROM {{other}}",
    "GRANT {owner} TO CURRENT_USER",
    "GRANT pg_write_all_data TO CURRENT_USER",
    "UPDATE pg_class SET relowner = 0",
    "DELETE FROM pg_policy",
    "UPDATE pg_trigger SET tgenabled = 'D'",
    "LOAD 'auto_explain'",
    "DO LANGUAGE plpython3u $$ pass $$",
    f"DO $$ BEGIN EXECUTE 'DELETE FROM {LOG}'; END $$",
    (
        f"DO $$ BEGIN EXECUTE 'ALTER TABLE {LOG} DISABLE TRIGGER ALL'; "
        "EXCEPTION WHEN OTHERS THEN NULL; END $$"
    ),
    (
        f"DO $$ BEGIN FOR i IN 1..50 LOOP BEGIN INSERT INTO {LOG} {_ROW} "
        f"VALUES {_VALUES}; RAISE 'x'; EXCEPTION WHEN OTHERS THEN NULL; END; END LOOP; END $$"
    ),
)

SEQUENCES = (
    f"SELECT setval('{LOG}_id_seq', 1, false)",
    f"SELECT setval('{LOG}_id_seq', 9223372036854775807)",
    f"SELECT nextval('{LOG}_id_seq') FROM generate_series(1, 100000)",
    f"ALTER SEQUENCE {LOG}_id_seq RESTART",
    f"ALTER TABLE {LOG} ALTER COLUMN id RESTART WITH 1",
    f"SELECT * FROM {LOG}_id_seq",
)

LOCKS = (
    *(
        f"LOCK TABLE {LOG} IN {mode} MODE"
        for mode in (
            "ACCESS SHARE",
            "ROW SHARE",
            "ROW EXCLUSIVE",
            "SHARE UPDATE EXCLUSIVE",
            "SHARE",
            "SHARE ROW EXCLUSIVE",
            "EXCLUSIVE",
            "ACCESS EXCLUSIVE",
        )
    ),
    "LOCK TABLE pg_catalog.pg_class IN ACCESS EXCLUSIVE MODE",
    "LOCK TABLE pg_catalog.pg_authid IN ACCESS EXCLUSIVE MODE",
    "LOCK TABLE crawl_jobs IN ACCESS EXCLUSIVE MODE",
    "SELECT pg_advisory_xact_lock(n) FROM generate_series(1, 1000) AS n",
    "SELECT pg_advisory_lock(hashtext('crawljobs token x'))",
    "SELECT pg_try_advisory_lock(hashtext('crawljobs migrations'))",
    f"SELECT count(*) FROM {LOG}, pg_sleep(1)",
    "SELECT 1 FROM pg_stat_activity, pg_cancel_backend(pid) WHERE usename = '{other}'",
    "SELECT 1 FROM pg_stat_activity, pg_terminate_backend(pid) WHERE usename = '{other}'",
    (
        "SELECT 1 FROM pg_stat_activity, pg_cancel_backend(pid) "
        "WHERE usename = '{role}' AND pid <> pg_backend_pid() LIMIT 1"
    ),
    (
        "SELECT 1 FROM pg_stat_activity, pg_terminate_backend(pid) "
        "WHERE usename = '{role}' AND pid <> pg_backend_pid() LIMIT 1"
    ),
    "SELECT end_frozen_sessions('0 s')",
    "SELECT pg_sleep(1)",
)

SECRETS = (
    "SELECT rolpassword FROM pg_authid",
    "SELECT passwd FROM pg_shadow",
    "SELECT token_hash, name FROM api_tokens",
    "SELECT access_token FROM reddit_tokens",
    "SELECT body FROM idempotency_keys",
    f"SELECT * FROM {LOG} LIMIT 100",
    f"COPY (SELECT * FROM {LOG}) TO '/tmp/evil'",
    f"COPY {LOG} TO PROGRAM 'cat'",
    "SELECT pg_read_file('pg_hba.conf')",
    "SELECT pg_ls_dir('.')",
    "SELECT lo_import('/etc/passwd')",
    "SELECT query FROM pg_stat_activity",
    "SELECT * FROM pg_hba_file_rules",
    "SELECT most_common_vals FROM pg_stats WHERE tablename = 'api_tokens'",
    "SELECT * FROM pg_statistic",
    "SELECT umoptions FROM pg_user_mappings",
)

ALL = (
    *INSERTS,
    *CHANGES,
    *DEFINITIONS,
    *SHADOWS,
    *ESCALATIONS,
    *SEQUENCES,
    *LOCKS,
    *SECRETS,
)
