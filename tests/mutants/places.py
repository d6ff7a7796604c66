"""Find the places of syntax tree nodes in a module's text."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Module:
    """A parsed file. All offsets count characters."""

    path: str
    source: str
    tree: ast.Module = field(init=False)
    _line_starts: list[int] = field(init=False)
    _lines: list[bytes] = field(init=False)

    def __post_init__(self) -> None:
        self.tree = ast.parse(self.source)
        lines = self.source.splitlines(keepends=True)
        self._line_starts = [0, *itertools.accumulate(map(len, lines))]
        self._lines = [line.encode() for line in lines]

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return (
            self.offset(node.lineno, node.col_offset),
            self.offset(node.end_lineno, node.end_col_offset),
        )

    def text(self, node: ast.expr | ast.stmt) -> str:
        start, end = self.span(node)
        return self.source[start:end]

    def offset(self, line: int, column: int) -> int:
        """Return the offset of a line and column of the syntax tree. The column counts bytes."""
        return self._line_starts[line - 1] + len(self._lines[line - 1][:column].decode())

    def definition_of(self, start: int) -> str:
        """Return the function or the assigned name of the module whose code has this place."""
        return _definition(self, self.tree.body, start)

    def code(self) -> Iterator[ast.AST]:
        """Yield every node that runs: no docstrings, no annotations, no code for type checkers."""
        return _runs(self.tree)


def _definition(module: Module, body: list[ast.stmt], start: int) -> str:
    for statement in body:
        begin, end = module.span(statement)
        if not begin <= start < end:
            continue
        match statement:
            case ast.ClassDef(name=name):
                inner = _definition(module, statement.body, start)
                return f"{name}.{inner}" if inner else name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                return name
            case (
                ast.Assign(targets=[ast.Name(id=name), *_])
                | ast.Assign(targets=[ast.Tuple(elts=[ast.Name(id=name), *_]), *_])
                | ast.AnnAssign(target=ast.Name(id=name))
            ):
                return name
    return ""


def _runs(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for child in _children(node):
        if not _is_for_readers(child):
            yield from _runs(child)


def _children(node: ast.AST) -> Iterator[ast.AST]:
    is_zip = isinstance(node, ast.Call) and ast.unparse(node.func) == "zip"
    for name, value in ast.iter_fields(node):
        if is_zip and name == "keywords":
            continue  # no test can notice a change of strict=True, which only finds bugs
        if name in ("annotation", "returns", "decorator_list", "bases", "type_params"):
            continue
        values = value if isinstance(value, list) else [value]
        yield from (one for one in values if isinstance(one, ast.AST))


def _is_for_readers(node: ast.AST) -> bool:
    match node:
        case ast.Expr(value=ast.Constant(value=str())):
            return True
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return True
        case ast.Assign(targets=[ast.Name(id="__all__"), *_]):
            return True
        case ast.Assert() | ast.Import() | ast.ImportFrom():
            return True
    return False
