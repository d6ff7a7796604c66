"""flask-smorest's Blueprint with our parser, our problems and types."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Protocol, TypeVar, cast

import flask_smorest  # type: ignore[import-untyped]
import marshmallow as ma

from admin_api import preconditions, request_parsing

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

    def put(self, rule: str, **options: Any) -> Decorator:
        return cast(Decorator, self.route(rule, methods=["PUT"], **options))

    def patch(self, rule: str, **options: Any) -> Decorator:
        return cast(Decorator, self.route(rule, methods=["PATCH"], **options))

    def delete(self, rule: str, **options: Any) -> Decorator:
        return cast(Decorator, self.route(rule, methods=["DELETE"], **options))

    def body(
        self, schema: type[ma.Schema], *, examples: dict[str, Any], required: bool = True
    ) -> Decorator:
        """The JSON body; the view gets it as its next positional argument.

        One that is not `required` may be absent: it counts as {}.
        """
        parsed = schema()
        if not required:
            self.ARGUMENTS_PARSER.may_be_absent.add(parsed)
        return cast(
            Decorator,
            self.arguments(parsed, location="json", examples=examples, required=required),
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

    def if_match(self, *, required: bool) -> Decorator:
        """Document the header that preconditions.check() looks at."""
        return cast(Decorator, self.doc(parameters=[preconditions.parameter(required=required)]))

    def answers_nothing(self, description: str) -> Decorator:
        """204: it is done, and there is nothing to show."""
        return cast(Decorator, self.response(204, description=description))

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
