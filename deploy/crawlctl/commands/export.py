"""`crawlctl export`: write stored content into a file."""

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from crawlctl.exporting.export_request import GRAPH_FORMATS, ITEMS, KINDS, ExportRequest
from crawlctl.failures import CommandFailed, ExitCode
from crawlctl.parameters import BEFORE_NOW
from crawlctl.requests import given
from crawlctl.session import Session
from crawlctl.shared_options import Verb

# The endings of names that promise a format to the reader of a file.
ENDINGS = {
    ".csv": "csv",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".parquet": "parquet",
    ".graphml": "graphml",
    ".gexf": "gexf",
}


@click.command(cls=Verb)
@click.argument("kind", type=click.Choice(KINDS))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="A new file, .part until it is complete; for parquet a folder.",
)
@click.option(
    "--format",
    "file_format",
    type=click.Choice(["ndjson", "csv", "parquet", *GRAPH_FORMATS]),
    default="ndjson",
    show_default=True,
    help="Format; graphml and gexf only for links.",
)
@click.option(
    "--partition",
    type=click.Choice(["subreddit", "month", "none"]),
    help="Folders of a parquet export of items; subreddit without this option.",
)
@click.option("--shape", type=click.Choice(["flat", "reddit"]), help="flat without this option.")
@click.option("--subreddit", help="Only items of one subreddit.")
@click.option("--since", type=BEFORE_NOW, help="Created at this time or later, such as 30d.")
@click.option("--until", type=BEFORE_NOW, help="Created before this time.")
@click.option("--updated-since", help="Changed since this time, which the last export printed.")
@click.option("--pseudonyms", is_flag=True, help="Pseudonyms in place of names of authors.")
@click.option("--no-bodies", is_flag=True, help="Leave out the texts.")
@click.option(
    "--min-shared", type=click.IntRange(min=1), help="Only links with this number of authors."
)
@click.option("--rate", type=click.IntRange(100, 1_000_000), help="The most rows a second.")
@click.option(
    "--resume", is_flag=True, help="Continue an interrupted export with the same options."
)
@click.pass_obj
def export(
    session: Session,
    /,
    kind: str,
    out: Path,
    file_format: str,
    partition: str | None,
    pseudonyms: bool,
    no_bodies: bool,
    resume: bool,
    **options: Any,
) -> ExitCode:
    """Write stored content, or the links of the map, into a file.

    When the connection breaks, the export continues after its last complete line. Needs the scope
    content.
    """
    from crawlctl.exporting.download import download
    from crawlctl.exporting.progress import Progress

    query = given(**options)
    if pseudonyms:
        query["pseudonyms"] = "true"
    if no_bodies:
        query["bodies"] = "false"
    file, progress = _target(out, kind, file_format, partition, query), Progress(session)
    file.open(resume=resume)
    try:
        download(session.client, file, progress, retry_seconds=session.retry_seconds)
        file.finish()
    except KeyboardInterrupt:
        progress.clear()
        if file_format not in GRAPH_FORMATS and file.lines:
            session.complain(
                f"The export is not complete after {file.lines:,} lines. Continue it with --resume."
            )
        raise
    finally:
        progress.clear()
        file.close()
    is_graph = file_format in GRAPH_FORMATS
    session.say(f"The graph is in {out}." if is_graph else f"{file.lines:,} lines are in {out}.")
    if file.updated_until is not None and kind in ITEMS:
        session.say(f"For later changes: --updated-since {file.updated_until}")
    return ExitCode.DONE


def _target(
    out: Path, kind: str, file_format: str, partition: str | None, query: dict[str, Any]
) -> Any:
    """Return the file or the folder of the export.

    Raises CommandFailed if the options contradict each other, or if pyarrow is not installed.
    """
    if str(out) == "-":
        raise CommandFailed("An export needs a file: --out - is no name of a file.", ExitCode.USAGE)
    expected = ENDINGS.get(out.suffix.lower(), file_format)
    if expected != file_format:
        raise CommandFailed(
            f"The name {out.name} is for {expected}, but the format is {file_format}: add "
            f"--format {expected}, or choose another name.",
            ExitCode.USAGE,
        )
    from crawlctl.exporting.graph_file import GraphFile
    from crawlctl.exporting.partial_file import PartialFile

    if file_format != "parquet":
        if partition is not None:
            raise CommandFailed("--partition is only for parquet.", ExitCode.USAGE)
        if file_format in GRAPH_FORMATS:
            if kind != "links":
                raise CommandFailed(f"{file_format} is only for links.", ExitCode.USAGE)
            return GraphFile(out, ExportRequest(kind, file_format, query))
        return PartialFile(out, ExportRequest(kind, file_format, query))
    if query.get("shape") == "reddit":
        raise CommandFailed("parquet has the shape flat.", ExitCode.USAGE)
    if find_spec("pyarrow") is None:
        raise CommandFailed(
            "parquet needs pyarrow, the extra crawlctl[parquet]. In the checkout, run: "
            f"{sys.executable} -m pip install -r requirements/crawlctl-parquet.lock",
            ExitCode.USAGE,
        )
    from crawlctl.exporting.parquet_folder import ParquetFolder

    has_partitions = kind in ITEMS
    by = (partition or "subreddit") if has_partitions and partition != "none" else None
    return ParquetFolder(out, ExportRequest(kind, "ndjson", query), by)
