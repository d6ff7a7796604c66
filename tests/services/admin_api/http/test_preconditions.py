"""What If-Match may hold, and what a refusal advises."""

import flask
import flask.testing
import pytest

from admin_api.http import preconditions
from admin_api.http.problems import Problem


@pytest.mark.parametrize("required", [True, False])
@pytest.mark.parametrize(
    ("given", "code", "detail"),
    [
        ('"7"', None, ""),
        ('"6", "7"', None, ""),
        ("*", None, ""),
        ('"6"', "precondition_failed", "The current version is 7."),
        ('"77"', "precondition_failed", "The current version is 7."),
        ('W/"7"', "precondition_failed", "If-Match accepts no weak ETag."),
        ('W/"6"', "precondition_failed", "The current version is 7."),
        ('W/"7", "7"', None, ""),
        ("", "precondition_failed", "The current version is 7."),
    ],
)
def test_a_change_needs_the_current_version(
    offline: flask.testing.FlaskClient, required: bool, given: str, code: str | None, detail: str
) -> None:
    with offline.application.test_request_context("/", headers={"If-Match": given}):
        if code is None:
            preconditions.check(7, required=required)
            return
        with pytest.raises(Problem) as refused:
            preconditions.check(7, required=required)
    assert refused.value.code == code
    assert refused.value.detail.startswith(detail)


def test_a_change_without_a_version_is_refused_where_it_needs_one(
    offline: flask.testing.FlaskClient,
) -> None:
    with offline.application.test_request_context("/"):
        preconditions.check(7, required=False)
        with pytest.raises(Problem) as refused:
            preconditions.check(7, required=True)
    assert refused.value.code == "precondition_required"


def test_the_etag_of_a_version_is_strong() -> None:
    assert preconditions.etag(7) == {"ETag": '"7"'}
