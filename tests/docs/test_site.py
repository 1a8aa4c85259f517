"""The documentation site: all pages are in its navigation, and no link of it is broken."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
SITE = ROOT / "build" / "site"


@pytest.fixture(scope="module")
def builder():
    return runpy.run_path(str(ROOT / "docs" / "build_site.py"))


def files_of(nav: object) -> Iterator[str]:
    """The pages of a navigation, in order."""
    if isinstance(nav, str):
        yield nav
    else:
        values = nav.values() if isinstance(nav, dict) else nav
        for value in values:
            yield from files_of(value)


def test_navigation_has_every_page_once(builder):
    """Else: add the page to ``nav`` in zensical.toml."""
    settings = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))
    nav = list(files_of(settings["project"]["nav"]))
    pages = {place for place in builder["places"]().values() if place.endswith(".md")}
    assert sorted(nav) == sorted(pages - {"pictures/LICENSES.md", "sample-licences.md"})


def test_links_and_marks_become_those_of_the_site(builder, tmp_path, monkeypatch):
    root = tmp_path
    (root / "docs" / "guides").mkdir(parents=True)
    page, readme, source = root / "docs/guides/sky.md", root / "README.md", root / "src/code.py"
    source.parent.mkdir()
    source.touch()
    text = "[a](../../README.md#start) ![b](../pictures/p.jpg) [c](../../src/code.py) [d](#x)\n"
    page.write_text(f"{text}\n```md\n[not](a-link.md)\n```\n<!-- api impasto.paint -->\n")
    picture = root / "docs/pictures/p.jpg"
    picture.parent.mkdir()
    picture.touch()
    readme.touch()
    globals_ = builder["site_text"].__globals__
    monkeypatch.setitem(globals_, "ROOT", root)
    placed = {page: "guides/sky.md", picture: "pictures/p.jpg", readme: "index.md"}
    assert builder["site_text"](page, placed) == (
        "[a](../index.md#start) ![b](../pictures/p.jpg) "
        "[c](https://github.com/impasto/impasto/blob/main/src/code.py) [d](#x)\n\n"
        "```md\n[not](a-link.md)\n```\n::: impasto.paint\n"
    )
    page.write_text("[gone](gone.md)\n")
    with pytest.raises(builder["BrokenLinkError"], match=r"docs/guides/sky\.md: there is no gone"):
        builder["site_text"](page, placed)


class Page(HTMLParser):
    """The links, anchors, and what a browser fetches for a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.anchors: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.anchors |= {values.get("id", ""), values.get("name", "")}
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        elif tag == "link" and values.get("rel") in ("stylesheet", "icon", "preconnect", "preload"):
            self.fetched.append(values["href"])
        elif "src" in values:
            self.fetched.append(values["src"])


@pytest.mark.slow
@pytest.mark.skipif(sys.version_info < (3, 11), reason="Zensical needs Python 3.11")
def test_site_is_built_strictly_complete_and_by_itself():
    """All links lead somewhere, also inside docstrings, and nothing is fetched from elsewhere."""
    subprocess.run([sys.executable, "docs/build_site.py"], cwd=ROOT, check=True, timeout=900)
    pages = {path: Page(path) for path in SITE.rglob("*.html") if path.name != "404.html"}
    assert len(pages) > 60
    wrong = []
    for path, page in pages.items():
        for link in page.links + page.fetched:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            anchor = unquote(parts.fragment)
            known = pages[target].anchors if target in pages else set()
            is_page = target in pages
            if not target.is_file() or (anchor and is_page and anchor not in known | {"__top"}):
                wrong.append(f"{path.relative_to(SITE)}: {link}")
        elsewhere = [link for link in page.fetched if urlsplit(link).netloc]
        assert elsewhere == [], path
    assert wrong == []
    style = (SITE / "site" / "katex" / "katex.min.css").read_text(encoding="utf-8")
    fonts = set(re.findall(r"url\((fonts/[^)]+\.woff2)\)", style))
    assert len(fonts) > 10
    assert [font for font in fonts if not (SITE / "site" / "katex" / font).is_file()] == []
    assert '<html lang="zh-CN"' in (SITE / "zh" / "index.html").read_text(encoding="utf-8")
    assert '<html lang="en"' in (SITE / "index.html").read_text(encoding="utf-8")
    api = pages[SITE / "reference" / "api" / "index.html"]
    assert {"impasto.jobs.api.paint", "impasto.recipes.recipe.Recipe"} <= api.anchors
