"""Profiles: a private file, the order of sources, and tokens that stay with their server."""

import json
import stat
from pathlib import Path

from crawlctl.configuration import profiles
from crawlctl.configuration.connection import resolve
from support import admin_api
from support.crawlctl import Ctl


def file_of(ctl: Ctl) -> Path:
    return ctl.folder / "crawlctl" / "profiles.json"


def test_login_stores_the_token_in_a_private_file_and_logout_deletes_it(ctl: Ctl) -> None:
    url = ctl.environment.pop("CRAWLJOBS_URL")
    del ctl.environment["CRAWLJOBS_TOKEN_FILE"]
    assert ctl("--url", url, "login", stdin="Q" * 32 + "\n").code == 4
    assert not file_of(ctl).exists()
    stored = ctl.ok("--url", url, "login", "-", stdin=f"{admin_api.TOKEN}\n")
    assert stat.S_IMODE(file_of(ctl).stat().st_mode) == 0o600
    assert stat.S_IMODE(file_of(ctl).parent.stat().st_mode) == 0o700
    assert admin_api.TOKEN not in stored.err + stored.out
    seen = ctl.ok("-v", "whoami", "-o", "json")
    assert "jobs" in seen.json["scopes"]
    assert "GET /api/whoami: 200" in seen.err
    assert admin_api.TOKEN not in seen.err + seen.out
    (row,) = ctl.ok("whoami", "-o", "csv").rows
    assert row["origin"] == "the profile default"
    assert "SCOPES" in ctl.ok("whoami", "-o", "table").out
    ctl.ok("logout")
    assert ctl("logout").code == 5
    assert ctl("whoami").code == 4


def test_a_command_prints_the_token_each_time(ctl: Ctl, tmp_path: Path) -> None:
    url = ctl.environment.pop("CRAWLJOBS_URL")
    token = Path(ctl.environment.pop("CRAWLJOBS_TOKEN_FILE"))
    ctl.ok("--url", url, "--profile", "prod", "login", "--token-command", f"cat {token}")
    assert admin_api.TOKEN not in file_of(ctl).read_text()
    ctl.ok("jobs", "list")
    token.unlink()
    assert ctl("jobs", "list").code == 4
    assert ctl("jobs", "list", CRAWLJOBS_PROFILE="other").code == 2


def test_a_file_that_others_may_read_is_refused(offline: Ctl) -> None:
    file_of(offline).parent.mkdir()
    file_of(offline).write_text(json.dumps({"default": None, "profiles": {}}))
    file_of(offline).chmod(0o644)
    result = offline("jobs", "list")
    assert (result.code, "chmod 600" in result.err) == (4, True)
    file_of(offline).chmod(0o600)
    assert "No server is chosen" in offline("jobs", "list").err
    demo = offline("jobs", "list", CRAWLCTL_DEMO="/no/demo")
    assert (demo.code, "`./run ctl --data DIR`" in demo.err) == (4, True)
    file_of(offline).write_text("{")
    assert "damaged" in offline("jobs", "list").err


def test_the_order_of_sources_and_a_token_only_for_its_server(tmp_path: Path) -> None:
    variables = {"XDG_CONFIG_HOME": str(tmp_path / "config"), "CRAWLCTL_DEMO": str(tmp_path)}
    (tmp_path / "api-url").write_text("http://127.0.0.1:8000\n")
    (tmp_path / "admin-header").write_text("Authorization: Bearer demo-token\n")
    demo = resolve(variables, url=None, profile=None)
    assert (demo.url, demo.token, demo.origin) == (
        "http://127.0.0.1:8000",
        "demo-token",
        "the demo",
    )
    path = profiles.file_of_profiles(variables)
    own = profiles.Profile("https://own.example/base", token="own-token")
    profiles.store(path, profiles.added(profiles.Profiles(), "own", own))
    assert resolve(variables, url=None, profile=None).token == "own-token"
    assert resolve(variables, url=None, profile="demo").token == "demo-token"
    assert "own-token" not in repr(resolve(variables, url=None, profile=None)) + repr(own)
    foreign = {**variables, "CRAWLJOBS_URL": "https://other.example/"}
    found = resolve(foreign, url=None, profile=None)
    assert (found.url, found.token, found.origin) == (
        "https://other.example",
        None,
        "CRAWLJOBS_URL",
    )
    chosen = resolve(foreign, url="https://own.example/base/", profile=None)
    assert (chosen.token, chosen.origin) == ("own-token", "--url")
    token = tmp_path / "token"
    token.write_text("file-token")
    assert resolve(
        {**foreign, "CRAWLJOBS_TOKEN_FILE": str(token)}, url=None, profile=None
    ).token == ("file-token")
