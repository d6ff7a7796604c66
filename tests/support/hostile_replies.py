"""Random hostile replies, which try to slow down, overload or crash a worker."""

import contextlib
import functools
import gzip
import json
import random
import threading
import zlib
from collections.abc import Callable
from typing import Any

from support.scripted_server import Exchange

Send = Callable[[Exchange], None]
Dice = random.Random
MIB = 1 << 20
MOST = 9 * MIB  # the largest reply; a worker reads a little less
DRIP_SECONDS = 1.0  # how long the server sends a slow reply; a test may change this


def draw(dice: Dice) -> tuple[str, Send]:
    """Choose a random reply. Return the name of its family, and the function that sends it."""
    family = dice.choice(sorted(FAMILIES))
    return family, FAMILIES[family](dice)


def size(dice: Dice, most: int = MOST) -> int:
    """Return a random size in bytes. Small and large sizes are equally likely."""
    return int(2 ** dice.uniform(4, most.bit_length() - 1))


def sent(content: bytes, **headers: str) -> Send:
    return lambda it: it.send(200, content, **headers)


def packed(dice: Dice, content: bytes) -> Send:
    if dice.random() < 0.5:
        return sent(gzip.compress(content, 1), content_encoding="gzip")
    return sent(content)


def quadratic_text(dice: Dice) -> Send:
    opening = b"[" * dice.choice([0, 1, 300, 5_000]) + dice.choice([b'"', b"", b'{"a":'])
    piece = dice.choice(
        [b'\\"', b"\\", b'"', b"[", b"]", b'"a",', b" ", b"1", b"{", b'{"a":', b"-"]
    )
    return packed(dice, opening + piece * (size(dice) // len(piece)))


def many_values(dice: Dice) -> Send:
    piece = dice.choice(
        ["{}", "[]", "0", '""', "null", '{"":0}', '{"kind":"t9","data":{}}', "[[]]", '{"kind":""}']
    )
    if dice.random() < 0.2:
        count = size(dice) // 12
        inner = "{" + ",".join(f'"{n:x}":1' for n in range(count)) + "}"
        return packed(dice, listing_text(inner).encode())
    count = dice.choice([150_000 // max(1, piece.count("{") + piece.count("[") + 1), 3 * MIB])
    return packed(dice, listing_text(",".join([piece] * min(count, MOST // len(piece)))).encode())


def listing_text(children: str) -> str:
    return '{"kind":"Listing","data":{"after":null,"children":[' + children + "]}}"


def cookies(dice: Dice) -> Send:
    name, value = f"c{dice.getrandbits(40)}", "x" * dice.choice([10, 4_000, 50_000])
    return lambda it: it.send(200, b"{}", set_cookie=f"{name}={value}; Path=/; Max-Age=999999")


def dripped(dice: Dice) -> Send:
    head = b"HTTP/1.1 200 OK\r\n"
    chunked = head + b"Transfer-Encoding: chunked\r\n\r\n"
    before, piece = dice.choice(
        [
            (b"HTTP/1.1 ", b"2"),
            (head + b"X: ", b"a"),
            (head, b"X: a\r\n"),
            (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
            (b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"),
            (chunked + b"5;a=", b"a"),
            (chunked + b"1\r\na\r\n0\r\n", b"X: a\r\n"),
            (head + b"Content-Length: 9999999\r\n\r\n", b"[" * 50),
        ]
    )
    return lambda it: it.drip(piece, before=before, at_most=DRIP_SECONDS)


@functools.cache
def bomb(content: bytes, mebibytes: int) -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    piece = content * (MIB // len(content))
    return b"".join(packer.compress(piece) for _ in range(mebibytes)) + packer.flush()


def gzip_bombs(dice: Dice) -> Send:
    content = bomb(dice.choice([b"\0", b"{},", b"[", b" "]), dice.choice([7, 100]))
    content += dice.choice([b"", b"junk" * 300_000, gzip.compress(b"{}")])
    return sent(content[: dice.choice([None, -9])], content_encoding="gzip")


def nesting(dice: Dice) -> Send:
    depth = dice.choice([150, 900, 100_000])
    if dice.random() < 0.5:
        opening, closing = dice.choice([("[", "]"), ('{"a":', "}"), ('[{"replies":', "}]")])
        return packed(dice, listing_text(opening * depth + "1" + closing * depth).encode())
    levels = min(depth, 5_000)
    opening = (
        '{"kind":"t1","data":{"id":"a","link_id":"t3_a","parent_id":"t3_a","subreddit":"club",'
        '"created_utc":1,"replies":{"kind":"Listing","data":{"children":['
    )
    return packed(dice, listing_text(opening * levels + "]}}}}" * levels).encode())


def texts(dice: Dice) -> Send:
    """Send posts with very long texts. One emoji makes Python use 4 bytes for each character."""
    letters = dice.choice(["a" * 60_000, "a" * 60_000 + "\U0001f600", "r/abc " * 9_000])
    letters = dice.choice([letters, "\\n" * 30_000, "\x1b[31m" * 9_000, "\ud83d" * 20_000])
    field = dice.choice(["selftext", "title", "url", "author", "id", "subreddit"])
    return packed(dice, posts({field: letters}, MOST // 60_000 * dice.choice([1, 2]) // 2))


def posts(changed: dict[str, Any], count: int) -> bytes:
    children = [
        {"kind": "t3", "data": {"id": f"{n}a", "subreddit": "club", "created_utc": 1e9, **changed}}
        for n in range(count)
    ]
    listing = {"kind": "Listing", "data": {"children": children, "after": None}}
    return json.dumps(listing, ensure_ascii=bool(count % 2)).encode("utf-8", "surrogatepass")


def numbers(dice: Dice) -> Send:
    number = dice.choice(["9", "-9", "0.", "1e", "1.1e-", "1E+"]) + "9" * size(dice, MIB)
    field = dice.choice(["score", "created_utc", "num_comments", "edited", "upvote_ratio"])
    text = posts({field: 12345}, 3).decode().replace("12345", number)
    return packed(dice, text.encode())


def other_types(dice: Dice) -> Send:
    return dice.choice(
        [
            sent(b"<!doctype html>" + b"<p>" * size(dice), content_type="text/html"),
            sent("[]".encode("utf-16"), content_type="application/json; charset=utf-16"),
            sent(b"\xef\xbb\xbf{}"),
            sent(b""),
            sent(b"\xff" * size(dice)),
            sent(b"{}", content_encoding=dice.choice(["br", "gzip, gzip", "x" * 9_000, "gzip"])),
            sent(b"null"),
            sent(json.dumps({"reason": "x" * size(dice)}).encode()),
            lambda it: it.send(503, b"<html>" * size(dice), retry_after="9" * 50_000),
            lambda it: it.send(500, b"[" * size(dice)),
        ]
    )


def cut_bodies(dice: Dice) -> Send:
    whole = posts({"selftext": "a" * 1_000}, 100)
    cut = whole[: dice.randrange(len(whole))]

    def short(it: Exchange) -> None:
        it.close_connection = True
        it.send(200, cut, **{"content-length": str(len(whole))})

    def in_chunks(it: Exchange) -> None:
        it.close_connection = True
        it.start(200, transfer_encoding="chunked")
        it.wfile.write(dice.choice([b"fffff", b"-1", b"0x9", b"9" * 30]) + b"\r\n" + cut)

    def packed_short(it: Exchange) -> None:
        it.send(200, gzip.compress(whole)[: dice.randrange(100)], content_encoding="gzip")

    return dice.choice([short, in_chunks, packed_short, sent(cut), lambda it: it.hang_up()])


def header_floods(dice: Dice) -> Send:
    line = dice.choice(
        [b"X-A: a\r\n", b"X: " + b"a" * 60_000 + b"\r\n", b" folded\r\n", b"no colon\r\n"]
    )
    flood = line * (size(dice) // len(line))
    odd = dice.choice([b"nan", b"-1", b"1e999", b"9" * 30_000, b"\xff"])
    budget = b"x-ratelimit-used: %s\r\nx-ratelimit-remaining: %s\r\nx-ratelimit-reset: %s\r\n"

    def flooded(it: Exchange) -> None:
        it.close_connection = True
        it.wfile.write(b"HTTP/1.1 200 OK\r\n" + flood + b"\r\n{}")

    def odd_budget(it: Exchange) -> None:
        it.close_connection = True
        it.wfile.write(b"HTTP/1.1 200 OK\r\n" + budget % (odd, odd, odd) + b"\r\n{}")

    return dice.choice([flooded, odd_budget])


FAMILIES: dict[str, Callable[[Dice], Send]] = {
    made.__name__: made
    for made in (
        quadratic_text,
        many_values,
        cookies,
        dripped,
        gzip_bombs,
        nesting,
        texts,
        numbers,
        other_types,
        cut_bodies,
        header_floods,
    )
}
LARGEST = posts({"selftext": "a" * 49_990 + "\U0001f600"}, 162)  # an even count: raw emoji


class AllAtOnce:
    """Sends the largest reply to `count` crawls at the same moment."""

    def __init__(self, count: int) -> None:
        self._ready = threading.Barrier(count)

    def __call__(self, it: Exchange) -> None:
        # If too few crawls come within 5 s, the waiting crawls get the reply anyway.
        with contextlib.suppress(threading.BrokenBarrierError):
            self._ready.wait(5)
        it.send(200, LARGEST)
