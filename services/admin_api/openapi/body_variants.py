"""Splits the schema of a body with alternative fields into one schema for each alternative.

Client generators create a type for a choice between named objects. They create no type for an
object whose `oneOf` lists only required fields.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Variant:
    """One form of a body. Its schema is named like the body's schema, with `suffix` at the end.

    - `required`: the fields that only this form requires.
    - `left_out`: the fields of the body that this form does not allow.
    - `constants`: maps a field to its only allowed value.
    """

    suffix: str
    required: tuple[str, ...]
    left_out: tuple[str, ...]
    description: str
    constants: Mapping[str, Any] = field(default_factory=dict)


# A body must match exactly one variant. The schemas' methods with validates_schema check this too.
_OF_BULK = (
    Variant("ByIds", ("job_ids",), ("filter",), "The jobs with these ids."),
    Variant(
        "ByFilter",
        ("filter", "expected_count"),
        ("job_ids",),
        "The jobs that match a filter, if their number is `expected_count`.",
    ),
    Variant(
        "DryRunByFilter",
        ("filter", "dry_run"),
        ("job_ids", "expected_count"),
        "A dry run for the jobs that match a filter. It returns their number.",
        {"dry_run": True},
    ),
)
_VARIANTS = {
    "Bulk": _OF_BULK,
    "BulkStatus": _OF_BULK,
    "BulkBoost": _OF_BULK,
    "ScheduleBody": (
        Variant(
            "BySubreddit",
            ("subreddit",),
            ("subreddit_id", "steps"),
            "A schedule for a subreddit's name.",
        ),
        Variant(
            "BySubredditId",
            ("subreddit_id",),
            ("subreddit", "steps"),
            "A schedule for a subreddit's id.",
        ),
        Variant(
            "WithSteps",
            ("steps",),
            ("subreddit", "subreddit_id"),
            "A schedule that creates groups of steps.",
        ),
    ),
}


def split_bodies(schemas: dict[str, Any]) -> None:
    """For each body that has variants, replace the body's schema by a `oneOf` of the variants."""
    for name, variants in _VARIANTS.items():
        whole = schemas[name]
        for variant in variants:
            schemas[f"{name}{variant.suffix}"] = _schema_of(variant, whole)
        schemas[name] = {
            "description": whole["description"],
            "oneOf": [
                {"$ref": f"#/components/schemas/{name}{variant.suffix}"} for variant in variants
            ],
        }
    crawls = ("subreddit", "subreddit_id", "steps")
    schemas["SchedulePatch"]["not"] = {
        "anyOf": [
            {"type": "object", "required": [*pair]} for pair in itertools.combinations(crawls, 2)
        ]
    }


def _schema_of(variant: Variant, whole: dict[str, Any]) -> dict[str, Any]:
    properties = {
        name: _constant(schema, variant.constants[name]) if name in variant.constants else schema
        for name, schema in whole["properties"].items()
        if name not in variant.left_out
    }
    return {
        **whole,
        "properties": properties,
        "required": [*whole.get("required", ()), *variant.required],
        "description": variant.description,
    }


def _constant(schema: dict[str, Any], value: Any) -> dict[str, Any]:
    rest = {key: value for key, value in schema.items() if key != "default"}
    return {**rest, "const": value}
