"""The query parameters of exports of content."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from admin_api.schemas.fields import Timestamp, described, subreddit, truth
from admin_api.schemas.known import Known, known
from crawljobs.repository.exports.export_plan import ExportShape

FORMATS = ("ndjson", "csv")
LINK_FORMATS = (*FORMATS, "graphml", "gexf")
RATE_MIN, RATE_MAX = 100, 1_000_000


def _of_all() -> dict[str, fields.Field[Any]]:
    return {
        "format": fields.String(
            load_default="ndjson",
            validate=Known("ContentFormat", FORMATS),
            metadata=described("`ndjson`: one JSON object per line; `csv`, with a header line."),
        ),
        "after": fields.String(
            load_default=None,
            validate=validate.Length(min=1, max=100),
            metadata=described("The key of the last complete line: continue after this line."),
        ),
        "rate": fields.Integer(
            load_default=None,
            validate=validate.Range(min=RATE_MIN, max=RATE_MAX),
            metadata=described("The maximum number of rows that are read per second."),
        ),
    }


def _shape() -> fields.String:
    return fields.String(
        load_default=ExportShape.FLAT.value,
        validate=known(ExportShape),
        metadata=described(
            "`flat`: the fields of this API; `reddit`: the fields of Reddit's own objects."
        ),
    )


def _pseudonyms() -> fields.Boolean:
    return truth(
        load_default=False,
        metadata=described(
            "true: a pseudonym in place of the name of each author, and no profile of an account."
        ),
    )


ExportedSubreddits = ma.Schema.from_dict(
    {**_of_all(), "shape": _shape(), "pseudonyms": _pseudonyms()}, name="ExportedSubreddits"
)
ExportedAuthors = ma.Schema.from_dict(
    {**_of_all(), "shape": _shape(), "pseudonyms": _pseudonyms()}, name="ExportedAuthors"
)
ExportedEdges = ma.Schema.from_dict(
    {**_of_all(), "pseudonyms": _pseudonyms(), "subreddit": subreddit(load_default=None)},
    name="ExportedEdges",
)
ExportedItems = ma.Schema.from_dict(
    {
        **_of_all(),
        "shape": _shape(),
        "pseudonyms": _pseudonyms(),
        "bodies": truth(
            load_default=True, metadata=described("false: without the texts of the items.")
        ),
        "subreddit": subreddit(load_default=None),
        "since": Timestamp(
            load_default=None, metadata=described("Only items created at this time or later.")
        ),
        "until": Timestamp(
            load_default=None, metadata=described("Only items created before this time.")
        ),
        "updated_since": Timestamp(
            load_default=None,
            metadata=described("Only items that a crawl changed at this time or later."),
        ),
    },
    name="ExportedItems",
)
ExportedLinks = ma.Schema.from_dict(
    {
        **_of_all(),
        "format": fields.String(
            load_default="ndjson",
            validate=Known("LinkFormat", LINK_FORMATS),
            metadata=described(
                "`ndjson`, `csv`, or a graph with its nodes: `graphml`, `gexf`. A graph cannot be "
                "continued with `after`."
            ),
        ),
        "pseudonyms": _pseudonyms(),
        "min_shared": fields.Integer(
            load_default=1,
            validate=validate.Range(min=1, max=2**31 - 1),
            metadata=described("Only links of at least this number of shared authors."),
        ),
    },
    name="ExportedLinks",
)
