"""The functions, triggers and row policies in the newest revision of the schema.

`migrations check` creates these objects in a temporary schema, and compares them with the objects
in the database.
"""

from __future__ import annotations

FUNCTIONS = (
    """
CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'admin_audit_log is append-only' USING ERRCODE = 'insufficient_privilege';
END
$$
""",
    """
CREATE FUNCTION crawl_jobs_count_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO crawl_job_count_changes (status, change)
    SELECT status, change FROM (VALUES (OLD.status, -1), (NEW.status, 1)) AS moved (status, change)
    WHERE status IN ('succeeded', 'failed', 'cancelled');
    RETURN NULL;
END $$
""",
    """
CREATE FUNCTION crawl_jobs_count_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO crawl_job_count_changes (status, change)
    SELECT status, -count(*) FROM deleted
    WHERE status IN ('succeeded', 'failed', 'cancelled') GROUP BY status;
    RETURN NULL;
END $$
""",
    """
CREATE FUNCTION crawl_job_attempts_count_succeeded() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO crawl_job_count_changes (status, change)
    SELECT 'succeeded', count(*) FROM ended WHERE outcome = 'succeeded' HAVING count(*) > 0;
    RETURN NULL;
END $$
""",
    """
CREATE FUNCTION end_frozen_sessions(silence interval)
RETURNS TABLE (application_name text, ended boolean)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT application_name, pg_terminate_backend(pid) AS ended
    FROM pg_stat_activity
    WHERE datname = current_database() AND pg_has_role(usesysid, 'USAGE')
        AND pid <> pg_backend_pid() AND application_name ~ '^(crawljobs|admin-api)'
        AND state = 'active' AND wait_event = 'ClientRead' AND query NOT ILIKE 'COPY%'
        AND state_change < clock_timestamp() - silence
$$
""",
    # Returns the start of the oldest transaction that has written a row and has not ended. The
    # function runs with the rights of its owner, because only members of the services' roles see
    # when the transactions of the services began.
    """
CREATE FUNCTION oldest_change_start() RETURNS timestamptz
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT min(since) FROM (
        SELECT xact_start FROM pg_stat_activity
        WHERE datname = current_database() AND backend_xid IS NOT NULL
            AND pid <> pg_backend_pid()
        UNION ALL
        SELECT prepared FROM pg_prepared_xacts WHERE database = current_database()
    ) AS writing (since)
$$
""",
    # The transaction of each stored page calls this function. The lock makes an erasure wait for
    # the transactions that read the table before the erasure added the author. The function is
    # volatile, so its query sees the rows that were committed before the lock was granted (decision
    # 146).
    """
CREATE FUNCTION erased_author_keys() RETURNS text[] LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtext('crawljobs erased authors'));
    RETURN (
        SELECT ARRAY[min(key_id), max(key_id)] FROM erased_authors HAVING min(key_id) IS NOT NULL
    );
END $$
""",
)

TRIGGERS = (
    """
CREATE TRIGGER admin_audit_log_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON admin_audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change()
""",
    # ALWAYS: the trigger also fires in a session with session_replication_role = replica.
    "ALTER TABLE admin_audit_log ENABLE ALWAYS TRIGGER admin_audit_log_append_only",
    """
CREATE TRIGGER crawl_jobs_count_change AFTER UPDATE OF status ON crawl_jobs FOR EACH ROW
    WHEN (OLD.status <> NEW.status AND (
        OLD.status IN ('succeeded', 'failed', 'cancelled')
        OR NEW.status IN ('failed', 'cancelled')
        OR NEW.status = 'succeeded' AND OLD.status <> 'crawling'))
    EXECUTE FUNCTION crawl_jobs_count_change()
""",
    """
CREATE TRIGGER crawl_jobs_count_deleted AFTER DELETE ON crawl_jobs
    REFERENCING OLD TABLE AS deleted FOR EACH STATEMENT
    EXECUTE FUNCTION crawl_jobs_count_deleted()
""",
    """
CREATE TRIGGER crawl_job_attempts_count_succeeded AFTER INSERT ON crawl_job_attempts
    REFERENCING NEW TABLE AS ended FOR EACH STATEMENT
    EXECUTE FUNCTION crawl_job_attempts_count_succeeded()
""",
)

# These policies apply to every role that has rights on the table. For each service,
# `db.administration.audit_policies` adds a restrictive policy.
POLICIES = (
    "ALTER TABLE admin_audit_log ENABLE ROW LEVEL SECURITY",
    "CREATE POLICY admin_audit_log_read ON admin_audit_log FOR SELECT USING (true)",
    "CREATE POLICY admin_audit_log_add ON admin_audit_log FOR INSERT WITH CHECK (true)",
)

STATEMENTS = (*FUNCTIONS, *TRIGGERS, *POLICIES)
