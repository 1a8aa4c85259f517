"""Imports point down only, nothing is circular, files stay short, and the front door is light."""

from __future__ import annotations

import ast
import graphlib
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import impasto

SOURCE = Path(impasto.__file__).parent

FLOORS: dict[str, int] = {
    package: int(number)
    for number, line in re.findall(r"^ {4}(\d+) +(.+)$", impasto.__doc__ or "", re.MULTILINE)
    for package in re.findall(r"(?:^|; )(\w+):", line)
}
"""Package → floor, from the one list there is: the docstring of ``impasto``."""

FILES = {
    ".".join(("impasto", *path.relative_to(SOURCE).with_suffix("").parts)).removesuffix(
        ".__init__"
    ): path
    for path in sorted(SOURCE.rglob("*.py"))
}


def package(module: str) -> str:
    """``impasto.nn.padding`` → ``nn``; empty for the front door itself."""
    return module.removeprefix("impasto").lstrip(".").partition(".")[0]


def points_down(importer: str, imported: str) -> bool:
    """Whether an import leads to a lower floor, or stays within its package."""
    upper, lower = package(importer), package(imported)
    if lower in ("", "errors") or upper in ("", "__main__") or upper == lower:
        return True
    return FLOORS[lower] < FLOORS[upper]


def statements(tree: ast.AST, *, inside_functions: bool) -> Iterator[ast.AST]:
    """All nodes but those that only a type checker runs, or only a call."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and not inside_functions:
            continue
        yield node
        yield from statements(node, inside_functions=inside_functions)


def imports(path: Path, *, inside_functions: bool) -> set[str]:
    """The modules of this package that a file imports."""
    found = set()
    for node in statements(ast.parse(path.read_text("utf-8")), inside_functions=inside_functions):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            full = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in FILES else str(node.module) for name in full}
    return {name for name in found if name.partition(".")[0] == "impasto"}


def test_imports_point_down():
    edges = [(a, b) for a in FILES for b in imports(FILES[a], inside_functions=True)]
    assert {b for _, b in edges} <= FILES.keys()
    assert [(a, b) for a, b in edges if not points_down(a, b)] == []
    assert len(edges) > 100


def test_every_package_stands_on_a_floor():
    folders = {path.name for path in SOURCE.iterdir() if (path / "__init__.py").is_file()}
    assert folders == FLOORS.keys()
    files = {path.stem for path in SOURCE.glob("*.py")}
    assert files == {"__init__", "__main__", "errors"}


def test_the_check_sees_an_import_that_points_up(tmp_path):
    """The check itself, on a file that breaks the rule in each way there is."""
    file = tmp_path / "low.py"
    file.write_text(
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from impasto.painting.painter import Painter\n"
        "from impasto import images\n"
        "import impasto.cli.main\n"
        "def f():\n    from impasto.training.muon import Muon\n"
    )
    always = {"impasto.images", "impasto.cli.main"}
    assert imports(file, inside_functions=False) == always
    assert imports(file, inside_functions=True) == always | {"impasto.training.muon"}
    assert points_down("impasto.cli.main", "impasto.images.picture")
    assert not points_down("impasto.images.picture", "impasto.cli.main")
    assert not points_down("impasto.painting.painter", "impasto.onepass.stylist")


def test_no_circular_imports():
    graph = {name: imports(path, inside_functions=False) for name, path in FILES.items()}
    order = list(graphlib.TopologicalSorter(graph).static_order())  # raises for a circle
    assert order.index("impasto.errors") < order.index("impasto.painting.painter")
    assert set(order) == set(FILES)


def test_files_are_short():
    lengths = {name: len(path.read_text("utf-8").splitlines()) for name, path in FILES.items()}
    assert {name: length for name, length in lengths.items() if length > 400} == {}


@pytest.mark.parametrize("module", ["impasto", "impasto.cli.main", "impasto.errors"])
def test_import_is_light(module):
    heavy = "'torch', 'numpy', 'PIL', 'rich', 'scipy'"
    program = f"import sys, {module}; print(sorted({{{heavy}}} & set(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (answer.stdout.strip(), answer.stderr) == ("[]", "")


def test_public_names_stay_callable_after_all_imports():
    for module in FILES:
        if not module.endswith("__main__"):
            importlib.import_module(module)
    assert len(impasto.__all__) == len(set(impasto.__all__))
    assert {name for name in impasto.__all__ if getattr(impasto, name, None) is None} == set()
    assert all(map(callable, (impasto.paint, impasto.optimize, impasto.open_encoder)))
    assert dir(impasto) == sorted(impasto.__all__)
    with pytest.raises(AttributeError, match="'impasto' has no attribute 'pain'"):
        impasto.pain  # noqa: B018


def test_type_checkers_see_the_same_names():
    """What ``if TYPE_CHECKING`` imports is what ``__all__`` promises."""
    tree = ast.parse((SOURCE / "__init__.py").read_text("utf-8"))
    (guarded,) = (node for node in tree.body if isinstance(node, ast.If))
    pairs = [
        (alias.asname or alias.name, f"{node.module}", alias.name)
        for node in guarded.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]
    assert {name for name, _, _ in pairs} == set(impasto.__all__) - {"__version__"}
    assert impasto._HOMES.keys() == set(impasto.__all__) - {"__version__"}
    for name, home, own in pairs:
        assert getattr(impasto, name) is getattr(importlib.import_module(home), own)
