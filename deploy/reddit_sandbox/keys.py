"""Everything that is decided by chance is decided by a key: same seed and name, same answer."""

import hashlib
import random
import re

# 2005-06-23T00:00:00Z: ids count seconds from here, so that they grow with time as Reddit's do.
ID_EPOCH = 1_119_484_800
TAG_BITS = 24

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
# The longest id36 that still fits a 64-bit number; longer ones are nobody's.
_ID36 = re.compile(r"[0-9a-z]{1,12}")


def number(*parts: object) -> int:
    """A 63-bit number that only its parts decide."""
    text = "\x1f".join(str(part) for part in parts)
    raw = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(raw, "big") >> 1


def chance(*parts: object) -> random.Random:
    """A stream of random numbers that only its parts decide."""
    return random.Random(number(*parts))  # noqa: S311 - made-up data, not secrets


def share(*parts: object) -> float:
    """A number in [0, 1) that only its parts decide."""
    return number(*parts) / (1 << 63)


def id36(value: int) -> str:
    """`value` as Reddit writes ids."""
    digits = []
    while True:
        value, digit = divmod(value, 36)
        digits.append(_DIGITS[digit])
        if not value:
            return "".join(reversed(digits))


def item_id(at: int, tag: int) -> str:
    """The id of the item that the community `tag` got at second `at`."""
    return id36(((at - ID_EPOCH) << TAG_BITS) | tag)


def split_item_id(text: str) -> tuple[int, int] | None:
    """(at, tag) of an item id, or None when it cannot be one."""
    if not _ID36.fullmatch(text):
        return None
    seconds, tag = divmod(int(text, 36), 1 << TAG_BITS)
    return ID_EPOCH + seconds, tag
