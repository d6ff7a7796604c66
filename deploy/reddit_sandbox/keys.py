"""Reproducible randomness: the same seed and name always give the same result."""

import hashlib
import random
import re

# 2005-06-23T00:00:00Z: ids count seconds from here, so that they increase with time as Reddit's do.
ID_EPOCH = 1_119_484_800
TAG_BITS = 24

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
# The longest id36 that fits a 64-bit number; a longer id does not exist.
_ID36 = re.compile(r"[0-9a-z]{1,12}")


def number(*parts: object) -> int:
    """A 63-bit number that depends only on `parts`."""
    text = "\x1f".join(str(part) for part in parts)
    raw = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(raw, "big") >> 1


def chance(*parts: object) -> random.Random:
    """A random generator that depends only on `parts`."""
    return random.Random(number(*parts))  # noqa: S311 - made-up data, not secrets


def share(*parts: object) -> float:
    """A number in [0, 1) that depends only on `parts`."""
    return number(*parts) / (1 << 63)


def id36(value: int) -> str:
    """`value` in base 36, as Reddit writes ids."""
    digits = []
    while True:
        value, digit = divmod(value, 36)
        digits.append(_DIGITS[digit])
        if not value:
            return "".join(reversed(digits))


def item_id(at: int, tag: int) -> str:
    """The id of the item that was created at second `at` in the community with this `tag`."""
    return id36(((at - ID_EPOCH) << TAG_BITS) | tag)


def split_item_id(text: str) -> tuple[int, int] | None:
    """(at, tag) of an item id; None for an invalid id."""
    if not _ID36.fullmatch(text):
        return None
    seconds, tag = divmod(int(text, 36), 1 << TAG_BITS)
    return ID_EPOCH + seconds, tag
