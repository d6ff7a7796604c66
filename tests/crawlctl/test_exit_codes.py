"""Each exit code, its cause, and its row in the table of meanings."""

import json
import signal
import threading
from pathlib import Path

import pytest

from crawlctl.failures import MEANINGS, ExitCode, code_of_status
from support import free_ports
from support.crawlctl import Ctl, start_crawlctl
from support.scripted_server import Exchange, serve


def problem(exchange: Exchange, status: int, code: str) -> None:
    body = {"title": code, "code": code, "detail": "d\x1b[1m", "request_id": "r", "errors": []}
    exchange.send(status, json.dumps(body).encode(), content_type="application/problem+json")


def test_each_code_has_a_meaning() -> None:
    assert set(MEANINGS) == set(ExitCode)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["version"], 0),
        (["jobs", "list", "--nonsense"], 2),
        (["nothing"], 2),
        ([], 2),
        (["jobs", "retry"], 2),
        (["jobs", "retry", "x"], 2),
        (["--url", "ftp://h", "jobs", "list"], 2),
        (["--url", "http://u:p@h", "jobs", "list"], 2),
        (["--profile", "none", "jobs", "list"], 2),
        (["jobs", "list"], 4),
        (["login", "secret-on-the-command-line"], 2),
    ],
)
def test_codes_without_a_server(offline: Ctl, arguments: list[str], code: int) -> None:
    result = offline(*arguments)
    assert result.code == code, result
    assert bool(result.err or not arguments) == bool(code)


def test_a_wrong_option_is_named_in_plain_words_on_one_line(offline: Ctl) -> None:
    for arguments, words in {
        ("jobs", "get", "x"): "Invalid value for 'JOB_ID': 'x' is not a whole number.",
        ("--retry-seconds", "x", "jobs", "list"): "'x' is not a number.",
        ("completion",): "Missing argument '{bash|zsh|fish}'. Choose from: bash, zsh, fish",
        ("authors", "erase", "bad name!"): "expected a name of letters, digits, _ or -, such as u/",
        ("export", "posts", "--out", "-"): "An export needs a file: --out - is no name of a file.",
        ("export", "posts", "--out", "p.csv"): "is for csv, but the format is ndjson: add --format",
        ("export", "posts", "--format", "csv", "--out", "p"): "",
    }.items():
        result = offline(*arguments)
        assert words in result.err.splitlines()[-1], result
        assert result.code == (2 if words else 4)


def test_an_invalid_request_has_the_title_of_its_problem(ctl: Ctl, tmp_path: Path) -> None:
    for arguments, title in {
        ("jobs", "enqueue", "a!b"): "Invalid values in the request",
        ("export", "links", "--subreddit", "a", "--out", tmp_path / "a"): "Unknown query parameter",
    }.items():
        first, second = ctl(*arguments).err.splitlines()
        assert first.startswith(f"crawlctl: {title} (HTTP 4")
        assert second.startswith("  /subreddit: ")


def test_codes_of_a_real_server(ctl: Ctl, tmp_path: Path) -> None:
    assert ctl("jobs", "get", 1).code == 5
    wrong = tmp_path / "wrong"
    wrong.write_text("Q" * 32)
    refused = ctl("jobs", "list", CRAWLJOBS_TOKEN_FILE=str(wrong))
    assert refused.code == 4
    assert "Bearer token not valid (HTTP 401" in refused.err
    assert "crawlctl login" in refused.err
    assert ctl("jobs", "list", CRAWLJOBS_TOKEN_FILE="").code == 4
    assert ctl("jobs", "list", CRAWLJOBS_TOKEN_FILE=str(tmp_path / "none")).code == 4


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 412, 422, 428, 429, 500, 502, 503])
def test_the_status_of_an_error_chooses_the_code(offline: Ctl, status: int) -> None:
    expected = {400: 2, 401: 4, 403: 4, 404: 5, 429: 6, 500: 1, 502: 6, 503: 6}.get(status, 3)
    assert code_of_status(status) == expected
    with serve(lambda exchange: problem(exchange, status, "some_code")) as url:
        result = offline("--retry-seconds", "0", "--url", url, "jobs", "get", 1)
    assert result.code == expected
    assert "d\\x1b[1m (HTTP" in result.err
    assert result.out == ""


def test_an_unreachable_server_and_answers_that_are_no_json(offline: Ctl) -> None:
    url = f"http://127.0.0.1:{free_ports.free_port()}"
    result = offline("--retry-seconds", "0", "--url", url, "jobs", "list")
    assert result.code == 6
    assert "does not answer" in result.err
    pages: list[tuple[int, bytes, int]] = [(302, b"", 1), (502, b"<html>", 6), (200, b"[", 1)]
    for status, body, code in pages:
        with serve(lambda e: e.send(status, body, content_type="application/json")) as page:  # noqa: B023
            answer = offline("--retry-seconds", "0", "--url", page, "jobs", "get", 1)
        assert answer.code == code, answer


def test_ctrl_c_ends_with_130_and_without_a_traceback(tmp_path: Path) -> None:
    arrived = threading.Event()

    def never(exchange: Exchange) -> None:
        arrived.set()
        exchange.drip(b" ", before=b"HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n", at_most=20)

    with serve(never) as url:
        process = start_crawlctl(tmp_path, "--url", url, "jobs", "get", "1")
        assert arrived.wait(20)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err.lstrip()) == (130, "", "crawlctl: interrupted\n")
