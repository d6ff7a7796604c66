"""python -m reddit_sandbox --port P --seed N: serve a simulated Reddit."""

import argparse
import datetime
import gc
import json
import sys
from pathlib import Path

from reddit_sandbox import server
from reddit_sandbox.options import Options

# A community has one id for each second. 20 new posts a minute, each with at most two comments,
# need up to 60 ids a minute.
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
    parser = argparse.ArgumentParser(prog="reddit-sandbox", description=__doc__)
    default = Options()
    add = parser.add_argument
    add("--host", default=server.HOST, help="in a container: 0.0.0.0, which others can reach")
    add("--port", type=_port, default=0, help="0: any that is free; it is printed as JSON")
    add("--ready-file", type=Path, help='written with {"url": ...} when requests are answered')
    add("--seed", type=int, default=default.seed)
    add("--now", type=_moment, default=default.now, help="the present: Unix seconds or ISO 8601")
    add("--client-id", default="", help="only this id gets tokens (default: any)")
    add("--client-secret", default="")
    add("--token-seconds", type=_positive, default=default.token_seconds)
    add("--rate-limit", type=_positive, default=default.rate_limit, help="requests per window")
    add("--rate-window", type=_positive, default=default.rate_window, help="seconds")
    add("--token-rate-limit", type=_positive, default=default.token_rate_limit)
    add("--slow-seconds", type=_seconds, default=default.slow_seconds)
    add("--hang-seconds", type=_seconds, default=default.hang_seconds)
    add("--latency-seconds", type=_seconds, default=0.0, help="added to every reply")
    add("--new-items-per-minute", type=_rate, default=0.0, help="new posts in each community")
    add("--names-file", type=Path, help="where names asked for are kept for the next start")
    add("--log-size", type=_positive, default=default.log_size, help="requests remembered")
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
