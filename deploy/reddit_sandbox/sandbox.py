"""One sandbox: its communities, tokens, request counts and configured faults."""

import time
from collections.abc import Callable
from typing import cast

import flask

from reddit_sandbox import access_rules, answers, broken_parts, names_file, naming, patience
from reddit_sandbox.community import Community
from reddit_sandbox.omissions import Omissions
from reddit_sandbox.options import Options
from reddit_sandbox.rate_window import RateWindow
from reddit_sandbox.replacements import Replacements
from reddit_sandbox.request_log import RequestLog
from reddit_sandbox.tokens import Tokens
from reddit_sandbox.trouble import Troubles
from reddit_sandbox.world import World
from reddit_sandbox.wrong_replies import WrongReplies

EXTENSION = "reddit_sandbox"


class Sandbox:
    def __init__(
        self,
        options: Options,
        clock: Callable[[], float] = time.time,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self.options = options
        self.clock = clock
        self.world = World(options, clock)
        if options.names_file is not None:
            names = names_file.load(options.names_file)
            self.world.recall(names, names_file.keep(options.names_file, names))
        self.tokens = Tokens(options.token_seconds, clock)
        self.window = RateWindow(options.rate_limit, options.rate_window, clock)
        self.token_window = RateWindow(options.token_rate_limit, options.rate_window, clock)
        self.log = RequestLog(options.log_size)
        self.troubles = Troubles()
        self.omissions = Omissions()
        self.replacements = Replacements()
        self.wrong_replies = WrongReplies()
        self.outage = 0  # the status of every reply during an outage; 0: no outage
        self._stopping = stopping

    def wait(self, seconds: float) -> None:
        connection = flask.request.environ.get("gunicorn.socket")
        patience.wait(seconds, self._stopping, connection)

    def enter(self, name: str) -> Community:
        """Return the community of the current request. A refusal or failure aborts the request."""
        if not naming.VALID.fullmatch(name):
            flask.abort(answers.error(404))
        script = naming.script(name)
        path = flask.request.path
        tail = path.removeprefix(f"/r/{name}")
        if flask.request.query_string:
            tail += f"?{flask.request.query_string.decode('ascii', 'replace')}"
        refused = access_rules.refusal(script, name, tail)
        if refused is not None:
            flask.abort(refused)
        self._pass_trouble(script, name)
        return self.world.community(name)

    def _pass_trouble(self, script: str | None, name: str) -> None:
        target = flask.request.full_path
        failed = self.troubles.failure(script, name, target) or broken_parts.failure(script)
        if failed is not None:
            if failed.status_code == 401:
                self.tokens.revoke(flask.g.token)
            flask.abort(failed)
        if script == "slow":
            self.wait(self.options.slow_seconds)
        elif script == "timeout":
            self.wait(self.options.hang_seconds)
            flask.abort(answers.gateway_error(504))
        flask.g.script = script


def current() -> Sandbox:
    """Return the sandbox that serves the current request."""
    return cast(Sandbox, flask.current_app.extensions[EXTENSION])
