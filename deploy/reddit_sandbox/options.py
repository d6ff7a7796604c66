"""The options of a sandbox and their defaults."""

import dataclasses
from pathlib import Path

# 2026-06-01T00:00:00Z. The sandbox's default time is fixed, so two runs show the same data.
DEFAULT_NOW = 1_780_272_000


@dataclasses.dataclass(frozen=True)
class Options:
    """The options of one sandbox. An empty client id or secret accepts any non-empty value."""

    seed: int = 1
    now: int = DEFAULT_NOW
    client_id: str = ""
    client_secret: str = ""
    token_seconds: int = 86_400
    rate_limit: int = 1_000
    rate_window: int = 600
    # Reddit counts requests for tokens against a separate limit.
    token_rate_limit: int = 300
    slow_seconds: float = 1.0
    hang_seconds: float = 60.0
    latency_seconds: float = 0.0
    new_items_per_minute: float = 0.0
    log_size: int = 5_000
    names_file: Path | None = None
