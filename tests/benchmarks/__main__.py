"""`./run bench` runs the benchmarks, which are named workloads, and prints their figures."""

import json
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from benchmarks import (
    admin_api,
    aging,
    content_growth,
    crawl,
    crawl_memory,
    drain,
    enqueue,
    exports,
    full_history,
    groups,
    growth,
    idle_to_start,
    job_cost,
    long_transaction,
    page_storage,
    queue_depth,
    recovery,
    schedule_lateness,
    shared_budget,
    versus,
    webhooks,
)
from benchmarks.harness import Figure, private_server
from benchmarks.peers import candidates, compare, install, workloads

JSON_FILE = install.ROOT / ".bench" / "figures.json"

WORKLOADS = {
    "admin_api": admin_api.measure,
    "aging": aging.measure,
    "content_growth": content_growth.measure,
    "crawl": crawl.measure,
    "crawl_memory": crawl_memory.measure,
    "drain": drain.measure,
    "enqueue": enqueue.measure,
    "exports": exports.measure,
    "worker_memory": drain.measure_memory,
    "full_history": full_history.measure,
    "groups": groups.measure,
    "growth": growth.measure,
    "queue_depth": queue_depth.measure,
    "idle_to_start": idle_to_start.measure,
    "long_transaction": long_transaction.measure,
    "job_cost": job_cost.measure,
    "page_storage": page_storage.measure,
    "recovery": recovery.measure,
    "schedule_lateness": schedule_lateness.measure,
    "shared_budget": shared_budget.measure,
    "webhooks": webhooks.measure,
}


@click.command()
@click.option("--quick", is_flag=True, help="Smaller and shorter: to see that it works.")
@click.option("--only", multiple=True, help="Of ours or, with --peers, of theirs.")
@click.option(
    "--items",
    type=click.IntRange(10_000, 12_000_000),
    help="Posts of content_growth, and as many comments (10,000,000 need 30 GB of disk).",
)
@click.option("--json-file", type=click.Path(path_type=Path), help="Where to write the figures.")
@click.option("--peers", is_flag=True, help="Compare with other queues, side by side, instead.")
@click.option(
    "--peer",
    type=click.Choice(sorted(candidates.CANDIDATES)),
    multiple=True,
    help="Only with these; implies --peers.",
)
@click.option(
    "--against",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Compare the cost of jobs with another checkout of this project instead.",
)
def main(
    *,
    quick: bool,
    only: tuple[str, ...],
    items: int | None,
    json_file: Path | None,
    peers: bool,
    peer: tuple[str, ...],
    against: Path | None,
) -> None:
    """Measure the production code on a private Postgres with fsync on."""
    console = Console()
    known = workloads.WORKLOADS if peers or peer else WORKLOADS
    if unknown := sorted(set(only) - set(known)):
        raise click.UsageError(f"--only {unknown[0]}: expected one of {', '.join(sorted(known))}")
    if peers or peer:
        with private_server(quick=quick) as bench:
            compare.compare(
                console, bench, only=only, names=peer, json_file=json_file or compare.JSON_FILE
            )
        return
    figures: dict[str, list[Figure]] = {}
    if against is not None:
        figures["versus"] = versus.compare(against, quick=quick)
    with private_server(quick=quick, items=items) as bench:
        for name in () if against else only or WORKLOADS:
            console.print(f"{name} ...")
            figures[name] = WORKLOADS[name](bench)
    table = Table("workload", "figure", "value", "must be", "verdict")
    for name, found in figures.items():
        for figure in found:
            value = f"{figure.value:.3g} {figure.unit}"
            table.add_row(name, figure.name, value, figure.must, figure.verdict)
    console.print(table)
    plain = {name: [vars(figure) for figure in found] for name, found in figures.items()}
    json_file = json_file or JSON_FILE
    json_file.parent.mkdir(parents=True, exist_ok=True)
    json_file.write_text(json.dumps(plain, indent=2) + "\n")
    console.print(f"{json_file}")
    if any(figure.verdict == "FALLS SHORT" for found in figures.values() for figure in found):
        raise SystemExit(1)


if __name__ == "__main__":
    main(prog_name="./run bench")
