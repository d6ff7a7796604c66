"""The type of the responses that views return."""

from __future__ import annotations

from typing import Any

# Body, status, headers. flask-smorest serializes the body by the view's schema.
Response = tuple[Any, int, dict[str, str]]
