"""Finds the JavaScript modules that a module imports when it loads."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping

# An import or export with a relative path at the start of a line. `import(...)` loads later, so it
# does not match. Vendored modules are minified and import at their start or after a semicolon.
_IMPORT = re.compile(
    rb"(?:^|;)\s*(?:import|export)\b\s*(?:[\w$*{}\s,]*?\bfrom\s*)?[\"'](\.{1,2}/[^\"']+)[\"']",
    re.MULTILINE,
)


def reachable(entry: str, files: Mapping[str, bytes]) -> list[str]:
    """Return the paths of the entry and of all modules that it imports, in the order of discovery.

    Raises ValueError if an imported file does not exist.
    """
    found = [entry]
    for name in found:  # the loop appends to the list over which it iterates
        for imported in imports_of(name, files[name]):
            if imported not in files:
                raise ValueError(f"{name} imports {imported}, which does not exist")
            if imported not in found:
                found.append(imported)
    return found


def imports_of(name: str, body: bytes) -> list[str]:
    """Return the paths of the modules that this module imports statically."""
    folder = posixpath.dirname(name)
    return [
        posixpath.normpath(posixpath.join(folder, path.decode())) for path in _IMPORT.findall(body)
    ]
