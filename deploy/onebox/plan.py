"""The choices of the command line and the environment."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Plan:
    """The choices of the command line and the environment."""

    workers: int
    schedulers: int
    token: str = dataclasses.field(repr=False)
    source: str  # `sandbox`, or the address of Reddit's API
    discovers: bool
    new_items_per_minute: int
