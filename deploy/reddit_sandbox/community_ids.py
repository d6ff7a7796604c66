"""The ids of a community and of its items, which follow from the seed and the name."""

from reddit_sandbox import keys


def key(seed: int, name: str) -> int:
    """The number from which all ids of a community are made."""
    return keys.number(seed, "community", name.lower())


def tag(seed: int, name: str) -> int:
    """The bits that mark the ids of a community's items."""
    return key(seed, name) & ((1 << keys.TAG_BITS) - 1)


def id_of(seed: int, name: str) -> str:
    """A community's id36."""
    return keys.id36(key(seed, name) >> 28)
