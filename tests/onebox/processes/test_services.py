"""The environment variables of the demo's processes."""

import os

import pytest

from onebox.processes import services
from onebox.processes.services import Settings


def test_a_pooler_is_told_apart_from_what_is_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {"DATABASE_DIRECT_URL": "", "DATABASE_URL_FILE": "/x"})
    one = Settings("postgresql://a/x", "postgresql://a/x", "t", None, discovers=True)
    assert "DATABASE_DIRECT_URL" not in one.environment()
    assert "DATABASE_URL_FILE" not in one.environment()
    two = Settings("postgresql://a/x", "postgresql://b/x", "t", None, discovers=True, tag="0a1b2c")
    assert two.environment()["DATABASE_DIRECT_URL"] == "postgresql://b/x"
    assert services.crawler_worker(one, 3).env["INSTANCE_NAME"] == "worker-3"
    assert services.crawler_worker(two, 3).env["INSTANCE_NAME"] == "worker-0a1b2c-3"
