"""The type of the responses that views return."""

from __future__ import annotations

from typing import Any

# Body, status, headers. flask-smorest dumps the body by the schema of the view.
Response = tuple[Any, int, dict[str, str]]
