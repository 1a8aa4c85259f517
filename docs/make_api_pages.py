"""Writes the pages of docs/reference/api from the docstrings.

    python docs/make_api_pages.py

Each page lists names with the first line of their docstrings. ``build_site.py`` puts the whole
docstrings there: a comment ``<!-- api NAME -->`` marks the place.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import impasto

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "impasto"
FOLDER = ROOT / "docs" / "reference" / "api"
INDEX = FOLDER / "README.md"

GROUPS: dict[str, tuple[str, ...]] = {
    "Paint": (
        "paint", "stylize", "stylize_video", "texture", "reconstruct", "paint_batch", "widget",
        "Result", "Painting",
    ),
    "Jobs": (
        "run", "RunOptions", "Resources", "PaintRequest", "StylizeRequest", "TextureRequest",
        "ReconstructRequest", "VideoRequest", "StyleInput", "RegionSpec",
    ),
    "Recipes": ("Recipe", "RECIPES", "get_recipe"),
    "Pictures": ("Picture", "read_image", "write_image"),
    "Parts": (
        "Encoder", "Architecture", "open_encoder", "Objective", "ContentTerm", "StyleTerm",
        "TotalVariation", "optimize", "optimise", "Step", "Painter", "Stylizer", "open_network",
        "named_styles",
    ),
    "Measure and export": ("evaluate", "export_model"),
    "Extend": (
        "Statistic", "STATISTICS", "register_statistic", "register_encoder", "register_metric",
        "register_network",
    ),
    "Errors": ("ImpastoError",),
}  # fmt: skip
"""The public interface by purpose."""

PACKAGES = (
    "losses", "optim", "colour", "encoders", "regions", "objective", "recipes", "networks",
    "painting", "onepass", "jobs", "metrics",
)  # fmt: skip
"""Packages whose modules have a page."""


def pages() -> dict[Path, str]:
    """File → text of every page."""
    return {INDEX: public_page()} | {FOLDER / f"{p}.md": package_page(p) for p in PACKAGES}


def public_page() -> str:
    """The names of ``impasto`` itself."""
    parts = [
        "# API",
        "<!-- Written by docs/make_api_pages.py from the docstrings: change them there. -->",
        "`import impasto` gives these names; they are the public interface. [In Python]"
        "(../../python.md) shows them at work. The parts below them are documented by package: "
        + ", ".join(f"[{name}]({name}.md)" for name in PACKAGES)
        + ".",
    ]
    for group, names in GROUPS.items():
        parts.append(f"## {group}")
        known = [name for name in names if name in impasto.__all__]
        rows = [f"| `impasto.{name}` | {summary_of(home_of(name))} |" for name in known]
        marks = [f"<!-- api {home} -->" for home in dict.fromkeys(map(home_of, known))]
        parts.append("\n".join(["| name | what it is |", "|---|---|", *rows]))
        parts.append("\n".join(marks))
    return "\n\n".join(parts) + "\n"


def package_page(package: str) -> str:
    """The modules of one package, with the names that others may use."""
    parts = [
        f"# impasto.{package}",
        "<!-- Written by docs/make_api_pages.py from the docstrings: change them there. -->",
        first_line((SOURCE / package / "__init__.py").read_text(encoding="utf-8")),
    ]
    for path in sorted((SOURCE / package).glob("[!_]*.py")):
        text = path.read_text(encoding="utf-8")
        names = list(public_names(text))
        if not names:
            continue
        parts.append(f"## {path.stem}")
        parts.append(first_line(text))
        rows = [f"| `{name}` | {in_table(about)} |" for name, about in names]
        parts.append("\n".join(["| name | what it is |", "|---|---|", *rows]))
        parts.append(f"<!-- api impasto.{package}.{path.stem} -->")
    return "\n\n".join(parts) + "\n"


def home_of(name: str) -> str:
    """Where a public name is defined: ``impasto.jobs.api.paint``."""
    module, _, own = impasto._HOMES[name].partition(":")
    return _defined(f"impasto.{module}", own or name)


def _defined(module: str, name: str) -> str:
    """Follow ``from module import name`` to the definition."""
    text = source_of(module)
    if name not in dict(public_names(text)):
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    if (alias.asname or alias.name) == name:
                        return _defined(node.module, alias.name)
        raise ValueError(f"{module}.{name} has no docstring")
    return f"{module}.{name}"


def source_of(module: str) -> str:
    """The text of a module of ``impasto``."""
    return (ROOT / "src" / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8")


def summary_of(path: str) -> str:
    """First line of the docstring of ``module.name``."""
    module, _, name = path.rpartition(".")
    return in_table(dict(public_names(source_of(module)))[name])


def public_names(text: str) -> Iterator[tuple[str, str]]:
    """(name, first line of its docstring) of the functions, classes and constants of a module."""
    body = ast.parse(text).body
    for node, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
            yield node.name, (ast.get_docstring(node) or "").partition("\n\n")[0]
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            is_text = (
                isinstance(after, ast.Expr)
                and isinstance(after.value, ast.Constant)
                and isinstance(after.value.value, str)
            )
            if isinstance(target, ast.Name) and not target.id.startswith("_") and is_text:
                assert isinstance(after, ast.Expr)
                assert isinstance(after.value, ast.Constant)
                yield target.id, str(after.value.value).partition("\n\n")[0]


def first_line(text: str) -> str:
    """The first paragraph of a module's docstring."""
    return plain((ast.get_docstring(ast.parse(text)) or "").partition("\n\n")[0])


def in_table(text: str) -> str:
    """One line of Markdown, without what would end a cell."""
    return " ".join(plain(text).split()).replace("|", "\\|")


def plain(text: str) -> str:
    """Markdown for the roles and literals of docstrings."""
    return re.sub(r":\w+:`~?([^`]+)`", r"`\1`", text).replace("``", "`").rstrip(":")


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
