"""Extends flask-smorest's Blueprint with the parser, problems, scopes and types of this API."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol, TypeVar, cast

import flask_smorest  # type: ignore[import-untyped]
import marshmallow as ma

from admin_api.http import idempotency, pagination, preconditions, scopes
from admin_api.http.polling import conditional
from admin_api.http.request import request_body, request_parsing
from admin_api.http.request.json_bounds import Bounds
from admin_api.schemas import problem_codes
from crawljobs.domain.api_token import Scope

View = TypeVar("View", bound=Callable[..., Any])


class Decorator(Protocol):
    """A decorator that returns a view of the same type as its argument."""

    def __call__(self, view: View, /) -> View: ...


class Blueprint(flask_smorest.Blueprint):  # type: ignore[misc] # the base has no types
    """Registers views and keeps their types, so that mypy can check the callers of the views."""

    ARGUMENTS_PARSER = request_parsing.Parser()

    def __init__(
        self,
        name: str,
        import_name: str,
        *,
        # Views that only read need this scope. None: any valid token may read.
        reads: Scope | None = Scope.READ,
        # Views that change data need this scope. The default is the scope that the fewest tokens
        # have, so that a blueprint without this argument does not grant too much.
        changes: Scope = Scope.TOKENS,
        **options: Any,
    ) -> None:
        super().__init__(name, import_name, **options)
        self._reads = reads
        self._changes = changes

    def get(self, rule: str, **options: Any) -> Decorator:
        return self._at(rule, "GET", self._reads, options)

    def post(self, rule: str, *, secret: bool = False, **options: Any) -> Decorator:
        """Add a POST route that accepts Idempotency-Key. With `secret`, stores no response body."""

        def decorate(view: View) -> View:
            repeatable = idempotency.repeatable(view, secret=secret)
            problem_codes.add(repeatable, *problem_codes.OF_KEYS)
            return self._at(rule, "POST", self._changes, options)(repeatable)

        return decorate

    def put(self, rule: str, **options: Any) -> Decorator:
        return self._at(rule, "PUT", self._changes, options)

    def patch(self, rule: str, **options: Any) -> Decorator:
        return self._at(rule, "PATCH", self._changes, options)

    def delete(self, rule: str, **options: Any) -> Decorator:
        return self._at(rule, "DELETE", self._changes, options)

    def _at(
        self, rule: str, method: str, scope: Scope | None, options: dict[str, Any]
    ) -> Decorator:
        def decorate(view: View) -> View:
            if not request_body.is_declared(view):
                problem_codes.add(view, *problem_codes.OF_NO_BODY)
            # Generated clients name their functions by the operationId, such as list_jobs.
            about = {"operationId": view.__name__, problem_codes.EXTENSION: problem_codes.of(view)}
            named = self.doc(**about)(scopes.set_scope(scope, view))
            return cast(View, self.route(rule, methods=[method], **options)(named))

        return decorate

    def body(
        self,
        schema: type[ma.Schema],
        *,
        examples: dict[str, Any],
        required: bool = True,
        bounds: Bounds = request_body.USUAL,
    ) -> Decorator:
        """Declare the JSON body. The view receives the parsed body as a positional argument.

        If the body is not `required`, an absent body is read as {}.
        """
        parsed = schema()
        if not required:
            self.ARGUMENTS_PARSER.may_be_absent.add(parsed)

        def decorate(view: View) -> View:
            wrapped = self.arguments(parsed, location="json", examples=examples, required=required)(
                view
            )
            setattr(wrapped, request_body.BOUNDS, bounds)
            return cast(View, problem_codes.add(wrapped, *problem_codes.OF_BODIES))

        return decorate

    def parameters(self, schema: type[ma.Schema]) -> Decorator:
        """Declare the query parameters. A view without this decorator refuses all parameters."""

        def decorate(view: View) -> View:
            wrapped = self.arguments(schema(), location="query", unknown=ma.RAISE)(view)
            wrapped.takes_parameters = True
            if conditional.is_marked(view):  # doc() cannot add a header to query parameters
                _arguments_of(wrapped).append(conditional.PARAMETER)
            problem_codes.add(wrapped, *problem_codes.OF_PARAMETERS)
            if "cursor" in schema().fields:
                problem_codes.add(wrapped, *problem_codes.OF_CURSORS)
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
        """Declare the successful response. The schema serializes the view's return value."""
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
            self.alt_response(status, schema=schema(), description=description, headers=headers),
        )

    def if_match(self, *, required: bool) -> Decorator:
        """Document the If-Match header, which preconditions.check() reads."""
        codes = problem_codes.OF_REQUIRED_IF_MATCH if required else problem_codes.OF_IF_MATCH

        def decorate(view: View) -> View:
            header = preconditions.parameter(required=required)
            # Append to documented query parameters, because doc() would replace them.
            listed = _arguments_of(view)
            if any(each.get("in") == "query" for each in listed):
                listed.append(header)
                return problem_codes.add(view, *codes)
            documented = self.doc(parameters=[header])(view)
            return cast(View, problem_codes.add(documented, *codes))

        return decorate

    def answers_page(self, schema: type[ma.Schema], description: str) -> Decorator:
        """Declare a page of a list: its schema, the Link to the next page, and its ETag.

        The view must have the decorator `parameters`, which documents the If-None-Match header.
        """
        headers = {**pagination.LINK_HEADER, **conditional.HEADERS}

        def decorate(view: View) -> View:
            return self._unchanged(self.answers(200, schema, description, headers=headers)(view))

        return decorate

    def answers_polled(self, schema: type[ma.Schema], description: str) -> Decorator:
        """Declare an answer that has an ETag and is no list. The view needs `parameters` too."""

        def decorate(view: View) -> View:
            declared = self.answers(200, schema, description, headers=conditional.HEADERS)
            return self._unchanged(declared(view))

        return decorate

    def may_be_unchanged(self, view: View) -> View:
        """Document the If-None-Match header and the response 304 of a view without parameters.

        conditional.py answers 304. It also adds the ETag, unless the view adds one.
        """
        return self._unchanged(cast(View, self.doc(parameters=[conditional.PARAMETER])(view)))

    def _unchanged(self, view: View) -> View:
        conditional.mark(view)
        documented = self.alt_response(
            304, description="The answer is the one that you have.", headers=conditional.HEADERS
        )
        return cast(View, documented(view))

    def answers_nothing(self, description: str) -> Decorator:
        """Document a 204 response without a body."""
        return cast(Decorator, self.response(204, description=description))

    def sends_files(
        self, types: Iterable[str], description: str, *, headers: dict[str, Any] | None = None
    ) -> Decorator:
        """Document a 200 response that streams a file of one of these types."""
        content = {kind: {"schema": {"type": "string"}} for kind in types}
        response = {"description": description, "content": content}
        if headers is not None:
            response["headers"] = headers
        return cast(Decorator, self.doc(responses={"200": response}))

    def without_token(self, view: View) -> View:
        """Document that the view needs no token. auth.PUBLIC_ENDPOINTS must list the view too."""
        return cast(View, problem_codes.without_token(self.doc(security=[])(view)))

    def problems(self, *codes: str) -> Decorator:
        """Document further problem codes of a view.

        The other decorators add the codes of tokens, bodies, parameters and headers.
        """

        def decorate(view: View) -> View:
            return problem_codes.add(view, *codes)

        return decorate


def _arguments_of(view: Callable[..., Any]) -> list[dict[str, Any]]:
    """Return the documented query parameters of the view. Return [] if it has no parameters."""
    arguments: dict[str, Any] = getattr(view, "_apidoc", {}).get("arguments", {})
    listed: list[dict[str, Any]] = arguments.get("parameters", [])
    return listed
