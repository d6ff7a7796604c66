"""The items that replies of /api/info leave out, as Reddit's replies leave out some items."""

import collections
import threading

NAMES_MAX = 10_000  # beyond this number, the item that was omitted first is shown again


class Omissions:
    """The full names of the omitted items. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._names: collections.OrderedDict[str, None] = collections.OrderedDict()

    def change(self, name: str, *, omitted: bool) -> None:
        """Omit the item, or show it again."""
        with self._lock:
            self._names.pop(name, None)
            if omitted:
                self._names[name] = None
            if len(self._names) > NAMES_MAX:
                self._names.popitem(last=False)

    def __contains__(self, name: str) -> bool:
        return name in self._names
