"""The Reddit sandbox as a real process, and a small client for it."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from support.plain_http import NO_CERTIFICATES
from support.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 60  # on an overloaded machine
STOP_SECONDS = 5


class RunningSandbox:
    """A running sandbox, with an HTTP client that has an access token."""

    def __init__(self, process: "subprocess.Popen[bytes]", url: str) -> None:
        self.process = process
        self.url = url
        self.http = httpx.Client(base_url=url, timeout=30, verify=NO_CERTIFICATES)

    def token(self, client: str = "tests", **form: str) -> httpx.Response:
        form = {"grant_type": "client_credentials", **form}
        return self.http.post("/api/v1/access_token", data=form, auth=(client, "secret"))

    def authorize(self, client: str = "tests") -> None:
        """Request a new access token, and use it for later requests."""
        given = self.token(client).json()
        self.http.headers["authorization"] = f"bearer {given['access_token']}"

    def get(self, path: str, **params: object) -> httpx.Response:
        asked = {"raw_json": 1, **params}
        return self.http.get(path, params={name: str(value) for name, value in asked.items()})

    def children(self, path: str, **params: object) -> list[dict[str, Any]]:
        """Request a page, and return the data of the page's children."""
        reply = self.get(path, **params)
        assert reply.status_code == 200, f"{path}: {reply.status_code} {reply.text[:200]}"
        return [child["data"] for child in reply.json()["data"]["children"]]

    def pages(self, path: str, **params: object) -> list[list[dict[str, Any]]]:
        """Return all pages of a listing, with 100 items in a page."""
        found: list[list[dict[str, Any]]] = []
        after: str | None = ""
        while after is not None:
            page = self.get(path, limit=100, after=after, **params).json()["data"]
            found.append([child["data"] for child in page["children"]])
            after = page["after"]
            assert len(found) < 50, f"{path} does not end"
        return found

    def thread(self, post_id: str, **params: object) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """Return the post, and the top level of its comment tree."""
        post, comments = self.get(f"/comments/{post_id}", **params).json()
        return post["data"]["children"][0]["data"], comments["data"]["children"]


@contextlib.contextmanager
def serve(*options: object) -> Iterator[RunningSandbox]:
    """Run a sandbox on a free port, and stop it at the end of the block."""
    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder) / "ready.json"
        process = launch("--ready-file", ready, *options)
        try:
            wait_until(
                lambda: ready.exists() or process.poll() is not None,
                timeout=START_SECONDS,
                describe="the sandbox is ready",
            )
            assert process.poll() is None, f"the sandbox ended with {process.returncode}"
            running = RunningSandbox(process, json.loads(ready.read_text())["url"])
            with running.http:
                running.authorize()
                yield running
        finally:
            stop(process)


def launch(*options: object, **more: Any) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "reddit_sandbox", *map(str, options)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "deploy")},
        stdout=more.pop("stdout", subprocess.DEVNULL),
        **more,
    )


def stop(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
