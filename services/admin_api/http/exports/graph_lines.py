"""Writes the links between subreddits as a graph, in the XML formats GraphML and GEXF."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import quoteattr

from admin_api.http.exports.line_writers import Write

_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'


@dataclass(frozen=True)
class GraphFormat:
    """The parts of a file. Their order is: `head`, nodes, `middle`, links, `end`."""

    mimetype: str
    head: bytes
    node: Write
    middle: bytes
    link: Write
    end: bytes


def _writer(element: Callable[[dict[str, Any]], str]) -> Write:
    return lambda _, line: f"{element(json.loads(line))}\n".encode()


def _graphml_node(node: dict[str, Any]) -> str:
    values = "".join(_data(key, node[key]) for key in ("authors", "community"))
    return f"<node id={quoteattr(str(node['id']))}>{_data('label', node['name'])}{values}</node>"


def _graphml_link(link: dict[str, Any]) -> str:
    ends = f"source={quoteattr(str(link['a_id']))} target={quoteattr(str(link['b_id']))}"
    values = "".join(_data(key, link[key]) for key in ("weight", "shared_authors"))
    return f"<edge {ends}>{values}</edge>"


def _data(key: str, value: object) -> str:
    if value is None:
        return ""
    text = str(value).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f'<data key="{key}">{text}</data>'


def _gexf_node(node: dict[str, Any]) -> str:
    name = f"<node id={quoteattr(str(node['id']))} label={quoteattr(node['name'])}>"
    values = f"{_value('authors', node['authors'])}{_value('community', node['community'])}"
    return f"{name}<attvalues>{values}</attvalues></node>"


def _gexf_link(link: dict[str, Any]) -> str:
    ends = f"source={quoteattr(str(link['a_id']))} target={quoteattr(str(link['b_id']))}"
    name = f'<edge id="{link["a_id"]}-{link["b_id"]}" {ends} weight="{link["weight"]}">'
    return f"{name}<attvalues>{_value('shared_authors', link['shared_authors'])}</attvalues></edge>"


def _value(key: str, value: object) -> str:
    return "" if value is None else f'<attvalue for="{key}" value={quoteattr(str(value))}/>'


GRAPHML = GraphFormat(
    mimetype="application/graphml+xml",
    head=(
        f'{_DECLARATION}<graphml xmlns="http://graphml.graphdrawing.org/xmlns">\n'
        '<key id="label" for="node" attr.name="label" attr.type="string"/>\n'
        '<key id="authors" for="node" attr.name="authors" attr.type="long"/>\n'
        '<key id="community" for="node" attr.name="community" attr.type="string"/>\n'
        '<key id="weight" for="edge" attr.name="weight" attr.type="double"/>\n'
        '<key id="shared_authors" for="edge" attr.name="shared_authors" attr.type="long"/>\n'
        '<graph edgedefault="undirected">\n'
    ).encode(),
    node=_writer(_graphml_node),
    middle=b"",
    link=_writer(_graphml_link),
    end=b"</graph>\n</graphml>\n",
)
GEXF = GraphFormat(
    mimetype="application/gexf+xml",
    head=(
        f'{_DECLARATION}<gexf xmlns="http://gexf.net/1.3" version="1.3">\n'
        '<graph defaultedgetype="undirected">\n<attributes class="node">\n'
        '<attribute id="authors" title="authors" type="long"/>\n'
        '<attribute id="community" title="community" type="string"/>\n</attributes>\n'
        '<attributes class="edge">\n'
        '<attribute id="shared_authors" title="shared_authors" type="long"/>\n</attributes>\n'
        "<nodes>\n"
    ).encode(),
    node=_writer(_gexf_node),
    middle=b"</nodes>\n<edges>\n",
    link=_writer(_gexf_link),
    end=b"</edges>\n</graph>\n</gexf>\n",
)
FORMATS = {"graphml": GRAPHML, "gexf": GEXF}
