"""Documents the problem responses of each operation: the codes that the operation can return."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from admin_api.schemas.problem_codes import EXTENSION
from admin_api.schemas.problem_kinds import KINDS


def describe_problems(document: dict[str, Any]) -> None:
    """Add a response for each error status of each operation.

    Responses with the same problem codes refer to one component, whose name consists of the codes.
    """
    other = document["components"]["responses"]["DEFAULT_ERROR"]
    other["description"] = "A problem that the operation does not list."
    components = document["components"]["responses"] = {"DEFAULT_ERROR": other}
    for item in document["paths"].values():
        for operation in item.values():
            if not isinstance(operation, dict):
                continue
            default = operation["responses"].pop("default")
            for status, codes in sorted(_by_status(operation[EXTENSION]).items()):
                name = "_or_".join(codes)
                titles = [f"{KINDS[code].title} (`{code}`)." for code in codes]
                components[name] = {"description": " ".join(titles), "content": other["content"]}
                reference = {"$ref": f"#/components/responses/{name}"}
                operation["responses"][str(status)] = reference
            operation["responses"]["default"] = default


def _by_status(codes: list[str]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    for code in codes:
        found[KINDS[code].status].append(code)
    return found
