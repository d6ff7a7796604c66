"""flask-smorest's Blueprint with our parser, our problems and types."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any, Protocol, TypeVar, cast

import flask_smorest  # type: ignore[import-untyped]
import marshmallow as ma

from admin_api.http import idempotency, preconditions, scopes
from admin_api.http.request import request_body, request_parsing
from admin_api.http.request.json_bounds import Bounds
from crawljobs.domain.access import Scope

View = TypeVar("View", bound=Callable[..., Any])


class Decorator(Protocol):
    """Leaves the type of the view as it was."""

    def __call__(self, view: View, /) -> View: ...


# Any operation behind the token may answer these.
USUAL_PROBLEMS = (400, 401, 403, 413, 429, 500, 503)
POST_PROBLEMS = (409, 422)  # what Idempotency-Key may lead to


class Blueprint(flask_smorest.Blueprint):  # type: ignore[misc] # the base has no types
    """Views come out as they went in, so that mypy still knows them."""

    ARGUMENTS_PARSER = request_parsing.Parser()

    def __init__(
        self,
        name: str,
        import_name: str,
        *,
        reads: Scope = Scope.READ,
        changes: Scope = Scope.TOKENS,  # that of fewest tokens, for who forgets to say
        **options: Any,
    ) -> None:
        super().__init__(name, import_name, **options)
        self._reads = reads
        self._changes = changes

    def get(self, rule: str, **options: Any) -> Decorator:
        return self._at(rule, "GET", self._reads, options)

    def post(self, rule: str, *, secret: bool = False, **options: Any) -> Decorator:
        """Repeatable by Idempotency-Key; a `secret` answer is not kept for that."""

        def decorate(view: View) -> View:
            repeatable = idempotency.repeatable(view, secret=secret)
            return self._at(rule, "POST", self._changes, options)(repeatable)

        return decorate

    def put(self, rule: str, **options: Any) -> Decorator:
        return self._at(rule, "PUT", self._changes, options)

    def patch(self, rule: str, **options: Any) -> Decorator:
        return self._at(rule, "PATCH", self._changes, options)

    def delete(self, rule: str, **options: Any) -> Decorator:
        return self._at(rule, "DELETE", self._changes, options)

    def _at(self, rule: str, method: str, scope: Scope, options: dict[str, Any]) -> Decorator:
        def decorate(view: View) -> View:
            wanting = scopes.wants(scope, view)
            return cast(View, self.route(rule, methods=[method], **options)(wanting))

        return decorate

    def body(
        self,
        schema: type[ma.Schema],
        *,
        examples: dict[str, Any],
        required: bool = True,
        bounds: Bounds = request_body.USUAL,
    ) -> Decorator:
        """The JSON body; the view gets it as its next positional argument.

        One that is not `required` may be absent: it counts as {}.
        """
        parsed = schema()
        if not required:
            self.ARGUMENTS_PARSER.may_be_absent.add(parsed)

        def decorate(view: View) -> View:
            wrapped = self.arguments(parsed, location="json", examples=examples, required=required)(
                view
            )
            setattr(wrapped, request_body.BOUNDS, bounds)
            return cast(View, wrapped)

        return decorate

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

    def sends_files(self, types: Iterable[str], description: str) -> Decorator:
        """200 with a file of one of these types, streamed."""
        content = {kind: {"schema": {"type": "string"}} for kind in types}
        return cast(
            Decorator,
            self.doc(responses={"200": {"description": description, "content": content}}),
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
