"""A monotonic clock that a test sets. It replaces the module `time` of the tested code."""


class ManualClock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now
