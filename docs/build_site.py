"""Builds the documentation site into build/site, strictly: a broken link is an error.

    pip install '.[docs]'
    python docs/build_site.py

The pages of ``docs/`` are copied to ``build/pages`` with those of other folders (README.md,
CONTRIBUTING.md, …), so that all links lead to pages of the site. Files that are no pages, such as
sources, are linked on GitHub. The comments ``<!-- api NAME -->`` become docstrings. Two
packages come from npm. Then Zensical builds the site with the configuration in ``zensical.toml``.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
STAGE = ROOT / "build" / "pages"
SITE = ROOT / "build" / "site"
PACKAGES = DOCS / "site" / "node_modules"
ASSETS = {
    "katex/dist/katex.min.js": "katex/katex.min.js",
    "katex/dist/katex.min.css": "katex/katex.min.css",
    "katex/dist/fonts": "katex/fonts",
    "katex/LICENSE": "katex/LICENSE",
    "iframe-worker/shim/index.js": "iframe-worker/shim.js",
    "iframe-worker/LICENSE": "iframe-worker/LICENSE",
}
"""Files of npm packages → their places in the site's folder ``site/``."""
REPOSITORY = "https://github.com/impasto/impasto"

OUTSIDE = {
    "README.md": "index.md",
    "README.zh-CN.md": "zh/index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "examples/README.md": "examples.md",
    "src/impasto/data/MODEL_CARD.md": "model-card.md",
    "src/impasto/data/samples/LICENSES.md": "sample-licences.md",
}
"""Pages outside of ``docs/`` → their places in the site."""

RENAMED = {"docs/README.md": "contents.md"}
"""Pages of ``docs/`` with another name in the site, where README.md is the first page."""

_LINK = re.compile(r"(?<=\]\()([^)\s]+)(?=\))|(?<=src=\")([^\"]+)(?=\")|(?<=href=\")([^\"]+)(?=\")")
_FENCE = re.compile(r"^( *)```.*?^\1```", re.DOTALL | re.MULTILINE)
_API = re.compile(r"^<!-- api ([\w.]+) -->$", re.MULTILINE)


class BrokenLinkError(Exception):
    """A page links to a file that does not exist."""


def places() -> dict[Path, str]:
    """Each page or asset of the site → its place below the site's folder."""
    found = {ROOT / name: place for name, place in OUTSIDE.items() if (ROOT / name).exists()}
    for path in sorted(DOCS.rglob("*")):
        name = path.relative_to(ROOT).as_posix()
        if (
            path.is_file()
            and path.suffix != ".py"
            and not ({"node_modules", "package.json", "package-lock.json"} & {*path.parts})
        ):
            found[path] = RENAMED.get(name, path.relative_to(DOCS).as_posix())
    return found


def site_text(source: Path, placed: dict[Path, str]) -> str:
    """The text of a page as the site needs it: links to its places, docstrings for marks.

    Raises:
        BrokenLinkError: A link leads to a file that does not exist.
    """
    text = source.read_text(encoding="utf-8")
    here = Path(placed[source]).parent

    def moved(match: re.Match[str]) -> str:
        link = match[0]
        target, hash_mark, anchor = link.partition("#")
        if not target or "://" in target or target.startswith("mailto:"):
            return link
        path = Path(os.path.normpath(source.parent / target))
        if not path.exists():
            raise BrokenLinkError(f"{source.relative_to(ROOT)}: there is no {target}")
        if path.is_dir() and path / "README.md" in placed:
            path = path / "README.md"
        if path in placed:
            return os.path.relpath(placed[path], here).replace(os.sep, "/") + hash_mark + anchor
        kind = "tree" if path.is_dir() else "blob"
        return f"{REPOSITORY}/{kind}/main/{path.relative_to(ROOT).as_posix()}{hash_mark}{anchor}"

    parts, end = [], 0
    for fence in _FENCE.finditer(text):  # code stays as it is
        parts += [_LINK.sub(moved, text[end : fence.start()]), fence[0]]
        end = fence.end()
    parts.append(_LINK.sub(moved, text[end:]))
    return _API.sub(_docstrings, "".join(parts))


def _docstrings(mark: re.Match[str]) -> str:
    """A mark of mkdocstrings. A module has its heading in the page already."""
    name = mark[1]
    is_module = (ROOT / "src" / f"{name.replace('.', '/')}.py").exists()
    return f"::: {name}" + "\n    options:\n      show_root_heading: false" * is_module


def stage() -> None:
    """Write ``build/pages``: the configuration, the pages and what they need."""
    shutil.rmtree(STAGE, ignore_errors=True)
    placed = places()
    for source, place in placed.items():
        copy = STAGE / "docs" / place
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.suffix == ".md":
            copy.write_text(site_text(source, placed), encoding="utf-8")
        else:
            shutil.copyfile(source, copy)
    for name, place in ASSETS.items():
        _copy(PACKAGES / name, STAGE / "docs" / "site" / place)
    settings = (ROOT / "zensical.toml").read_text(encoding="utf-8")
    for name in ("src", "docs/site/docstrings.py"):
        settings = settings.replace(f'["{name}"]', f'["{(ROOT / name).as_posix()}"]')
    (STAGE / "zensical.toml").write_text(settings, encoding="utf-8")


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("*.ttf", "*.woff"))
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def fetch_packages() -> None:
    """Install the npm packages, unless they are there."""
    if all((PACKAGES / name).exists() for name in ASSETS):
        return
    npm = shutil.which("npm")
    if npm is None:
        raise SystemExit("The site needs npm for its formulas: install Node.js, then try again.")
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    subprocess.run(command, cwd=DOCS / "site", check=True)


def build() -> None:
    """Build the site; its warnings end the program."""
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean"]
    subprocess.run(command, cwd=STAGE, check=True)
    for page in (STAGE / "site" / "zh").rglob("*.html"):  # the theme knows one language only
        text = page.read_text(encoding="utf-8")
        page.write_text(text.replace('<html lang="en"', '<html lang="zh-CN"', 1), encoding="utf-8")
    shutil.rmtree(SITE, ignore_errors=True)
    shutil.copytree(STAGE / "site", SITE)


def main() -> None:
    """Everything, from the pages to the site."""
    fetch_packages()
    try:
        stage()
    except BrokenLinkError as error:
        raise SystemExit(str(error)) from None
    build()
    print(f"{SITE.relative_to(ROOT)}/index.html")


if __name__ == "__main__":
    main()
