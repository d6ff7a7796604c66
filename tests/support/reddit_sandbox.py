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
START_SECONDS = 20
STOP_SECONDS = 5


class RunningSandbox:
    """A sandbox that answers, and a client id's token for it."""

    def __init__(self, process: "subprocess.Popen[bytes]", url: str) -> None:
        self.process = process
        self.url = url
        self.http = httpx.Client(base_url=url, timeout=30, verify=NO_CERTIFICATES)

    def token(self, client: str = "tests", **form: str) -> httpx.Response:
        form = {"grant_type": "client_credentials", **form}
        return self.http.post("/api/v1/access_token", data=form, auth=(client, "secret"))

    def authorize(self, client: str = "tests") -> None:
        """Use a fresh token from now on."""
        given = self.token(client).json()
        self.http.headers["authorization"] = f"bearer {given['access_token']}"

    def get(self, path: str, **params: object) -> httpx.Response:
        asked = {"raw_json": 1, **params}
        return self.http.get(path, params={name: str(value) for name, value in asked.items()})

    def children(self, path: str, **params: object) -> list[dict[str, Any]]:
        """The data of a page's children."""
        reply = self.get(path, **params)
        assert reply.status_code == 200, f"{path}: {reply.status_code} {reply.text[:200]}"
        return [child["data"] for child in reply.json()["data"]["children"]]

    def pages(self, path: str, **params: object) -> list[list[dict[str, Any]]]:
        """All pages of 100 of a listing."""
        found: list[list[dict[str, Any]]] = []
        after: str | None = ""
        while after is not None:
            page = self.get(path, limit=100, after=after, **params).json()["data"]
            found.append([child["data"] for child in page["children"]])
            after = page["after"]
            assert len(found) < 50, f"{path} does not end"
        return found

    def thread(self, post_id: str, **params: object) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """The post and the top of its comment tree."""
        post, comments = self.get(f"/comments/{post_id}", **params).json()
        return post["data"]["children"][0]["data"], comments["data"]["children"]


@contextlib.contextmanager
def serve(*options: object) -> Iterator[RunningSandbox]:
    """A sandbox on a free port, stopped at the end."""
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
