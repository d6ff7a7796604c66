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


def test_the_own_content_key_reaches_its_readers_unless_the_user_has_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = Settings("postgresql://a/x", "postgresql://a/x", "t", None, discovers=True,
                   content_key_file="/data/content-key")  # fmt: skip
    monkeypatch.setattr(os, "environ", {"CONTENT_KEY": ""})
    given = {role: one.environment(role).get("CONTENT_KEY_FILE")
             for role in ("admin-api", "crawler-worker", "scheduler")}  # fmt: skip
    assert given == {
        "admin-api": "/data/content-key", "crawler-worker": "/data/content-key", "scheduler": None,
    }  # fmt: skip
    monkeypatch.setattr(os, "environ", {"CONTENT_KEY": "of the user"})
    assert "CONTENT_KEY_FILE" not in one.environment("admin-api")
    monkeypatch.setattr(os, "environ", {"CONTENT_KEY_FILE": "/of/the/user"})
    assert one.environment("crawler-worker")["CONTENT_KEY_FILE"] == "/of/the/user"
