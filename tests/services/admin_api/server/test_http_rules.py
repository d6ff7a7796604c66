"""The server checks the head of each request against the rules of HTTP/1.1."""

from http import HTTPStatus

import pytest

from admin_api.server import http_rules
from admin_api.server.http_rules import Refused

HOST = ("HOST", "example.org")
NEW, OLD = (1, 1), (1, 0)


@pytest.mark.parametrize(
    ("version", "headers", "status"),
    [
        (NEW, [HOST], None),
        (OLD, [HOST], None),
        (OLD, [], None),
        (NEW, [], 400),
        (NEW, [HOST, HOST], 400),
        (OLD, [HOST, HOST], None),
        (NEW, [("HOST", "")], None),
        (NEW, [("HOST", "127.0.0.1:8000")], None),
        (NEW, [("HOST", "[::1]:8000")], None),
        (NEW, [("HOST", "a:123456")], 400),
        (NEW, [("HOST", "a/b")], 400),
        (NEW, [("HOST", "a@b")], 400),
        (OLD, [("HOST", "a b")], 400),
        (NEW, [HOST, ("TRANSFER-ENCODING", "chunked")], None),
        (NEW, [HOST, ("TRANSFER-ENCODING", "CHUNKED")], None),
        (NEW, [HOST, ("TRANSFER-ENCODING", "gzip, chunked")], 501),
        (NEW, [HOST, ("TRANSFER-ENCODING", "gzip")], 501),
        (NEW, [HOST, ("TRANSFER-ENCODING", "chunked"), ("TRANSFER-ENCODING", "chunked")], 501),
        ((2, 0), [HOST], 505),
        ((0, 9), [HOST], 505),
        ((1, 2), [HOST], 505),
    ],
)
def test_a_head_is_refused_by_its_status(
    version: tuple[int, int], headers: list[tuple[str, str]], status: int | None
) -> None:
    if status is None:
        http_rules.check(version, headers)
        return
    with pytest.raises(Refused) as refused:
        http_rules.check(version, headers)
    assert refused.value.status == status
    assert str(refused.value) == refused.value.detail


def test_other_refusals_have_their_status_and_say_what_to_do() -> None:
    found = {
        http_rules.overload().status: http_rules.overload(),
        http_rules.late().status: http_rules.late(),
        http_rules.head_too_long(is_first_line=True).status: None,
        http_rules.head_too_long(is_first_line=False).status: None,
    }
    assert set(found) == {
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.REQUEST_URI_TOO_LONG,
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    }
    assert http_rules.overload().headers == {"Retry-After": "2"}
    assert http_rules.late().headers == {}
