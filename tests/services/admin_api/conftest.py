"""Fixtures of the API's application: in the process of the tests, and in a real gunicorn server."""

import contextlib
from collections.abc import Callable, Iterator

import flask
import flask.testing
import pytest

from support import admin_api
from support.databases import Databases


@pytest.fixture
def make_app() -> Iterator[Callable[..., flask.Flask]]:
    """Yield a function that creates an application for a database URL. Closes all at the end."""
    with contextlib.ExitStack() as stack:
        yield lambda url, **variables: stack.enter_context(admin_api.opened(url, **variables))


@pytest.fixture
def app(make_app: Callable[..., flask.Flask], database_url: str) -> flask.Flask:
    return make_app(database_url)


@pytest.fixture
def client(app: flask.Flask) -> flask.testing.FlaskClient:
    return admin_api.with_token(app)


@pytest.fixture(scope="session")
def offline() -> Iterator[flask.testing.FlaskClient]:
    """Yield a client without a database, for requests that are answered without one."""
    with admin_api.opened("postgresql://nobody@127.0.0.1:1/none") as app:
        yield admin_api.with_token(app)


@pytest.fixture(scope="module")
def server(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[admin_api.Gunicorn]:
    """Yield a gunicorn server with its own database. All tests of a module share it."""
    with databases.clone() as url:
        started = admin_api.start_gunicorn(tmp_path_factory.mktemp("gunicorn"), url)
        yield started
        started.stop()
