"""The choices of the user for one run of the demo."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Plan:
    """The choices of the user, from the command line and from environment variables."""

    workers: int
    schedulers: int
    token: str = dataclasses.field(repr=False)
    source: str  # `sandbox`, or the address of Reddit's API
    discovers: bool
    new_items_per_minute: int
