"""Find the names of the gauges in the code of their collectors."""

import re

from support import images

OF_THE_DATABASE = (
    "shared/crawljobs/runtime/probes/content_gauges.py",
    "shared/crawljobs/runtime/probes/group_gauges.py",
    "shared/crawljobs/runtime/probes/queue_gauges.py",
    "shared/crawljobs/runtime/probes/table_size_gauges.py",
    "shared/crawljobs/runtime/probes/webhook_gauges.py",
)
OF_A_PROCESS = (
    "shared/crawljobs/runtime/probes/exposition.py",
    "services/scheduler/scheduler_probes.py",
)


def database_gauges() -> set[str]:
    """Return the gauges that every scheduler exports with the same values."""
    return _names(OF_THE_DATABASE)


def all_gauges() -> set[str]:
    return _names((*OF_THE_DATABASE, *OF_A_PROCESS))


def _names(modules: tuple[str, ...]) -> set[str]:
    return {
        name
        for module in modules
        for name in re.findall(r'"(crawl_[a-z_]+)"', (images.ROOT / module).read_text())
    }
