"""The rules that change Python code. Each rule yields tuples (start, end, replacement, name)."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator

from mutants.places import Module

Change = tuple[int, int, str, str]

COMPARISONS: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Is: ("is", "is not"),
    ast.IsNot: (r"is\s+not", "is"),
    ast.In: ("in", "not in"),
    ast.NotIn: (r"not\s+in", "in"),
}
ARITHMETIC: dict[type[ast.operator], tuple[str, str]] = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "/"),
    ast.FloorDiv: ("//", "*"),
    ast.Pow: ("**", "*"),
}
OPPOSITES = {"min": "max", "max": "min", "any": "all", "all": "any"}


def changes(module: Module) -> Iterator[Change]:
    for node in module.code():
        for rule in RULES:
            yield from rule(module, node)


def _comparison(module: Module, node: ast.AST) -> Iterator[Change]:
    if not isinstance(node, ast.Compare):
        return
    operands = [node.left, *node.comparators]
    for left, op, right in zip(operands, node.ops, operands[1:], strict=False):
        pattern, other = COMPARISONS[type(op)]
        yield from _between(module, left, right, pattern, other, "comparison")


def _boolean(module: Module, node: ast.AST) -> Iterator[Change]:
    if not isinstance(node, ast.BoolOp):
        return
    word, other = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
    for left, right in zip(node.values, node.values[1:], strict=False):
        yield from _between(module, left, right, word, other, "and/or")


def _arithmetic(module: Module, node: ast.AST) -> Iterator[Change]:
    if isinstance(node, ast.BinOp) and type(node.op) in ARITHMETIC and not _has_text(node):
        sign, other = ARITHMETIC[type(node.op)]
        pattern = re.escape(sign)
        yield from _between(module, node.left, node.right, pattern, other, "arithmetic")


def _has_text(node: ast.BinOp) -> bool:
    return any(
        isinstance(one, ast.JoinedStr)
        or (isinstance(one, ast.Constant) and isinstance(one.value, (str, bytes)))
        for one in ast.walk(node)
    )


def _between(
    module: Module, left: ast.expr, right: ast.expr, pattern: str, other: str, rule: str
) -> Iterator[Change]:
    (_, begin), (end, _) = module.span(left), module.span(right)
    found = re.search(pattern, module.source[begin:end])
    if found:
        yield begin + found.start(), begin + found.end(), other, rule


def _negation(module: Module, node: ast.AST) -> Iterator[Change]:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield *module.span(node), f"({module.text(node.operand)})", "removed not"


def _condition(module: Module, node: ast.AST) -> Iterator[Change]:
    if isinstance(node, (ast.If, ast.While, ast.IfExp)) and isinstance(
        node.test, (ast.Name, ast.Attribute, ast.Call)
    ):
        yield *module.span(node.test), f"not {module.text(node.test)}", "negated condition"


def _statement(module: Module, node: ast.AST) -> Iterator[Change]:
    match node:
        case ast.Expr(value=ast.Call()):
            yield *module.span(node), "pass", "removed call"
        case ast.Raise():
            yield *module.span(node), "pass", "removed raise"
        case ast.Continue():
            yield *module.span(node), "pass", "removed continue"
        case ast.Break():
            yield *module.span(node), "pass", "removed break"
        case ast.AugAssign():
            yield *module.span(node), "pass", "removed assignment"
        case ast.Assign(targets=[ast.Attribute()]):
            yield *module.span(node), "pass", "removed assignment"


def _constant(module: Module, node: ast.AST) -> Iterator[Change]:
    if not isinstance(node, ast.Constant):
        return
    match node.value:
        case bool():
            yield *module.span(node), str(not node.value), "constant"
        case int():
            yield *module.span(node), f"({module.text(node)} + 1)", "constant"
            if node.value > 1:
                yield *module.span(node), f"({module.text(node)} - 1)", "constant"
        case float():
            yield *module.span(node), f"({module.text(node)} * 2 + 0.1)", "constant"


def _call(module: Module, node: ast.AST) -> Iterator[Change]:
    if not isinstance(node, ast.Call):
        return
    if isinstance(node.func, ast.Name) and node.func.id in OPPOSITES:
        yield *module.span(node.func), OPPOSITES[node.func.id], "opposite function"
        return  # the order of the arguments does not matter
    plain = (ast.Name, ast.Attribute)
    for left, right in zip(node.args, node.args[1:], strict=False):
        if isinstance(left, plain) and isinstance(right, plain):
            (start, middle), (begin, end) = module.span(left), module.span(right)
            swapped = module.text(right) + module.source[middle:begin] + module.text(left)
            yield start, end, swapped, "swapped arguments"


def _early_return(module: Module, node: ast.AST) -> Iterator[Change]:
    if not isinstance(node, ast.FunctionDef) or not _returns_nothing(node):
        return
    body = [one for one in node.body if not isinstance(getattr(one, "value", None), ast.Constant)]
    is_single_call = len(body) == 1 and isinstance(body[0], ast.Expr)  # has "removed call"
    if body and not is_single_call:
        start, _ = module.span(body[0])
        indent = " " * body[0].col_offset
        yield start, start, f"return\n{indent}", "returned early"


def _returns_nothing(node: ast.FunctionDef) -> bool:
    if not (isinstance(node.returns, ast.Constant) and node.returns.value is None):
        return False
    return not any(isinstance(one, (ast.Yield, ast.YieldFrom)) for one in ast.walk(node))


RULES: tuple[Callable[[Module, ast.AST], Iterator[Change]], ...] = (
    _comparison,
    _boolean,
    _arithmetic,
    _negation,
    _condition,
    _statement,
    _constant,
    _call,
    _early_return,
)
