"""Evaluates a formula of a document: only numbers, names, operators, min, max and if."""

import ast
import operator
from collections.abc import Callable, Mapping

_OPERATORS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Pow: operator.pow,
}
_FUNCTIONS: dict[str, Callable[..., float]] = {"min": min, "max": max}


def evaluate(formula: str, names: Mapping[str, float]) -> float:
    """Return the value of the formula. Raises ValueError for any other syntax or name."""
    return _value(ast.parse(formula, mode="eval").body, names)


def _value(node: ast.expr, names: Mapping[str, float]) -> float:
    match node:
        case ast.Constant(value=int() | float() as number):
            return number
        case ast.Name(id=name) if name in names:
            return names[name]
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](_value(left, names), _value(right, names))
        case ast.Call(func=ast.Name(id=name), args=arguments) if name in _FUNCTIONS:
            return _FUNCTIONS[name](*(_value(argument, names) for argument in arguments))
        case ast.IfExp(
            test=ast.Compare(left=left, ops=[ast.LtE()], comparators=[right]),
            body=body,
            orelse=orelse,
        ):
            chosen = body if _value(left, names) <= _value(right, names) else orelse
            return _value(chosen, names)
    raise ValueError(ast.unparse(node))
