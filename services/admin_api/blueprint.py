"""flask-smorest's Blueprint with our parser, our problems and types."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Protocol, TypeVar, cast

import flask_smorest  # type: ignore[import-untyped]
import marshmallow as ma

from admin_api import request_parsing

View = TypeVar("View", bound=Callable[..., Any])


class Decorator(Protocol):
    """Leaves the type of the view as it was."""

    def __call__(self, view: View, /) -> View: ...


# Any operation behind the token may answer these.
USUAL_PROBLEMS = (400, 401, 413, 500, 503)


class Blueprint(flask_smorest.Blueprint):  # type: ignore[misc] # the base has no types
    """Views come out as they went in, so that mypy still knows them."""

    ARGUMENTS_PARSER = request_parsing.Parser()

    def get(self, rule: str, **options: Any) -> Decorator:
        return cast(Decorator, self.route(rule, methods=["GET"], **options))

    def post(self, rule: str, **options: Any) -> Decorator:
        return cast(Decorator, self.route(rule, methods=["POST"], **options))

    def body(self, schema: type[ma.Schema], *, examples: dict[str, Any]) -> Decorator:
        """The JSON body; the view gets it as its next positional argument."""
        return cast(
            Decorator,
            self.arguments(schema(), location="json", examples=examples),
        )

    def parameters(self, schema: type[ma.Schema]) -> Decorator:
        """The query string; without it any parameter is refused."""

        def decorate(view: View) -> View:
            wrapped = self.arguments(schema(), location="query", unknown=ma.RAISE)(view)
            wrapped.takes_parameters = True
            return cast(View, wrapped)

        return decorate

    def answers(
        self,
        status: int,
        schema: type[ma.Schema],
        description: str,
        *,
        headers: dict[str, Any] | None = None,
    ) -> Decorator:
        """The usual answer: what the view returns, dumped by the schema."""
        return cast(
            Decorator,
            self.response(status, schema(), description=description, headers=headers),
        )

    def also_answers(
        self,
        status: int,
        schema: type[ma.Schema],
        description: str,
        *,
        headers: dict[str, Any] | None = None,
    ) -> Decorator:
        return cast(
            Decorator,
            self.alt_response(
                status, schema=schema(), description=description, headers=headers, success=True
            ),
        )

    def without_token(self, view: View) -> View:
        """Document that the view wants no token; auth.PUBLIC_ENDPOINTS is what lets it in."""
        return cast(View, self.doc(security=[])(view))

    def problems(self, *statuses: int, usual: bool = True) -> Decorator:
        """Document which problems this view answers, besides the usual ones."""

        def decorate(view: View) -> View:
            for status in {*(USUAL_PROBLEMS if usual else ()), *statuses}:
                view = self.alt_response(status, response=HTTPStatus(status).name)(view)
            return view

        return decorate
