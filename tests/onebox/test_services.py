"""What the demo's processes are told, and which Reddit is meant."""

import os

import pytest

from onebox import services
from onebox.errors import OneboxError
from onebox.services import Settings


@pytest.mark.parametrize(
    ("variables", "real"),
    [
        ({}, False),
        ({"REDDIT_CLIENT_ID": "", "REDDIT_CLIENT_SECRET": " "}, False),
        ({"REDDIT_CLIENT_ID": "me", "REDDIT_CLIENT_SECRET": "s"}, True),
        ({"REDDIT_CLIENT_ID": "me", "REDDIT_CLIENT_SECRET_FILE": "/s"}, True),
    ],
)
def test_the_real_reddit_is_meant_when_both_are_set(variables: dict[str, str], real: bool) -> None:
    assert services.wants_real_reddit(variables) is real


@pytest.mark.parametrize(
    ("variables", "missing"),
    [
        ({"REDDIT_CLIENT_ID": "me"}, "REDDIT_CLIENT_SECRET (or _FILE) is missing"),
        ({"REDDIT_CLIENT_SECRET": "s"}, "REDDIT_CLIENT_ID is missing"),
        ({"REDDIT_CLIENT_SECRET_FILE": "/s"}, "REDDIT_CLIENT_ID is missing"),
    ],
)
def test_half_of_a_client_is_a_mistake(variables: dict[str, str], missing: str) -> None:
    with pytest.raises(OneboxError) as refused:
        services.wants_real_reddit(variables)
    assert str(refused.value).startswith(missing)


def test_a_nameless_client_of_the_real_reddit_is_warned_of() -> None:
    assert "REDDIT_USER_AGENT is not set" in (services.reddit_warning({}) or "")
    assert services.reddit_warning({"REDDIT_USER_AGENT": "linux:me:1 (by /u/me)"}) is None


def test_a_pooler_is_told_apart_from_what_is_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {"DATABASE_DIRECT_URL": "", "DATABASE_URL_FILE": "/x"})
    one = Settings("postgresql://a/x", "postgresql://a/x", "t", None, discovers=True)
    assert "DATABASE_DIRECT_URL" not in one.environment()
    assert "DATABASE_URL_FILE" not in one.environment()
    two = Settings("postgresql://a/x", "postgresql://b/x", "t", None, discovers=True, tag="0a1b2c")
    assert two.environment()["DATABASE_DIRECT_URL"] == "postgresql://b/x"
    assert services.crawler_worker(one, 3).env["INSTANCE_NAME"] == "worker-3"
    assert services.crawler_worker(two, 3).env["INSTANCE_NAME"] == "worker-0a1b2c-3"
