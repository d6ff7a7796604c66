"""A client of the admin-api: JSON over HTTP with a bearer token."""

import http.client
import json
from typing import Any

from crawljobs.domain import plain_text
from onebox.demo_errors import OneboxError

TIMEOUT_SECONDS = 10
USER_AGENT = "crawljobs-demo"
ANSWER_BYTES = 8 * 2**20  # limit of the bytes of a reply; a list of 500 jobs has a tenth of them


class ApiUnavailableError(OneboxError):
    """The admin-api does not answer now, but a later call may succeed."""


class ApiRefusedError(OneboxError):
    """The admin-api refused a request. The message has the details from the problem document."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        details = [str(error.get("detail", "")) for error in problem.get("errors") or ()]
        text = "; ".join([str(problem.get("detail") or problem.get("title") or ""), *details])
        super().__init__(plain_text.one_line(text, limit=500) or f"HTTP status {status}")
        self.status = status


class ApiClient:
    """Sends requests to the admin-api over one connection, which it reopens after an error.

    `get`, `post` and `delete` raise ApiUnavailableError or ApiRefusedError. Only one thread may use
    a client.
    """

    def __init__(self, port: int, token: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
        self._token = token

    def get(self, path: str) -> dict[str, Any]:
        return self._call("GET", path, None)

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return self._call("POST", path, json.dumps(body))

    def delete(self, path: str) -> dict[str, Any]:
        return self._call("DELETE", path, None)

    def close(self) -> None:
        self._connection.close()

    def _call(self, method: str, path: str, body: str | None) -> dict[str, Any]:
        headers = {
            "Authorization": f"Bearer {self._token}",
            "Accept": "application/json",
            "User-Agent": USER_AGENT,
        }
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            self._connection.request(method, path, body, headers)
            response = self._connection.getresponse()
            content = response.read(ANSWER_BYTES)
            answer = json.loads(content) if content else {}
        except (OSError, http.client.HTTPException, ValueError) as error:
            self._connection.close()
            reason = f"{type(error).__name__}: {error}"
            raise ApiUnavailableError(f"The admin-api does not answer: {reason}") from error
        if response.status >= 500:
            raise ApiUnavailableError(
                f"The admin-api answers with status {response.status}: see its log."
            )
        if response.status >= 400:
            raise ApiRefusedError(response.status, answer)
        return dict(answer)
