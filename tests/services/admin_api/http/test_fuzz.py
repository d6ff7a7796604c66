"""schemathesis generates valid and invalid requests from the OpenAPI document and sends them."""

from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

from crawljobs.db.database import Database
from crawljobs.domain.job import JobStatus
from support import admin_api
from support.databases import Databases
from support.jobs import in_status

# The number of requests for each operation and mode (valid or invalid). FEW take 3 s, MANY take
# minutes.
FEW, MANY = 2, 100
RELAXED = settings(
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    database=None,
    phases=[Phase.generate],  # to shrink a failing request would take minutes
)


@pytest.fixture(scope="module")
def api_schema(databases: Databases) -> Iterator[schemathesis.BaseSchema]:
    """Yield the schema of an API with a job in each status, a schedule and a token."""
    with databases.clone() as url, admin_api.opened(url) as app:
        opened = Database(url)
        with opened.begin() as conn:
            for status in sorted(JobStatus, key=lambda one: one is JobStatus.QUEUED):
                in_status(conn, status, f"in_{status}")
        opened.close()
        client = admin_api.with_token(app)
        schedule = {"name": "one", "subreddit": "python", "cron_expression": "@daily"}
        assert client.post("/api/admin/scheduled-jobs", json=schedule).status_code == 201
        yield schemathesis.openapi.from_wsgi("/docs/openapi.json", app)


# schemathesis does not unpack compressed answers of a WSGI application.
TOKEN = {"Authorization": f"Bearer {admin_api.TOKEN}", "Accept-Encoding": "identity"}


# The check ignored_auth would fail, because schemathesis does not know that the token is valid.
# test_auth.py sends wrong tokens.
OURS = [ignored_auth]

# The codes with which the API may refuse a valid request. The reason lies in stored data or in a
# grammar that a schema cannot express.
REFUSALS = {
    "group_awaited",
    "group_closed",
    "group_finished",
    "group_too_large",
    "group_unfinished",
    "step_not_held",
    "illegal_transition",
    "no_content_key",
    "invalid_cursor",
    "key_reused",
    "live_job_exists",
    "not_found",
    "not_paused",
    "precondition_failed",
    "count_mismatch",
    "duplicate_name",
    "too_many_tokens",
    "token_revoked",
    "answer_not_kept",
}
# Texts in messages about NUL characters, unpaired surrogates and blank text. A schema cannot
# express these rules exactly.
UNSAYABLE = ("holds ", "must not be blank")
# The schema gives the spelling of a name. It does not list the names of Reddit's own listings.
LISTING = "no subreddit but a listing of Reddit's own"
GRAMMARS = {"/cron_expression", "/timezone", "/subreddit_id", "/url"}
# A schema cannot express that a time is in the future, or that a range has a largest length.
FUTURE = {"/expires_at", "/until", "/from", "/to"}


def complaints(api: schemathesis.BaseSchema, examples: int) -> dict[str, str]:
    """Return the differences between the API and its document, by operation."""
    found: dict[str, str] = {}
    for result in api.get_all_operations():
        operation = result.ok()
        for mode, send in (
            (schemathesis.GenerationMode.POSITIVE, send_what_is_allowed),
            (schemathesis.GenerationMode.NEGATIVE, send_what_is_not),
        ):
            fuzzed = settings(RELAXED, max_examples=examples)(
                given(case=operation.as_strategy(generation_mode=mode))(send)
            )
            try:
                fuzzed()
            except Unsatisfiable:
                pass  # no invalid request exists for this operation
            except (Exception, BaseExceptionGroup) as error:  # noqa: BLE001 - reported below
                found[f"{operation.label} {mode.value}"] = _told(error)
    return found


def send_what_is_allowed(case: schemathesis.Case) -> None:
    response = case.call(headers=TOKEN)
    case.validate_response(response, excluded_checks=[*OURS, positive_data_acceptance])
    if response.status_code >= 400:
        problem = response.json()
        pointers = {
            error["pointer"]
            for error in problem["errors"]
            if not error["detail"].startswith(UNSAYABLE) and LISTING not in error["detail"]
        }
        assert problem["errors"] or problem["code"] in REFUSALS, problem
        assert problem["code"] in REFUSALS or pointers <= GRAMMARS | FUTURE, problem


def send_what_is_not(case: schemathesis.Case) -> None:
    # In a query string, an empty list, an empty object or null becomes a valid value or disappears.
    assume(not any(value in ([], {}, None) for value in (case.query or {}).values()))
    # An optional body that is left out makes a valid request, which stored data may refuse.
    case.call_and_validate(headers=TOKEN, excluded_checks=[*OURS, positive_data_acceptance])


def _told(error: BaseException) -> str:
    inner = getattr(error, "exceptions", ())
    return "\n".join([str(error), *(_told(one) for one in inner)])


def report(found: dict[str, str]) -> str:
    return "\n\n".join(f"{name}: {said}" for name, said in found.items())


def test_a_few_requests_of_each_kind_find_nothing(api_schema: schemathesis.BaseSchema) -> None:
    found = complaints(api_schema, FEW)
    assert not found, report(found)


@pytest.mark.deep
def test_many_requests_of_each_kind_find_nothing(api_schema: schemathesis.BaseSchema) -> None:
    found = complaints(api_schema, MANY)
    assert not found, report(found)
