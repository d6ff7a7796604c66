"""Reads the imports and exports of a JavaScript module, in the forms that the dashboard uses.

An unknown form raises ValueError. So a test fails, and no user sees a page that does not work.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass

_NAMES = r"\{(?P<names>[^}]*)\}"
_FROM = r"\s*from\s*[\"'](?P<path>\.{1,2}/[^\"']+)[\"']\s*;?"
_IMPORT_NAMES = re.compile(rf"(?:^|(?<=;))import\s*{_NAMES}{_FROM}", re.MULTILINE)
_IMPORT_DEFAULT = re.compile(rf"^import\s+(?P<name>[\w$]+){_FROM}", re.MULTILINE)
_EXPORT_FROM = re.compile(rf"^export\s*{_NAMES}{_FROM}", re.MULTILINE)
_EXPORT_NAMES = re.compile(rf"(?:^|(?<=[;}}]))export\s*{_NAMES}\s*;?", re.MULTILINE)
_EXPORT_ONE = re.compile(
    r"^export (?=(?:async function|function|const|class)\*? (?P<name>[\w$]+))", re.MULTILINE
)
_EXPORT_DEFAULT_NAME = re.compile(
    r"^export default (?=(?:async )?function (?P<name>[\w$]+))", re.MULTILINE
)
_EXPORT_DEFAULT = re.compile(r"(?:^|(?<=[;}]))export default\s+", re.MULTILINE)
_LEFT = re.compile(r"^\s*(?:import\s*[\w$*{\"']|export\s)", re.MULTILINE)
_LATER = re.compile(r"\bimport\('(\./[^']+|\.\./[^']+)'\)")
_LINE_COMMENTS = re.compile(r"^[ \t]*//[^\n]*\n?", re.MULTILINE)
_BLOCK_COMMENTS = re.compile(r"^[ \t]*/\*.*?\*/[ \t]*\n", re.MULTILINE | re.DOTALL)
_INDENTATION = re.compile(r"^[ \t]+", re.MULTILINE)
DEFAULT = "default"


@dataclass(frozen=True)
class Import:
    """The names that a module imports from another module.

    - `target`: the path of the other module.
    - `names`: pairs (name in the other module, name in the importing module).
    """

    target: str
    names: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class ModuleSource:
    """A JavaScript module.

    - `exports`: pairs (name for other modules, name in the module).
    - `body`: the text of the module without its imports and exports.
    """

    name: str
    imports: tuple[Import, ...]
    exports: tuple[tuple[str, str], ...]
    body: str

    def later(self) -> list[str]:
        """Return the paths of the modules that `import()` loads later."""
        return [resolved(self.name, path) for path in _LATER.findall(self.body)]

    def at(self, place: str) -> str:
        """Return the body for a file at the path `place`.

        Relative paths in the body are rewritten, because a browser resolves them from `place`.
        """
        folder = posixpath.dirname(place)

        def moved(path: str) -> str:
            found = posixpath.relpath(path, folder or ".")
            return found if found.startswith(".") else f"./{found}"

        body = _LATER.sub(
            lambda found: f"import('{moved(resolved(self.name, found[1]))}')", self.body
        )
        own = f"new URL('{moved(self.name)}', import.meta.url).href"
        return body.replace("import.meta.url", own)


def resolved(name: str, path: str) -> str:
    """Return the path, in the dashboard's folder, of the module that `name` imports as `path`."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), path))


def shortened(text: str) -> str:
    """Return the text without comments and indentation. Do not use it for a vendored text."""
    text = _BLOCK_COMMENTS.sub("", text)
    return _INDENTATION.sub("", _LINE_COMMENTS.sub("", text))


def parse(name: str, text: str) -> ModuleSource:
    """Read a module. Raises ValueError if an import or export has an unknown form."""
    imports: list[Import] = []
    exports: list[tuple[str, str]] = []

    def take_import(found: re.Match[str]) -> str:
        pairs = _pairs(found["names"])
        imports.append(Import(resolved(name, found["path"]), pairs))
        return ""

    def take_default_import(found: re.Match[str]) -> str:
        imports.append(Import(resolved(name, found["path"]), ((DEFAULT, found["name"]),)))
        return ""

    def take_export_from(found: re.Match[str]) -> str:
        # `export {a as b} from` becomes two parts: an import under a private name, and an export of
        # the private name.
        pairs = _pairs(found["names"])
        inner = tuple((there, f"$from_{outside}") for there, outside in pairs)
        imports.append(Import(resolved(name, found["path"]), inner))
        exports.extend((outside, f"$from_{outside}") for _, outside in pairs)
        return ""

    def take_exports(found: re.Match[str]) -> str:
        exports.extend((outside, inside) for inside, outside in _pairs(found["names"]))
        return ""

    def take_one(found: re.Match[str]) -> str:
        exports.append((found["name"], found["name"]))
        return ""

    def take_default_name(found: re.Match[str]) -> str:
        exports.append((DEFAULT, found["name"]))
        return ""

    def take_default(_: re.Match[str]) -> str:
        exports.append((DEFAULT, "$default"))
        return "const $default = "

    body = text
    for pattern, take in (
        (_IMPORT_NAMES, take_import),
        (_IMPORT_DEFAULT, take_default_import),
        (_EXPORT_FROM, take_export_from),
        (_EXPORT_NAMES, take_exports),
        (_EXPORT_ONE, take_one),
        (_EXPORT_DEFAULT_NAME, take_default_name),
        (_EXPORT_DEFAULT, take_default),
    ):
        body = pattern.sub(take, body)
    if left := _LEFT.search(body):
        line = body[left.start() :].strip().splitlines()[0][:80]
        raise ValueError(f"{name}: this form of import or export is not supported: {line}")
    return ModuleSource(name, tuple(imports), tuple(exports), body)


def _pairs(names: str) -> tuple[tuple[str, str], ...]:
    """Read `a, b as c` as ((a, a), (b, c))."""
    found = []
    for each in names.split(","):
        first, _, second = each.strip().partition(" as ")
        if first:
            found.append((first.strip(), (second or first).strip()))
    return tuple(found)
