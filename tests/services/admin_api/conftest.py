"""The application in this process, and the same one behind a real gunicorn."""

from collections.abc import Callable, Iterator

import flask
import flask.testing
import pytest

from admin_api import app as application
from admin_api import state
from support import admin_api
from support.databases import Databases


@pytest.fixture
def make_app() -> Iterator[Callable[..., flask.Flask]]:
    """Applications on any database, closed at the end."""
    made: list[flask.Flask] = []

    def make(database_url: str, **variables: str) -> flask.Flask:
        app = application.create_app(
            {"ADMIN_API_TOKEN": admin_api.TOKEN, "DATABASE_URL": database_url, **variables}
        )
        app.test_client_class = admin_api.CheckedClient
        made.append(app)
        return app

    yield make
    for app in made:
        state.of(app).close()


@pytest.fixture
def app(make_app: Callable[..., flask.Flask], database_url: str) -> flask.Flask:
    return make_app(database_url)


@pytest.fixture
def client(app: flask.Flask) -> flask.testing.FlaskClient:
    return admin_api.with_token(app)


@pytest.fixture
def offline(make_app: Callable[..., flask.Flask]) -> flask.testing.FlaskClient:
    """A client of an application whose database is down: enough for what must not reach it."""
    return admin_api.with_token(make_app("postgresql://nobody@127.0.0.1:1/none"))


@pytest.fixture(scope="module")
def server(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[admin_api.Gunicorn]:
    """One gunicorn with a database of its own for all tests of a module."""
    with databases.clone() as url:
        started = admin_api.start_gunicorn(tmp_path_factory.mktemp("gunicorn"), url)
        yield started
        started.stop()
