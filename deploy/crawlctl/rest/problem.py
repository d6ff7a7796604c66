"""Errors of the server: problem documents (RFC 9457) as exceptions for people and scripts."""

import json
from collections.abc import Mapping
from typing import Any

from crawlctl.failures import CommandFailed, code_of_status
from crawlctl.output.visible_text import visible

TEXT_CHARACTERS = 500  # limit of the characters of one line of the message
DETAILS = 10  # limit of the number of wrong values that the message lists
# For problems with these codes, show the title. The detail is only for people who write programs.
TITLE_IS_CLEARER = frozenset(
    {"invalid_request", "unknown_parameter", "missing_token", "invalid_token"}
)
REMEDIES = {
    "missing_token": "log in with `crawlctl login`, or set CRAWLJOBS_TOKEN_FILE",
    "invalid_token": "log in with `crawlctl login`, or correct the file of CRAWLJOBS_TOKEN_FILE",
    "webhooks_off": "the server has no WEBHOOK_MASTER_KEY",
}


class Refused(CommandFailed):
    """The server answered with an error status. `problem_code` is `code` in the problem."""

    def __init__(
        self, status: int, problem: Mapping[str, Any], retry_after: float | None = None
    ) -> None:
        self.status = status
        self.problem = problem
        self.problem_code = str(problem.get("code") or "")
        self.retry_after = retry_after
        super().__init__(_sentence(status, problem), code_of_status(status))


def read_problem(status: int, headers: Mapping[str, str], data: bytes) -> Refused:
    """Return the error for a response with an error status."""
    problem: Any = {}
    try:
        problem = json.loads(data)
    except (ValueError, RecursionError):
        problem = {"title": f"the server answered with {headers.get('Content-Type', 'no body')}"}
    if 300 <= status < 400:
        problem = {"title": f"the server redirects to {headers.get('Location', '?')}; use this URL"}
    return Refused(status, problem if isinstance(problem, dict) else {}, _retry_after(headers))


def _retry_after(headers: Mapping[str, str]) -> float | None:
    try:
        return max(0.0, float(headers.get("Retry-After", "")))
    except ValueError:
        return None


def _sentence(status: int, problem: Mapping[str, Any]) -> str:
    code = str(problem.get("code") or "")
    title, detail = (str(problem.get(name) or "") for name in ("title", "detail"))
    if code in TITLE_IS_CLEARER:
        detail = title or detail
    lines = [f"{detail or title or 'the server refused the request'} (HTTP {status} {code})"]
    lines[0] = lines[0].replace(" )", ")")
    errors = problem.get("errors")
    lines += [
        f"  {error.get('pointer', '')}: {error.get('detail', '')}"
        for error in (errors[:DETAILS] if isinstance(errors, list) else ())
        if isinstance(error, dict)
    ]
    if code in REMEDIES:
        lines.append(f"  {REMEDIES[code]}")
    if status >= 500 and problem.get("request_id"):
        lines.append(f"  request id: {problem['request_id']}")
    return "\n".join(visible(line[:TEXT_CHARACTERS]) for line in lines)
