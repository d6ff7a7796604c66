"""Schemas of requests that create groups, add steps, and list groups and steps."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from admin_api.schemas.fields import (
    INT8_MAX,
    NAME_MAX_CHARACTERS,
    Flag,
    Name,
    PageParameters,
    Timestamp,
    described,
    max_retries,
    priority,
    subreddit,
)
from admin_api.schemas.known import known
from admin_api.schemas.step import on_upstream_failure, require_outcome
from crawljobs.domain.group import RequiredOutcome, StepState, UpstreamFailure
from crawljobs.domain.group_plan import ALL, STEPS_MAX_OF_REQUEST, WAITS_MAX, Upstream
from crawljobs.repository.groups.group_list import GroupFilterState

KEY_PATTERN = "[A-Za-z0-9_][A-Za-z0-9_.:-]{0,99}"  # safe in the path of a URL
_KEY = re.compile(KEY_PATTERN)
KEY_SCHEMA = {"type": "string", "pattern": f"^{KEY_PATTERN}$", "minLength": 1, "maxLength": 100}
_ID_SCHEMA = {"type": "integer", "format": "int64", "minimum": 1, "maximum": INT8_MAX}


def _reference(name: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {name: _ID_SCHEMA},
        "required": [name],
        "additionalProperties": False,
    }


class After(fields.Field[Any]):
    """The upstreams of a step: the text `all`, or a list of Upstream."""

    def __init__(self) -> None:
        upstreams = [KEY_SCHEMA, _reference("job"), _reference("group")]
        super().__init__(
            load_default=list,
            metadata=described(
                "The upstreams that must end before the step starts: keys of steps of the same "
                f"group, jobs as {{job: id}}, sealed groups as {{group: id}}; at most {WAITS_MAX}. "
                f"`{ALL}`: all other steps of the group.",
                oneOf=[
                    {"type": "string", "const": ALL},
                    {"type": "array", "items": {"oneOf": upstreams}, "maxItems": WAITS_MAX},
                ],
            ),
        )

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        if value == ALL:
            return ALL
        if not isinstance(value, list):
            raise ma.ValidationError(f'expected "{ALL}" or a list')
        if len(value) > WAITS_MAX:
            raise ma.ValidationError(f"a step waits for at most {WAITS_MAX} others")
        found: list[Upstream] = []
        wrong: dict[int, list[str]] = {}
        for place, each in enumerate(value):
            upstream = _upstream(each)
            if upstream is None:
                wrong[place] = ["expected the key of a step, {job: id} or {group: id}"]
            else:
                found.append(upstream)
        if wrong:
            raise ma.ValidationError(wrong)
        return found


def _upstream(given: Any) -> Upstream | None:
    if isinstance(given, str):
        return Upstream(key=given) if _KEY.fullmatch(given) else None
    if not isinstance(given, Mapping) or len(given) != 1:
        return None
    ((name, number),) = given.items()
    if name not in ("job", "group") or isinstance(number, bool) or not isinstance(number, int):
        return None
    if not 1 <= number <= INT8_MAX:
        return None
    return Upstream(job_id=number) if name == "job" else Upstream(group_id=number)


def step_key() -> fields.String:
    return fields.String(
        load_default=None,
        validate=[
            validate.Length(min=1, max=100),
            validate.Regexp(
                f"{KEY_PATTERN}\\Z",  # $ would accept a key with a line feed at its end
                error="expected letters, digits and . _ : -, not beginning with . : or -",
            ),
        ],
        metadata=described(
            "The name of the step in its group; absent: the name of the subreddit.",
            example="first",
            pattern=f"^{KEY_PATTERN}$",
        ),
    )


class StepRequestSchema(ma.Schema):
    """A step to add to a group."""

    key = step_key()
    subreddit = subreddit(required=True)
    priority = priority(default=60)
    max_retries = max_retries()
    visible_at = Timestamp(
        load_default=None,
        allow_none=True,
        metadata=described("The earliest start of the crawl; absent or null: now."),
    )
    after = After()
    on_upstream_failure = on_upstream_failure(load_default=UpstreamFailure.CANCEL.value)
    require_outcome = require_outcome(load_default=RequiredOutcome.ANY.value)


def _name() -> Name:
    return Name(
        load_default=None,
        allow_none=True,
        validate=[
            validate.Regexp(r"[\s\S]*\S", error="must not be blank"),
            validate.Length(min=1, max=NAME_MAX_CHARACTERS),
        ],
        metadata=described(
            "A name for people and for the filter of the list; need not be unique.",
            example="nightly map",
        ),
    )


class _Steps(fields.List[Any]):
    """A list of complete steps. If the list is too long, its steps are not checked."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        options.pop("partial", None)  # a PATCH may omit fields of the schedule, not of a step
        if isinstance(value, list) and len(value) > STEPS_MAX_OF_REQUEST:
            raise ma.ValidationError(f"Longer than maximum length {STEPS_MAX_OF_REQUEST}.")
        return super()._deserialize(value, attr, data, **options)


def steps(schema: type[ma.Schema], *, least: int, **options: Any) -> fields.List[Any]:
    """Return a field for a list of at least `least` steps. `schema` is the schema of each step."""
    return _Steps(
        fields.Nested(schema),
        validate=validate.Length(min=least, max=STEPS_MAX_OF_REQUEST),
        **options,
    )


class GroupBodySchema(ma.Schema):
    """A group to create."""

    name = _name()
    steps = steps(
        StepRequestSchema,
        least=0,
        load_default=None,
        allow_none=False,
        metadata=described("At most 10,000. A group may get further steps until it is sealed."),
    )
    sealed = Flag(
        load_default=None,
        allow_none=True,
        metadata=described(
            "Whether the group accepts no further steps. Absent or null: true if `steps` is given, "
            "else false."
        ),
    )


class StepsBodySchema(ma.Schema):
    """Steps to add to a group."""

    steps = steps(StepRequestSchema, least=1, required=True)


class GroupEditSchema(ma.Schema):
    """Options of a change of a group or of one step."""

    dry_run = Flag(
        load_default=False,
        metadata=described("Answer as after the change, and change nothing."),
    )


class CloneSchema(ma.Schema):
    """The name of the copy of a group."""

    name = _name()


class GroupParameters(PageParameters):
    name = Name(
        load_default=None,
        validate=validate.Length(min=1, max=NAME_MAX_CHARACTERS),
        metadata=described(
            "Only groups with this whole name; case does not matter. The name of a group of a "
            "schedule ends with its due time, so find the groups of a schedule with `schedule_id`."
        ),
    )
    state = fields.String(
        load_default=None,
        validate=known(GroupFilterState),
        metadata=described(
            "`open`; `paused` (open and paused); `finished`; or the outcome of a finished group."
        ),
    )
    subreddit = subreddit(load_default=None)
    schedule_id = fields.Integer(
        load_default=None,
        validate=validate.Range(min=1, max=INT8_MAX),
        metadata=described("Only groups that this schedule created.", format="int64"),
    )


class StepParameters(PageParameters):
    state = fields.List(
        fields.String(validate=known(StepState)),
        load_default=list,
        validate=validate.Length(max=20),
        metadata=described("Only steps in one of these states."),
    )
    subreddit = subreddit(load_default=None)
