"""Create a role on the embedded Postgres for each service, with only the rights of the service."""

from pathlib import Path

from crawljobs import errors
from crawljobs.db.administration import (
    audit_policies,
    granting,
    grants,
    rights,
    role_settings,
    roles,
    server_functions,
)
from crawljobs.db.database import Database
from onebox.demo_errors import PostgresError
from onebox.postgres.embedded_postgres import EmbeddedPostgres

PREFIX = "crawljobs"
KINDS = {
    "admin-api": grants.ADMIN_API,
    "crawler-worker": grants.CRAWLER_WORKER,
    "scheduler": grants.SCHEDULER,
}
# The modules that define the roles. After a change of a module, the roles must be set up again.
SOURCES = (
    Path(__file__),
    *(
        Path(str(module.__file__))
        for module in (
            audit_policies,
            granting,
            grants,
            rights,
            role_settings,
            roles,
            server_functions,
        )
    ),
)


def urls(postgres: EmbeddedPostgres, database: str) -> dict[str, str]:
    """Return the database address of each service, with the service's own role."""
    return {
        service: postgres.url_as(f"{PREFIX}_{kind}", postgres.password_of(kind), database)
        for service, kind in KINDS.items()
    }


def reader_url(postgres: EmbeddedPostgres, database: str) -> str:
    """Return the database address for a role that reads the crawled content and changes nothing."""
    role = f"{PREFIX}_{grants.READER}"
    return postgres.url_as(role, postgres.password_of(grants.READER), database)


def set_up(postgres: EmbeddedPostgres, database: str) -> None:
    """Create the roles of the services and the reader's role, with their rights.

    Raises PostgresError.
    """
    passwords = {kind: postgres.password_of(kind) for kind in (*KINDS.values(), grants.READER)}
    opened = Database(postgres.url(database), pool_size=1)
    try:
        roles.set_up(opened, prefix=PREFIX, passwords=passwords)
    except errors.CrawljobsError as error:
        raise PostgresError(f"The database's roles cannot be made: {error}") from error
    finally:
        opened.close()
