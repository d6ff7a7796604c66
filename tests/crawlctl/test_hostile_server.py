"""A server that is hostile, or no admin-api: the command ends, and neither its files nor its output
do harm."""

import csv
import gzip
import io
import json
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from crawlctl.exporting import download as exporting
from crawlctl.failures import CommandFailed
from crawlctl.output.columns import Column, Noun
from crawlctl.output.style import Style
from crawlctl.output.writer import Writer
from crawlctl.requests import path_of
from crawlctl.rest import answer_reading
from crawlctl.rest.client import Client
from support.crawlctl import Ctl
from support.export_server import rows_of, text_of
from support.scripted_server import Exchange, serve

LINES = text_of(rows_of(60), "ndjson")
Script = Callable[[Exchange], None]


def drip_of(before: bytes, piece: bytes) -> Script:
    return lambda exchange: exchange.drip(piece, before=before, every=0.05, at_most=20)


@pytest.mark.parametrize(
    ("before", "piece", "message"),
    [
        (b"", b"HTTP/1.1 200 OK", "no headers within"),
        (b"HTTP/1.1 200 OK\r\n", b"X-More: 1\r\n", "no headers within"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n", b" ", "took more than"),
        (b"HTTP/1.1 503 x\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n", "took more than"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n", b"[" * 99_999, "exceeds"),
    ],
)
def test_an_answer_without_an_end_ends_the_command(
    offline: Ctl, monkeypatch: pytest.MonkeyPatch, before: bytes, piece: bytes, message: str
) -> None:
    monkeypatch.setattr(answer_reading, "HEAD_SECONDS", 0.3)
    monkeypatch.setattr(answer_reading, "BODY_SECONDS", 0.3)
    monkeypatch.setattr("crawlctl.rest.client.ANSWER_BYTES", 500_000)
    with serve(drip_of(before, piece)) as url:
        result = offline("--retry-seconds", "0", "--url", url, "jobs", "get", 1)
    assert result.code in (1, 6), result
    assert message in result.err


def test_a_compressed_answer_is_limited_by_its_whole_size(offline: Ctl) -> None:
    bomb = gzip.compress(bytes(80 * 2**20))
    headers = {"content_encoding": "gzip", "content_type": "application/json"}
    with serve(lambda e: e.send(200, bomb, **headers)) as url:
        assert "exceeds" in offline("--url", url, "jobs", "get", 1).err


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/html", b"<h1>Log in</h1>"),
        ("application/json", b"[1]"),
        ("application/json", b'"ready"'),
        ("application/json", b'{"items": 5}'),
        ("application/json", b'{"items": [5], "next": null}'),
        ("application/json", b'{"items": [{"id": {"a": "\\u001b[2J"}}], "next": ["x"]}'),
        ("application/json", b"{}"),
    ],
)
def test_an_answer_of_another_form_is_an_error_and_no_traceback(
    offline: Ctl, kind: str, body: bytes
) -> None:
    with serve(lambda e: e.send(200, body, content_type=kind)) as url:
        for verb in (["jobs", "list"], ["status", "--check"], ["whoami"], ["jobs", "wait", "1"]):
            result = offline("--url", url, *verb)
            assert result.code in ((0, 1) if body.startswith(b"{") else (1,)), (verb, result)
            assert "Traceback" not in result.err
            assert "\x1b" not in result.err + result.out


def test_a_list_whose_cursor_does_not_change_ends(offline: Ctl) -> None:
    body = json.dumps({"items": [], "next": "same"}).encode()
    with serve(lambda e: e.send(200, body, content_type="application/json")) as url:
        result = offline("--url", url, "jobs", "list", "--all")
    assert (result.code, "does not change" in result.err) == (1, True)


@pytest.mark.parametrize("part", ["", " ", ".", ".."])
def test_no_argument_leads_to_another_path(part: str) -> None:
    with pytest.raises(CommandFailed, match="names no object"):
        path_of("/api/admin/schedules", part)
    assert path_of("/api", "../a", "b/..") == "/api/..%2Fa/b%2F.."


def test_a_cell_that_a_spreadsheet_would_run_is_marked() -> None:
    out = io.StringIO()
    items = [{"a": text} for text in ("=1+1", "+1", "-1", "@x", "\uff1d1", "\n=1", "a=1", -5, None)]
    Writer(Style("csv", False, False), out).items(Noun("n", (Column("a"),), key="a"), items)
    cells = [row["a"] for row in csv.DictReader(io.StringIO(out.getvalue()))]
    assert cells == ["'=1+1", "'+1", "'-1", "'@x", "'\uff1d1", "'\n=1", "a=1", "-5", ""]


def export(ctl: Ctl, script: Script, out: Path) -> str:
    """Run an export that must fail, and return its words."""
    with serve(script) as url:
        result = ctl("--retry-seconds", "0", "--url", url, "export", "posts", "--out", out)
    assert result.code in (1, 6), result
    assert not out.is_file()
    return result.err


def reply(content: bytes, **headers: str) -> Script:
    return lambda e: e.send(200, content, **{"content_type": "application/x-ndjson", **headers})


def test_only_a_complete_export_gets_its_name(
    offline: Ctl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "PAUSE_SECONDS", 0.01)
    packed = zlib.compressobj(wbits=31)
    cut = packed.compress(LINES) + packed.flush(zlib.Z_SYNC_FLUSH)

    def close_delimited(exchange: Exchange) -> None:
        exchange.close_connection = True
        exchange.start(200, content_type="application/x-ndjson", connection="close")
        exchange.wfile.write(LINES)

    for n, (script, message) in enumerate(
        (
            (reply(b"<h1>Log in</h1>", content_type="text/html"), "is no export"),
            (reply(LINES, content_type="text/csv"), "is no export"),
            (reply(LINES, content_encoding="br"), "unknown encoding br"),
            (reply(LINES[:-1]), "the last line is not complete"),
            (reply(cut, content_encoding="gzip"), "the end of the compressed content is missing"),
            (reply(b"no gzip", content_encoding="gzip"), "is damaged"),
            (close_delimited, "removed the mark of the end"),
            (reply(b"[" * 3_000_000), "more than 2,097,152 bytes"),
            (
                reply(gzip.compress(b"[" * 3_000_000), content_encoding="gzip"),
                "more than 2,097,152",
            ),
        )
    ):
        assert message in export(offline, script, tmp_path / f"{n}.ndjson"), n


def test_a_symbolic_link_beside_the_file_is_not_followed(offline: Ctl, tmp_path: Path) -> None:
    victim, out = tmp_path / "victim", tmp_path / "posts"
    victim.write_text("mine")
    for name in ("posts.part.json", "posts.part.json.new", "posts"):
        (tmp_path / name).symlink_to(victim)
    with serve(reply(LINES)) as url:
        arguments = ("--url", url, "--retry-seconds", "0", "export", "posts", "--out")
        assert offline(*arguments, out).code == 3  # the name is in use
        out.unlink()
        offline.ok(*arguments, out)
        assert (victim.read_text(), out.read_bytes()) == ("mine", LINES)
        (tmp_path / "other.part").symlink_to(victim)
        result = offline(*arguments, tmp_path / "other", "--resume")
    assert result.code in (1, 3), result
    assert victim.read_text() == "mine"


def test_a_wait_that_the_server_asks_for_is_limited_by_the_command() -> None:
    for value in ("1e9", "inf", "nan", "9" * 400, "-1"):
        slept: list[float] = []

        def busy(exchange: Exchange, value: str = value) -> None:
            exchange.send(503, b"{}", retry_after=value)

        with (
            serve(busy) as url,
            Client(url, "t", retry_seconds=0.1, sleep=slept.append) as client,
            pytest.raises(CommandFailed),
        ):
            client.get("/x")
        assert sum(slept) <= 0.2, (value, slept)
