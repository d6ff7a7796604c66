"""/ui serves the files of the dashboard and no other file, without a token."""

import gzip
import re
from pathlib import Path

import flask.testing
import pytest

from admin_api.dashboard import assets

STATIC = assets.all_assets()
PREFIX = f"/ui/static/{STATIC.version}"


@pytest.fixture
def stranger(offline: flask.testing.FlaskClient) -> flask.testing.FlaskClient:
    """Return a client without a token."""
    return offline.application.test_client()


def test_each_page_is_the_same_file_and_is_checked_by_its_etag(
    stranger: flask.testing.FlaskClient,
) -> None:
    first = stranger.get("/ui/")
    assert (first.status_code, first.mimetype) == (200, "text/html")
    assert first.headers["Cache-Control"] == "no-cache"
    for path in ("/ui/jobs", "/ui/jobs/7?view=raw", "/ui/subreddits/u_name", "/ui/groups/1/"):
        assert stranger.get(path).data == first.data
    unchanged = stranger.get("/ui/", headers={"If-None-Match": first.headers["ETag"]})
    assert (unchanged.status_code, unchanged.data) == (304, b"")
    assert unchanged.headers["Cache-Control"] == "no-cache"


def test_the_page_allows_own_files_alone(stranger: flask.testing.FlaskClient) -> None:
    answer = stranger.get("/ui/")
    policy = dict(
        part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    for name in ("script-src", "style-src", "img-src", "font-src", "connect-src"):
        assert policy[name] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert policy["require-trusted-types-for"] == "'script'"
    assert policy["trusted-types"] == "'none'"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    loaded = re.findall(r'(?:href|src)="([^"]+)"', answer.text)
    for path in loaded:
        found = stranger.get(path)
        assert found.status_code == 200 or path == "/docs", path
    assert all(path.startswith((PREFIX, "/docs")) for path in loaded)
    assert not re.search(r"<script>|<style|style=|onload=|{{", answer.text)


def test_static_files_are_kept_for_ever_and_have_a_compressed_twin(
    stranger: flask.testing.FlaskClient,
) -> None:
    for name, file in STATIC.files.items():
        plain = stranger.get(f"{PREFIX}/{name}")
        assert plain.data == file.body
        assert plain.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert plain.headers["Content-Type"] == file.content_type
        small = stranger.get(f"{PREFIX}/{name}", headers={"Accept-Encoding": "br, gzip"})
        if file.compressed is None:
            assert "Content-Encoding" not in small.headers
        else:
            assert small.headers["Content-Encoding"] == "gzip"
            assert gzip.decompress(small.data) == file.body
            assert small.headers["ETag"] != plain.headers["ETag"]
            assert "Accept-Encoding" in plain.headers["Vary"]
        refused = stranger.get(f"{PREFIX}/{name}", headers={"Accept-Encoding": "gzip;q=0"})
        assert refused.data == file.body


@pytest.mark.parametrize(
    "path",
    [
        f"{PREFIX}/no.js",
        f"{PREFIX}/",
        f"{PREFIX}/../assets.py",
        f"{PREFIX}/%2e%2e/assets.py",
        f"{PREFIX}/..%2fassets.py",
        f"{PREFIX}/core/..%5c..%5cassets.py",
        f"{PREFIX}//app.js",
        f"{PREFIX}/app.js/",
        f"{PREFIX}/app.js%00",
        f"{PREFIX}/APP.js",
        f"{PREFIX}/index.html",
        "/ui/static/0000000000000000/app.js",
        "/ui/static/",
        "/ui/static/app.js",
        "/ui/static/x",
        "/ui/..",
        "/ui/../app.py",
        "/ui/.env",
        "/ui/jobs/%2e%2e/%2e%2e/etc/passwd",
        "/ui/a%5cb",
        "/ui/a%00b",
        "/ui/%ff%fe",
        "/ui//jobs",
        "/ui/" + "a" * 101,
        "/ui/" + "a/" * 9,
    ],
)
def test_other_paths_are_refused(stranger: flask.testing.FlaskClient, path: str) -> None:
    answer = stranger.get(path)
    # A path with an empty segment matches no route, and unknown paths need a token.
    assert answer.status_code == (401 if path.startswith("/ui//") else 404)
    assert answer.mimetype == "application/problem+json"
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_long_hostile_path_costs_little(stranger: flask.testing.FlaskClient) -> None:
    assert stranger.get("/ui/" + "a" * 8_000 + "!").status_code == 404


def test_browsers_are_led_to_the_dashboard_and_programs_to_the_docs(
    stranger: flask.testing.FlaskClient,
) -> None:
    browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
    for accept, target in [
        (browser, "/ui/"),
        ("*/*", "/docs"),
        ("application/json", "/docs"),
        ("text/html;q=0", "/docs"),
        (None, "/docs"),
    ]:
        answer = stranger.get("/", headers={} if accept is None else {"Accept": accept})
        assert (answer.status_code, answer.headers["Location"]) == (302, target), accept
    assert stranger.get("/ui").headers["Location"] == "/ui/"


def test_a_change_of_a_file_changes_all_paths(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text('<script src="{{static}}/app.js"></script>')
    (tmp_path / "app.js").write_text("import { a } from './a.js';\n")
    (tmp_path / "a.js").write_text("export const a = 1;\n")
    before = assets.load(tmp_path)
    assert f'src="/ui/static/{before.version}/app.js"' in before.page.body.decode()
    (tmp_path / "a.js").write_text("export const a = 2;\n")
    assert assets.load(tmp_path).version != before.version


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [("a.exe", "x", "known type"), ("app.js", "import { a } from './no.js';", "does not exist")],
)
def test_a_wrong_folder_stops_the_start(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / "index.html").write_text("")
    (tmp_path / "app.js").write_text("")
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=message):
        assets.load(tmp_path)


def test_too_many_files_and_bytes_stop_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("index.html", "app.js", "a.js"):
        (tmp_path / name).write_text("// text\n")
    monkeypatch.setattr(assets, "FILES_MAX", 2)
    with pytest.raises(ValueError, match="3 files"):
        assets.load(tmp_path)
    monkeypatch.setattr(assets, "FILES_MAX", 3)
    monkeypatch.setattr(assets, "BYTES_MAX", 20)
    with pytest.raises(ValueError, match="bytes"):
        assets.load(tmp_path)
