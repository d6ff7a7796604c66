"""The page at /docs: nothing is cut off, and all files are its own.

A real browser measures the page. Where no browser is installed, the markup and the style are read.
"""

import base64
import json
import re
import subprocess
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import flask.testing
import pytest
from werkzeug.serving import make_server

from support import needs

PHONE, DESKTOP = 390, 1280  # widths in pixels
HARNESS = "".join(
    f'<iframe src="/docs" style="width:{width}px;height:844px;border:0"></iframe>'
    for width in (PHONE, DESKTOP)
)
SCRIPT = Path(__file__).with_name("measure_docs.js")
SECONDS = 60


@pytest.fixture
def address(offline: flask.testing.FlaskClient) -> Iterator[str]:
    """Yield the address of the application, with a page that shows /docs in two frames."""

    def with_harness(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        pages = {
            "/measure": ("text/html", f"<!doctype html>{HARNESS}<script src=/measure.js></script>"),
            "/measure.js": ("text/javascript", SCRIPT.read_text()),
        }
        if environ["PATH_INFO"] in pages:
            kind, text = pages[environ["PATH_INFO"]]
            start_response("200 OK", [("Content-Type", f"{kind}; charset=utf-8")])
            return [text.encode()]

        def without_frame_rules(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            # The application forbids frames. The other rules of the page stay in force.
            kept = [
                (name, value.replace("frame-ancestors 'none'", "frame-ancestors 'self'"))
                for name, value in headers
                if name.lower() != "x-frame-options"
            ]
            return start_response(status, kept, *more)

        return offline.application.wsgi_app(environ, without_frame_rules)

    server = make_server("127.0.0.1", 0, with_harness, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def frames(address: str, tmp_path: Path) -> list[dict[str, Any]]:
    """Return the measurements of the page at the width of a phone and of a desktop."""
    done = subprocess.run(
        [
            needs.program("chromium"),
            *(
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--hide-scrollbars",
                "--disable-dev-shm-usage",
            ),
            *("--no-first-run", "--disable-background-networking", f"--user-data-dir={tmp_path}"),
            *("--virtual-time-budget=20000", "--dump-dom", f"{address}/measure"),
        ],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    found = re.search(r'id="result"[^>]*>([^<]+)<', done.stdout)
    assert found, done.stdout[-2000:] + done.stderr[-2000:]
    frames: list[dict[str, Any]] = json.loads(base64.b64decode(found[1]))
    return frames


def test_the_page_fits_a_phone_and_a_desktop(frames: list[dict[str, Any]], address: str) -> None:
    phone, desktop = frames
    assert (phone["width"], desktop["width"]) == (PHONE, DESKTOP)
    for frame in frames:
        assert frame["scrollWidth"] == frame["width"]
        assert frame["titleTop"] < 120
        assert frame["cut"] == []
        assert "From 1 to 9223372036854775807." in frame["text"]
        assert "9223372036854776000" not in frame["text"]
        assert len(frame["loaded"]) >= 4
        assert all(name.startswith((address, "data:")) for name in frame["loaded"])
    assert not phone["isMenuShown"]
    assert desktop["isMenuShown"]


def test_the_style_lets_nothing_be_cut_off_and_all_files_are_the_pages_own(
    offline: flask.testing.FlaskClient,
) -> None:
    page = offline.get("/docs").text
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in page
    files = re.findall(r'(?:src|href)="([^"#]+)"', page)
    assert len(files) >= 4
    assert all(name.startswith(("/docs", "data:")) for name in files)
    for name in (name for name in files if name.startswith("/docs")):
        assert offline.get(name).status_code == 200, name
    style = " ".join(offline.get("/docs/static/docs.css").text.split())
    assert "url(" not in style
    assert "@import" not in style
    wide, _, narrow = style.partition("@media (max-width: 52rem) {")
    assert re.search(r"\bpre \{[^}]*white-space: pre-wrap; overflow-wrap: anywhere", wide)
    assert re.search(r"minmax\(0, 1fr\)", wide), "a long word would widen the column"
    assert "#menu > summary { display: none; }" in wide
    for rule in ("body { display: block; }", "table, tbody, tr { display: block; }"):
        assert rule in narrow
    assert re.search(r"\btd \{[^}]*overflow-wrap: anywhere", narrow)
