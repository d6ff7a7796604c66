"""Compute the ids of a community and of its items from the seed and the community's name."""

from reddit_sandbox import keys


def key(seed: int, name: str) -> int:
    """Return the number from which all ids of a community are computed."""
    return keys.number(seed, "community", name.lower())


def tag(seed: int, name: str) -> int:
    """Return the bits that the ids of a community's items have in common."""
    return key(seed, name) & ((1 << keys.TAG_BITS) - 1)


def id_of(seed: int, name: str) -> str:
    """Return a community's id, as Reddit writes it in base 36."""
    return keys.id36(key(seed, name) >> 28)
