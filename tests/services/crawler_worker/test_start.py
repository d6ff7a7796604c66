"""A worker with a wrong setting does not start and prints one sentence."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support import commands

ROOT = Path(__file__).parents[3]
CLIENT = {"REDDIT_CLIENT_ID": "id", "REDDIT_CLIENT_SECRET": "hush"}


def run(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *arguments],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": commands.import_path("shared", "services"),
            "DATABASE_URL": "postgresql://127.0.0.1:9/none",
            **CLIENT,
            **variables,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALL_PROXY", "socks5://ada:pass1word@127.0.0.1:1080"),
        ("REDDIT_AUTH_URL", "http://www.reddit.com"),
        pytest.param(
            "REDDIT_API_URL", "https://oauth.reddit.com@evil.example", marks=pytest.mark.deep
        ),
        pytest.param("SSL_CERT_FILE", "/nowhere.pem", marks=pytest.mark.deep),
    ],
)
def test_a_way_to_reddit_that_cannot_be_used_is_one_sentence(name: str, value: str) -> None:
    ended = run(*commands.command("crawljobs-worker")[1:], **{name: value})
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"crawler-worker: {name}")
    assert "pass1word" not in line


OPENED = """
import os
from crawler_worker.reddit.client import RedditClient
from crawljobs import settings
RedditClient(settings.read_reddit_settings(os.environ), database=None).close()
print("opened")
"""


def test_a_range_of_ipv6_in_no_proxy_is_understood() -> None:
    proxied = {"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "localhost,127.0.0.0/8,fd00::/8"}
    assert run("-c", OPENED, **proxied).stdout == "opened\n"
