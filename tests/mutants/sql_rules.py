"""The rules that change SQL in Python strings. Each is a pattern with a replacement.

The expressions of an f-string and the comments of SQL stay unchanged.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator

from mutants.places import Module
from mutants.python_rules import Change

_IS_SQL = re.compile(
    r"\b(SELECT|UPDATE|INSERT INTO|DELETE FROM|WHERE|ORDER BY|CASE WHEN|FOR UPDATE)\b"
    r"|\b(coalesce|greatest|least|make_interval)\("
)
_FIRST_COVER = 0xE000  # the first of the characters that stand for expressions; no code has them
_IN_COMMENT = "\0"
_VALUE = r"(?:[:\w.]+|'[^']*'|\{[^{}]*\})"
_TERM = (
    rf"(?:NOT )?[\w.]+"
    rf"(?: (?:=|<>|<=|>=|<|>|~|!~) {_VALUE}| IS (?:NOT )?NULL| IN \([^()]*\))?"
)

Replacement = Callable[["re.Match[str]"], str]


def _swap(pairs: dict[str, str]) -> Replacement:
    return lambda found: pairs[" ".join(found.group().split())]


_GREATEST = {"greatest": "least", "least": "greatest"}
_COMPARISONS = {"<=": "<", ">=": ">", "<": "<=", ">": ">="}
PATTERNS: tuple[tuple[str, str, Replacement], ...] = (
    ("removed SKIP LOCKED", r" SKIP LOCKED", lambda _: ""),
    ("removed row lock", r"\s+FOR UPDATE(?: OF \w+)?(?: SKIP LOCKED| NOWAIT)?", lambda _: ""),
    ("least/greatest", r"\b(?:greatest|least)\b(?=\()", _swap(_GREATEST)),
    ("least/greatest", r"\b(?:greatest|least)\((?:0, )?([\w.]+), [\w.:]+\)", lambda m: m.group(1)),
    ("min/max", r"\b(?:min|max)\b(?=\()", _swap({"min": "max", "max": "min"})),
    ("order", r"(?<=\w) DESC\b", lambda _: ""),
    ("order", r"(?<=ORDER BY )[\w.]+(?=,|\s|$)(?! DESC)", lambda m: f"{m.group()} DESC"),
    ("removed coalesce", r"\bcoalesce\(([\w.]+), [\w.:' -]+\)", lambda m: m.group(1)),
    ("removed term", rf"\s+AND {_TERM}(?=\s|\)|$)(?! [-+*/<>=])", lambda _: ""),
    ("removed term", rf"\bWHERE {_TERM}\s+AND (?=\S)", lambda _: "WHERE "),
    ("comparison", r"(?<=[\w})'] )(?:<=|>=|<|>)(?= [\w:({])", _swap(_COMPARISONS)),
    ("equality", r"(?<=WHERE )[\w.]+ = (?=[:\w'])", lambda m: m.group().replace("=", "<>")),
    ("equality", r"(?<= )<>(?= )", lambda _: "="),
    ("null", r"\bIS (?:NOT )?NULL\b", _swap({"IS NULL": "IS NOT NULL", "IS NOT NULL": "IS NULL"})),
    ("and/or", r"(?<= )(?:AND|OR)(?= )", _swap({"AND": "OR", "OR": "AND"})),
    ("removed not", r"\bNOT (?!NULL|EXISTS \(SELECT FROM|DISTINCT|IN\b)", lambda _: ""),
    ("removed not", r" NOT (?=IN \()", lambda _: " "),
    ("arithmetic", r"(?<=[\w)}] )[+-](?= [\w:(\"'{])", _swap({"+": "-", "-": "+"})),
    ("removed assignment", r"\n +\w+ = [^\n]*,(?=\n +\w+ = )", lambda _: ""),
    ("constant", r"(?<=[ (])\d+(?=[ ,)\n]|$)", lambda m: str(int(m.group()) + 1)),
    ("constant", r"(?i)(?<=interval ')\d+(?= )", lambda m: str(int(m.group()) + 1)),
    ("constant", r"\b(?:true|false)\b", _swap({"true": "false", "false": "true"})),
    ("removed DISTINCT", r"\bDISTINCT (?!FROM)", lambda _: ""),
    ("removed conflict", r"\s+ON CONFLICT(?: \([^()]*\))? DO NOTHING", lambda _: ""),
    ("removed filter", r" FILTER \(WHERE [^()]*\)", lambda _: ""),
    ("removed notification", r"\bpg_notify\([^()]*\)", lambda _: "NULL"),
)  # fmt: skip
# A comment of SQL, or a comment of Python between the parts of a literal.
_COMMENT = re.compile(r"--[^\n]*|(?m:^[ \t]*# [^\n]*)")
_COMPILED = [(rule, re.compile(pattern), to) for rule, pattern, to in PATTERNS]


def changes(module: Module) -> Iterator[Change]:
    for begin, end in _strings(module):
        text, hidden = _hide_expressions(module.source[begin:end])
        if not _IS_SQL.search(text):
            continue
        for rule, pattern, replacement in _COMPILED:
            for found in pattern.finditer(text):
                before = module.source[begin + found.start() : begin + found.end()]
                after = replacement(found)
                for cover, expression in hidden.items():
                    after = after.replace(cover, expression)
                if _IN_COMMENT not in found.group() and after != before:
                    yield begin + found.start(), begin + found.end(), after, f"SQL {rule}"


def _strings(module: Module) -> Iterator[tuple[int, int]]:
    """Yield the places of whole literals. Some Pythons give no places for parts of f-strings."""
    inside: set[int] = set()
    for node in module.code():
        if isinstance(node, ast.JoinedStr):
            inside |= {id(part) for part in ast.walk(node) if part is not node}
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if (is_text or isinstance(node, ast.JoinedStr)) and id(node) not in inside:
            assert isinstance(node, ast.expr)
            yield module.span(node)


def _hide_expressions(literal: str) -> tuple[str, dict[str, str]]:
    """Replace expressions and comments by characters that no pattern matches, in the same length.

    Return the new text, and the expression for each replacement.
    """
    hidden: dict[str, str] = {}

    def cover(found: re.Match[str]) -> str:
        inside = chr(_FIRST_COVER + len(hidden)) * (len(found.group()) - 2)
        hidden[f"{{{inside}}}"] = found.group()
        return f"{{{inside}}}"

    covered = re.sub(r"\{[^{}]*\}", cover, literal)
    return _COMMENT.sub(lambda m: _IN_COMMENT * len(m.group()), covered), hidden
