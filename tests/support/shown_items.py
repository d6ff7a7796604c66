"""A Reddit that answers /api/info with the requested items, except those that it omits."""

import json
from urllib.parse import parse_qs, urlsplit

from support import scripted_reddit
from support.scripted_server import Exchange


class ShowingReddit:
    """Shows each requested item of r/python. Replies leave out the full names in `omitted`."""

    def __init__(self) -> None:
        self.omitted: set[str] = set()
        self.batches: list[list[str]] = []
        self.extra: list[object] = []  # more children of each reply

    def __call__(self, it: Exchange) -> None:
        if it.path.startswith("/api/v1/access_token"):
            it.send(200, b'{"access_token": "t", "expires_in": 86400}')
            return
        names = parse_qs(urlsplit(it.path).query)["id"][0].split(",")
        self.batches.append(names)
        shown = [item(name) for name in names if name not in self.omitted]
        it.send(200, json.dumps(scripted_reddit.listing(*shown, *self.extra)).encode())


def item(name: str) -> object:
    kind, item_id = name.split("_")
    make = scripted_reddit.post if kind == "t3" else scripted_reddit.comment
    return make(item_id)
