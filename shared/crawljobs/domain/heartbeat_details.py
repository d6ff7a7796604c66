"""The keys of a heartbeat's details. Other processes read the values of these keys."""

from __future__ import annotations

CLOCK = "clock"  # the time of the process's clock, in ISO 8601
SETTINGS = "settings"  # the settings that should be equal in all processes of the service
OLDEST_TRANSACTION = "oldest_transaction_seconds"  # only heartbeats of schedulers have this key
DRAINING = "draining"  # in the heartbeats of workers: true if the worker claims no further job
