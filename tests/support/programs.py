"""Load the project's programs whose names do not end in .py as modules."""

import importlib.machinery
import importlib.util
import sys
from pathlib import Path
from types import ModuleType


def load(path: Path) -> ModuleType:
    """Return the program as a module. Its main part does not run, and no cache file is written."""
    loader = importlib.machinery.SourceFileLoader(path.name.replace("-", "_"), str(path))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    sys.modules[loader.name] = module  # dataclasses need this entry
    code = compile(path.read_text(), str(path), "exec")
    exec(code, module.__dict__)  # noqa: S102 - a program of this project
    return module
