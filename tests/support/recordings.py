"""Recorded traffic with Reddit. The files are never copied, because they contain user names."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crawler_worker.reddit.client import RedditClient
from crawler_worker.reddit.exchange import transfer
from crawljobs.settings import RedditSettings
from support import needs

BESIDE_THE_PROJECT = Path(__file__).resolve().parents[3] / "shared" / "reddit-recordings"
# Headers that do not match a recorded body, because the recorder stored decoded bodies.
TRANSPORT_HEADERS = frozenset({"content-encoding", "content-length", "transfer-encoding"})

SETTINGS = RedditSettings(
    client_id="replay",
    client_secret="replayed-secret",
    user_agent="linux:crawljobs.tests:0.1 (by /u/unset)",
    api_url="https://oauth.example",
    auth_url="https://www.example",
)


def folder() -> Path:
    """Return the folder of the recordings. Skips the test if the recordings are missing."""
    path = Path(os.environ.get("REDDIT_RECORDINGS") or BESIDE_THE_PROJECT)
    return needs.folder(path, "reddit-recordings")


@dataclass(frozen=True)
class Interaction:
    """A recorded request with its reply. `file` is the name of the recording's file."""

    file: str
    method: str
    path: str
    query: dict[str, Any]
    status: int
    headers: dict[str, str]
    body: Any

    @property
    def is_token(self) -> bool:
        return self.path.endswith(("/access_token", "/revoke_token"))

    def content(self) -> bytes:
        text = self.body if isinstance(self.body, str) else json.dumps(self.body)
        return text.encode()

    def exchange(self) -> transfer.Exchange:
        return reply(self.status, self.headers, self.content())


def interactions() -> Iterator[Interaction]:
    """Yield all recorded requests with their replies, in the order of the files."""
    for file in sorted((folder() / "recordings").glob("*.json")):
        yield from of_file(file)


def of_file(file: Path) -> Iterator[Interaction]:
    for each in json.loads(file.read_text())["interactions"]:
        yield Interaction(
            file=file.name,
            method=each["method"],
            path=each["path"],
            query=each["query"],
            status=each["status"],
            headers=each["headers"],
            body=each["body"],
        )


def reply(status: int, headers: dict[str, str], content: bytes) -> transfer.Exchange:
    named = {name.lower(): value for name, value in headers.items()}
    kept = {name: value for name, value in named.items() if name not in TRANSPORT_HEADERS}
    return transfer.Exchange(status, kept, content)


class Replay(transfer.Transport):
    """Answers requests with these recorded replies in order, then always with the last reply."""

    def __init__(self, *replies: Interaction, tokens: tuple[Interaction, ...] = ()) -> None:
        super().__init__(user_agent="tests")
        self._replies = list(replies)
        self._tokens = list(tokens)
        self.asked: list[transfer.Request] = []
        self.tokens_given = 0

    def send(self, request: transfer.Request) -> transfer.Exchange:
        if request.path.endswith("/access_token"):
            self.tokens_given += 1
            if self._tokens:
                return self._next(self._tokens).exchange()
            token = {"access_token": f"token{self.tokens_given}", "expires_in": 86400}
            return reply(200, {}, json.dumps(token).encode())
        self.asked.append(request)
        return self._next(self._replies).exchange()

    @staticmethod
    def _next(queue: list[Interaction]) -> Interaction:
        return queue.pop(0) if len(queue) > 1 else queue[0]


def unparsed(value: Any) -> Any:
    """Return the JSON value of a reply unchanged. It takes the place of a parser."""
    return value


def client(transport: transfer.Transport) -> RedditClient:
    """Return the worker's Reddit client with this transport, and without a request budget."""
    return RedditClient(SETTINGS, database=None, transport=transport, try_again_seconds=0)
