"""python -m reddit_sandbox --port P --seed N: serve a simulated Reddit."""

import argparse
import datetime
import gc
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from reddit_sandbox import server
from reddit_sandbox.options import Options

# The limit of the new posts in a community per minute. 20 posts with at most two comments each need
# up to 60 ids, and a community has only one id for each second.
MOST_NEW_ITEMS_PER_MINUTE = 20


def main() -> int:
    given = parser().parse_args()
    values = vars(given)
    host, port = values.pop("host"), values.pop("port")
    ready_file = values.pop("ready_file")
    options = Options(**values)
    try:
        listener = server.listen(port, host)
    except OSError as failure:
        sys.stderr.write(f"reddit sandbox: port {port} cannot be used: {failure.strerror}\n")
        return 1
    serving = server.Server(options, listener, ready_file)
    sys.stdout.write(json.dumps({"url": serving.url}) + "\n")
    sys.stdout.flush()
    serving.run()
    return 0


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="reddit-sandbox",
        usage="python -m reddit_sandbox [OPTION VALUE]...",
        description="Serve an invented Reddit, for the demo and the tests.",
        formatter_class=lambda prog: argparse.HelpFormatter(prog, max_help_position=27),
    )
    default = Options()

    def add(name: str, value: Any, meaning: str, read: Callable[[str], Any] = str) -> None:
        shown = f"{meaning} [{value}]" if value not in ("", None) else meaning
        parser.add_argument(name, type=read, default=value, metavar="", help=shown)

    add("--host", server.HOST, "listen at; 0.0.0.0 in a container")
    add("--port", 0, "port; 0: any free port, printed as JSON", _port)
    add("--ready-file", None, "file for the address, written after the start", Path)
    add("--seed", default.seed, "decides all data", int)
    add("--now", default.now, "its present: Unix seconds or ISO 8601", _moment)
    add("--client-id", "", "only this id gets tokens; otherwise any id", str)
    add("--client-secret", "", "secret of the client id; otherwise any", str)
    add("--token-seconds", default.token_seconds, "life of a token in s", _positive)
    add("--rate-limit", default.rate_limit, "requests in a window", _positive)
    add("--rate-window", default.rate_window, "length of a window in s", _positive)
    add("--token-rate-limit", default.token_rate_limit, "requests for tokens in it", _positive)
    add("--slow-seconds", default.slow_seconds, "delay of slow_* communities", _seconds)
    add("--hang-seconds", default.hang_seconds, "delay of timeout_* communities", _seconds)
    add("--latency-seconds", 0.0, "delay of each reply", _seconds)
    add("--new-items-per-minute", 0.0, "new posts a minute in a community", _rate)
    add("--names-file", None, "file that keeps requested names", Path)
    add("--log-size", default.log_size, "requests in /sandbox/log", _positive)
    return parser


def _positive(text: str) -> int:
    return _within(int(text), 1, 10**9)


def _port(text: str) -> int:
    return _within(int(text), 0, 65_535)


def _within(value: int, least: int, most: int) -> int:
    if not least <= value <= most:
        raise argparse.ArgumentTypeError(f"expected a whole number from {least} to {most}")
    return value


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 3_600:
        raise argparse.ArgumentTypeError("expected 0 to 3600 seconds")
    return value


def _rate(text: str) -> float:
    value = float(text)
    if not 0 <= value <= MOST_NEW_ITEMS_PER_MINUTE:
        raise argparse.ArgumentTypeError(f"expected 0 to {MOST_NEW_ITEMS_PER_MINUTE} a minute")
    return value


def _moment(text: str) -> int:
    if text.isdecimal():
        return int(text)
    moment = datetime.datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.UTC)
    return int(moment.timestamp())


if __name__ == "__main__":
    gc.freeze()  # otherwise the garbage collection at exit would scan all modules, which is slow
    sys.exit(main())
