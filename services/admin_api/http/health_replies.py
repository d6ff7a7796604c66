"""The bodies of the replies to /healthz and /readyz.

resources/health.py documents the replies. server/probe_replies.py builds them in the event loop.
"""

from __future__ import annotations

from admin_api.http import problems

ALIVE = {"status": "ok"}
READY = {"status": "ready"}


def shutting_down() -> problems.Problem:
    return problems.Problem("shutting_down", "Send the request again; another process will answer.")
