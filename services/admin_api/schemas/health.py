"""The schema of /healthz and /readyz."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields

from admin_api.schemas.fields import described


class HealthSchema(ma.Schema):
    status = fields.String(required=True, metadata=described("`ok` or `ready`.", example="ok"))
