"""Reproducible random numbers and ids: the same seed and name always give the same result."""

import hashlib
import random
import re

# 2005-06-23T00:00:00Z. Ids count seconds from this time, so they increase with time, as on Reddit.
ID_EPOCH = 1_119_484_800
TAG_BITS = 24  # the lowest TAG_BITS bits of an item's id identify the community

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
# An id has at most 12 digits, so that it fits in a 64-bit number.
_ID36 = re.compile(r"[0-9a-z]{1,12}")


def number(*parts: object) -> int:
    """Return a 63-bit number that depends only on `parts`."""
    text = "\x1f".join(str(part) for part in parts)
    raw = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(raw, "big") >> 1


def chance(*parts: object) -> random.Random:
    """Return a random generator. Its numbers depend only on `parts`."""
    return random.Random(number(*parts))  # noqa: S311 - made-up data, not secrets


def share(*parts: object) -> float:
    """Return a number that is at least 0 and below 1, and that depends only on `parts`."""
    return number(*parts) / (1 << 63)


def id36(value: int) -> str:
    """Return `value` in base 36, as Reddit writes ids."""
    digits = []
    while True:
        value, digit = divmod(value, 36)
        digits.append(_DIGITS[digit])
        if not value:
            return "".join(reversed(digits))


def item_id(at: int, tag: int) -> str:
    """Return the id of the item created at second `at` in the community with this `tag`."""
    return id36(((at - ID_EPOCH) << TAG_BITS) | tag)


def split_item_id(text: str) -> tuple[int, int] | None:
    """Return the time of creation in seconds and the community's tag, or None for an invalid id."""
    if not _ID36.fullmatch(text):
        return None
    seconds, tag = divmod(int(text, 36), 1 << TAG_BITS)
    return ID_EPOCH + seconds, tag
