"""Refuse a database whose encoding or locale would alter stored names and texts.

Names of subreddits are unique in lower case. So the database's indexes and this code must convert
a name to the same lower case. With a Turkish or Azeri locale, `lower('I')` is not `i`.
"""

from __future__ import annotations

import string
from typing import Any

import psycopg

from crawljobs import errors

ENCODING = "UTF8"
# A query that returns whether the server converts letters to the same lower case as Python. The
# query returns a boolean and not the letters, because a database with the encoding SQL_ASCII would
# return the letters as bytes.
LOWERS_AS_WE_DO = (
    f"SELECT lower('{string.ascii_uppercase}') = '{string.ascii_lowercase}' "
    f"AND lower('{string.ascii_lowercase}') = '{string.ascii_lowercase}'"
)


def check_encoding(connection: psycopg.Connection[Any]) -> None:
    """Raise UnusableDatabase unless the database stores text as UTF-8. Sends no query."""
    encoding = connection.info.parameter_status("server_encoding")
    if encoding is not None and encoding != ENCODING:
        name = connection.info.dbname
        raise errors.UnusableDatabase(
            f"the database {name} has the encoding {encoding[:40]}, which is not {ENCODING}: "
            f"{_advice(name)}"
        )


def check_letters(lowers_as_we_do: object, name: str) -> None:
    """Raise UnusableDatabase unless the query `LOWERS_AS_WE_DO` returned true.

    `name` is the name of the database, for the error message.
    """
    if lowers_as_we_do is not True:
        raise errors.UnusableDatabase(
            f"the database {name} has a locale in which lower('I') is not 'i': {_advice(name)}"
        )


def check(connection: psycopg.Connection[Any]) -> None:
    """Call `check_encoding` and `check_letters` for the database of this connection."""
    check_encoding(connection)
    (answer,) = connection.execute(LOWERS_AS_WE_DO).fetchone() or (None,)
    check_letters(answer, connection.info.dbname)


def _advice(name: str) -> str:
    quoted = name.replace('"', '""')
    return (
        f"make another with CREATE DATABASE \"{quoted}\" TEMPLATE template0 ENCODING '{ENCODING}' "
        "LOCALE 'C'"
    )
