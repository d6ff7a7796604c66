"""Joins the modules of the dashboard into few files, in memory, when a process starts.

A browser then loads the first page with four requests instead of sixty. `app.js` contains the entry
module, all modules that the entry imports, and all modules that at least two pages import. For each
page, one file contains the other modules that the page imports. In a joined file, each module is a
function that returns its exports, so names of different modules do not clash. Vendored modules that
the entry does not import stay separate files, because few pages load them.
"""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from admin_api.dashboard import module_source
from admin_api.dashboard.module_source import ModuleSource

VENDOR = "vendor/"


def build(entry: str, files: Mapping[str, str]) -> dict[str, str]:
    """Return the files that replace the modules. `files` maps the path of each module to its text.

    Raises ValueError if a module imports a missing module or a missing name, and if modules import
    one another in a circle.
    """
    modules = _Modules(files)
    first = modules.reachable([entry])
    pages = modules.pages(first)
    uses = Counter(name for page in pages for name in modules.reachable([page]))
    shared = [name for name, count in uses.items() if count > 1 and not _stays(name, first)]
    kept = modules.reachable([entry, *shared], leave=lambda name: _stays(name, first))
    built = {entry: modules.joined(entry, kept, {}, exports_all=True)}
    inside = dict.fromkeys(kept, entry)
    for page in pages:
        if page in inside:
            raise ValueError(
                f"{page} is imported by another page: move the shared part into parts/"
            )
        own = modules.reachable([page], leave=lambda name: name in inside or _stays(name, first))
        built[page] = modules.joined(page, own, inside)
    return built


def vendored_apart(entry: str, files: Mapping[str, str]) -> set[str]:
    """Return the vendored modules that the entry does not import. They stay separate files."""
    first = _Modules(files).reachable([entry])
    return {name for name in files if name.endswith(".js") and _stays(name, first)}


def _stays(name: str, first: Iterable[str]) -> bool:
    """Return whether the module is a vendored module that stays a separate file."""
    return name.startswith(VENDOR) and name not in first


class _Modules:
    """Reads each module when it is first used, and keeps its imports, exports and text."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self._files = files
        self._read: dict[str, ModuleSource] = {}

    def get(self, name: str) -> ModuleSource:
        if name not in self._read:
            text = self._files[name]
            if not name.startswith(VENDOR):
                text = module_source.shortened(text)
            self._read[name] = module_source.parse(name, text)
        return self._read[name]

    def reachable(
        self, entries: Iterable[str], *, leave: Callable[[str], bool] = lambda _: False
    ) -> list[str]:
        """Return the entries and all modules that they import, each module after its own imports.

        Leave out each module for which `leave` returns True, and do not read its imports.
        """
        found: dict[str, bool] = {}  # False while `visit` reads the module's imports

        def visit(name: str, importer: str) -> None:
            if leave(name):
                return
            if name in found:
                if not found[name]:
                    raise ValueError(f"{importer} and {name} import one another")
                return
            if name not in self._files:
                raise ValueError(f"{importer} imports {name}, which does not exist")
            found[name] = False
            for each in self.get(name).imports:
                visit(each.target, name)
            found[name] = True

        for entry in entries:
            visit(entry, entry)
        # `found` has the order of the first visits, in which a module comes before its imports.
        return self._ordered(found)

    def _ordered(self, names: Iterable[str]) -> list[str]:
        chosen = set(names)
        done: dict[str, bool] = {}

        def place(name: str) -> None:
            if name in done or name not in chosen:
                return
            for each in self.get(name).imports:
                place(each.target)
            done[name] = True

        for name in names:
            place(name)
        return [*done]

    def pages(self, names: Iterable[str]) -> list[str]:
        """Return the modules of the pages. `import()` in `names` or in a page loads them."""
        found: dict[str, bool] = {}
        open_names = [*names]
        while open_names:
            for page in self.get(open_names.pop()).later():
                if page not in found and not page.startswith(VENDOR):
                    found[page] = True
                    open_names += self.reachable([page])
        return sorted(found)

    def joined(
        self,
        place: str,
        names: list[str],
        elsewhere: Mapping[str, str],
        *,
        exports_all: bool = False,
    ) -> str:
        """Return the text of one file with the modules `names`. `place` is the path of the file.

        `elsewhere` maps a module in another file to the path of the other file.
        """
        ids = {name: f"$m{number}" for number, name in enumerate(sorted(self._files))}
        outside: dict[str, set[str]] = {}
        parts = []
        for name in names:
            module = self.get(name)
            taken = []
            for each in module.imports:
                self._check(each.target, [there for there, _ in each.names], name)
                pairs = ", ".join(f"{there}: {here}" for there, here in each.names)
                taken.append(f"const {{ {pairs} }} = {ids[each.target]};")
                if each.target not in names:
                    outside.setdefault(elsewhere.get(each.target, each.target), set()).add(
                        each.target
                    )
            given = ", ".join(f"{outer}: {inner}" for outer, inner in module.exports)
            body = module.at(place).strip()
            lines = [*taken, body.rstrip(";") + ";", f"return {{ {given} }};"]
            parts.append(f"const {ids[name]} = (() => {{\n" + "\n".join(lines) + "\n})();")
        head = [
            self._import_of(place, file, sorted(used), ids)
            for file, used in sorted(outside.items())
        ]
        if exports_all:
            parts.append(f"export {{ {', '.join(ids[name] for name in names)} }};")
        elif dict(self.get(place).exports).get(module_source.DEFAULT):
            parts.append(f"export default {ids[place]}.default;")
        return "\n".join([*head, *parts]) + "\n"

    def _check(self, target: str, wanted: Iterable[str], importer: str) -> None:
        given = dict(self.get(target).exports)
        missing = [name for name in wanted if name not in given]
        if missing:
            raise ValueError(
                f"{importer} imports {', '.join(missing)}, which {target} does not export"
            )

    def _import_of(self, place: str, file: str, used: list[str], ids: Mapping[str, str]) -> str:
        path = posixpath.relpath(file, posixpath.dirname(place) or ".")
        path = path if path.startswith(".") else f"./{path}"
        if used == [file]:  # the file is a vendored module, which exports its names itself
            return f"import * as {ids[file]} from '{path}';"
        return f"import {{ {', '.join(ids[name] for name in used)} }} from '{path}';"
