"""Measure the drain of a queue while an endpoint of webhooks gets an event of each job.

Each round drains the same jobs twice: without an endpoint, and with one endpoint that subscribes to
`job.succeeded`. No scheduler runs, so the figure is the cost of the events in the transactions that
end the jobs, without the deliveries.
"""

import statistics

from benchmarks import drain
from benchmarks.harness import Bench, Figure

JOBS, JOBS_QUICK = 100_000, 20_000
ROUNDS = 5
AT_LEAST = 0.85  # share of the speed without an endpoint


def measure(bench: Bench) -> list[Figure]:
    jobs = JOBS_QUICK if bench.quick else JOBS
    speeds: dict[bool, list[float]] = {False: [], True: []}
    for number in range(ROUNDS):
        for with_endpoint in (True, False) if number % 2 else (False, True):
            drained = drain.drain(bench, jobs=jobs, processes=1, with_endpoint=with_endpoint)
            speeds[with_endpoint].append(drained.jobs_per_second)
    ratios = [mine / other for mine, other in zip(speeds[True], speeds[False], strict=True)]
    name = f"drain of {jobs:,}, 1 process"
    return [
        Figure(f"{name}, no endpoint", statistics.median(speeds[False]), "jobs/s"),
        Figure(f"{name}, one endpoint", statistics.median(speeds[True]), "jobs/s"),
        Figure("one endpoint against none", statistics.median(ratios), "x", at_least=AT_LEAST),
    ]
