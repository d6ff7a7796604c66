"""Every fixed number of the scheduler: operators, clients and other processes rely on many of them.

A change of one is deliberate: change it here too, and where a document repeats it.
"""

import scheduler
from support import fixed_numbers

NUMBERS = {
    "__main__.GRACE_SECONDS": 0.8,
    "__main__.POOL_SIZE": 2,
    "hints.PING_SECONDS": 30.0,
    "hints.DEADLINE_SECONDS": 5.0,
    "hints.RECONNECT_SECONDS": 0.1,
    "hints.RECONNECT_MAX_SECONDS": 30.0,
    "hints.STEADY_SECONDS": 10.0,
    "passed_over.TRY_AGAIN_SECONDS": 60.0,
    "passed_over.MOST": 1000,
    "probes.LATE_SECONDS": 90.0,
    "timetable.BATCH": 100,
    "timetable.LEAST_PAUSE_SECONDS": 0.1,
    "timetable.BACKOFF_SECONDS": 0.5,
    "timetable.BACKOFF_MAX_SECONDS": 15.0,
    "timetable.Timetable.__init__(tick_seconds)": 60.0,
    "timetable.Timetable.__init__(default_max_retries)": 3,
}


def test_every_number_is_listed_and_as_it_was() -> None:
    found = fixed_numbers.of_package(scheduler)
    difference = fixed_numbers.difference(found, NUMBERS)
    assert not difference, difference
