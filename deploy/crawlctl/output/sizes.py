"""Sizes as text for people."""

_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")


def shown_bytes(value: float) -> str:
    """Return a size with its largest unit, such as `117 MiB` or `1.5 GiB`."""
    size, place = float(value), 0
    while size >= 1024 and place < len(_UNITS) - 1:
        size, place = size / 1024, place + 1
    digits = 0 if place == 0 or size >= 10 else 1
    return f"{size:.{digits}f} {_UNITS[place]}"
