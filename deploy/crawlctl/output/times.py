"""Times and durations as text for people."""

from datetime import UTC, datetime

_UNITS = (("d", 86_400), ("h", 3_600), ("m", 60))


def shown_time(value: str, *, local: bool) -> str:
    """Return an ISO 8601 time without fractions of a second, in UTC or in the local time zone.

    A text that is not a time is returned unchanged.
    """
    moment = parsed(value)
    if moment is None:
        return value
    if local:
        return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S%z")
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def parsed(value: str) -> datetime | None:
    """Return the time of an ISO 8601 text, or None. A time without an offset is in UTC."""
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def shown_seconds(value: float) -> str:
    """Return a duration with its two largest units, such as `2h5m` or `3.2s`."""
    if value < 60:
        return f"{value:.3g}s"
    rest, parts = int(value), []
    for unit, seconds in _UNITS:
        count, rest = divmod(rest, seconds)
        if count:
            parts.append(f"{count}{unit}")
    if rest:
        parts.append(f"{rest}s")
    return "".join(parts[:2])
