"""Python files outside the package, imported as modules."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType


def imported(path: Path, name: str | None = None) -> ModuleType:
    """The module of a file, new each time and not in ``sys.modules``."""
    spec = importlib.util.spec_from_file_location(name or path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
