"""`crawlctl map`: the subreddits that have authors in common."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from crawlctl.nouns.map import LINK
from crawlctl.output.graphviz import quoted
from crawlctl.parameters import SUBREDDIT_NAME
from crawlctl.requests import given
from crawlctl.session import Session
from crawlctl.shared_options import Verb

PATH = "/api/admin/map"
LINKS_MAX = 1_500  # limit of the links in one answer of the API
WIDEST_LINE = 6.0  # width of the line of a link with the weight 1, in points
_COLOURS = ("palegreen", "skyblue", "gold", "plum", "salmon", "wheat", "turquoise", "pink")
Link = Mapping[str, Any]


@click.command("map", cls=Verb, more_formats=["dot"])
@click.argument("around", required=False, metavar="[SUBREDDIT]", type=SUBREDDIT_NAME)
@click.option("--min-shared", type=click.IntRange(min=1), help="Only links with this number.")
@click.option(
    "--limit", type=click.IntRange(1, LINKS_MAX), help="The most links, the strongest first."
)
@click.pass_obj
def show_map(
    session: Session, around: str | None, min_shared: int | None, limit: int | None
) -> None:
    """Show which subreddits have authors in common, or the neighbourhood of one subreddit.

    The neighbourhood has first the links of the subreddit, then the links among its neighbours. `-o
    dot` writes a graph for Graphviz. `crawlctl export links` writes all links.
    """
    query = given(around=around, min_shared=min_shared, limit=limit)
    if around is not None:
        query["limit"] = LINKS_MAX  # enough for all links among a subreddit and its 50 neighbours
    found = session.client.get(PATH, query).body
    links = [*_named(found)]
    if around is not None:
        links = _own_first(links, around.lower())[:limit]
    if session.chosen_format == "dot":
        session.writer.text("\n".join(_dot(links)))
    elif session.writer.items(LINK, links) == 0:
        session.say("There are no links: workers compute them after crawls.")
    if found["has_more"] or len(links) < len(found["links"]):
        session.say("There are weaker links: use --limit, or `crawlctl export links`.")
    if found["due"]:
        session.say(f"The links of {found['due']:,} subreddits are computed soon.")


def _named(found: Mapping[str, Any]) -> Iterator[Link]:
    nodes = {node["id"]: node for node in found["nodes"]}
    for link in found["links"]:
        ends = {"a": nodes[link["a"]], "b": nodes[link["b"]]}
        yield {
            **{end: node["name"] for end, node in ends.items()},
            "shared_authors": link["shared_authors"],
            "weight": round(link["weight"], 4),
            **{f"{end}_community": _community(node) for end, node in ends.items()},
            **{f"{end}_authors": node["authors"] for end, node in ends.items()},
            **{f"{end}_subscribers": node["subscribers"] for end, node in ends.items()},
            **{f"{end}_id": node["id"] for end, node in ends.items()},
        }


def _community(node: Mapping[str, Any]) -> str | None:
    return None if node["community"] is None else str(node["community"]["name"])


def _own_first(links: Sequence[Link], name: str) -> list[Link]:
    """Return the links of the subreddit `name` first, then the other links.

    In a link of the subreddit, `a` is the subreddit, and `b` is the neighbour.
    """
    turned = [_turned(link) if link["b"].lower() == name else link for link in links]
    return sorted(turned, key=lambda link: link["a"].lower() != name)


def _turned(link: Link) -> Link:
    """Return the link with its ends exchanged."""
    other = {"a": "b", "b": "a"}
    return {
        key: link[other[key[0]] + key[1:]] if key[0] in other and key[1:2] in ("", "_") else value
        for key, value in link.items()
    }


def _dot(links: Sequence[Link]) -> Iterator[str]:
    communities: dict[str | None, int] = {None: 0}
    yield "graph map {"
    yield "  layout=sfdp; overlap=prism; node [shape=box style=filled];"
    nodes = {link[end]: link[f"{end}_community"] for link in links for end in ("a", "b")}
    for name, community in nodes.items():
        number = communities.setdefault(community, len(communities))
        colour = "white" if community is None else _COLOURS[number % len(_COLOURS)]
        yield f"  {quoted(name)} [fillcolor={colour}];"
    for link in links:
        width = max(0.3, WIDEST_LINE * link["weight"])
        label = f"label={link['shared_authors']} penwidth={width:.2f}"
        yield f"  {quoted(link['a'])} -- {quoted(link['b'])} [{label}];"
    yield "}"
