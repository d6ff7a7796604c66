"""`crawlctl groups graph`: the steps of a group and their upstreams, as text or for Graphviz."""

from collections.abc import Mapping
from typing import Any

import click

from crawlctl.output.graphviz import quoted
from crawlctl.output.visible_text import visible
from crawlctl.rest.pages import read_items
from crawlctl.session import Session
from crawlctl.waiting import GROUP_PATH

WAITS_SHOWN = 20  # the API lists at most this number of upstreams of a step
_COLOURS = {"succeeded": "palegreen", "failed": "lightcoral", "held": "gold", "enqueued": "skyblue"}
Step = Mapping[str, Any]


@click.command()
@click.argument("group_id", type=click.IntRange(min=1))
@click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "dot"]),
    default="text",
    show_default=True,
    help="dot is the language of Graphviz.",
)
@click.pass_obj
def graph(session: Session, group_id: int, output: str) -> None:
    """Show for which upstreams each step waits."""
    steps = [*read_items(session.client, f"{GROUP_PATH}/{group_id}/steps", {}, limit=None)]
    for step in steps:
        if len(step["waits"]) == WAITS_SHOWN:
            session.say(f"{step['key']}: at most {WAITS_SHOWN} upstreams are shown.")
    lines = _dot(group_id, steps) if output == "dot" else _text(steps)
    session.writer.text("\n".join(lines))


def _upstream(wait: Step) -> str:
    if wait["all"]:
        return "all other steps"
    if wait["key"] is not None:
        return str(wait["key"])
    return f"job {wait['job_id']}" if wait["job_id"] is not None else f"group {wait['group_id']}"


def _text(steps: list[Step]) -> list[str]:
    lines = []
    for step in steps:
        after = ", ".join(map(_upstream, step["waits"]))
        job = f", job {step['job_id']}" if step["job_id"] is not None else ""
        line = f"{step['key']}: {step['subreddit']}, {step['state']}{job}"
        lines.append(visible(line + (f", after {after}" if after else "")))
    return lines


def _dot(group_id: int, steps: list[Step]) -> list[str]:
    lines = [f"digraph group_{group_id} {{", "  rankdir=LR; node [shape=box style=filled];"]
    for step in steps:
        colour = _COLOURS.get(step["state"], "white")
        label = quoted(f"{step['key']}\n{step['subreddit']}: {step['state']}")
        lines.append(f"  {quoted(step['key'])} [label={label} fillcolor={colour}];")
        for wait in step["waits"]:
            others = (
                [s["key"] for s in steps if s is not step] if wait["all"] else [_upstream(wait)]
            )
            lines += [f"  {quoted(other)} -> {quoted(step['key'])};" for other in others]
    return [*lines, "}"]
