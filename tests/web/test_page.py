"""The files of the page: nothing inline, nothing from elsewhere, every text in both languages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from helpers.asgi import ask
from impasto.jobs.requests import RECONSTRUCTIONS, REQUESTS
from impasto.jobs.video_request import VideoRequest
from impasto.networks.catalogue import style_names
from impasto.recipes.choices import COLOUR_MODES
from impasto.web.about import STATIC
from impasto.web.app import create_app
from impasto.web.settings import Settings

PAGES = sorted(STATIC.glob("*.html"))
SCRIPTS = sorted(STATIC.glob("*.js"))
ENGLISH, CHINESE = STATIC / "words-en.js", STATIC / "words-zh.js"
SHEETS = sorted(STATIC.glob("*.css"))


def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_pages_have_nothing_inline(page):
    html = text(page)
    assert re.findall(r"<script(?![^>]* src=)", html) == []
    assert re.findall(r"<style|\sstyle=|\son\w+=|javascript:", html) == []


@pytest.mark.parametrize("path", [*PAGES, *SCRIPTS, *SHEETS], ids=lambda p: p.name)
def test_nothing_is_loaded_from_elsewhere(path):
    assert re.findall(r"https?://(?!www\.w3\.org)|url\(|@import", text(path)) == []


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_set_text_and_never_markup(script):
    forbidden = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function"
    assert re.findall(forbidden, text(script)) == []
    assert len(text(script).splitlines()) < 400


def test_every_text_is_there_in_both_languages():
    entry = r'^  "?([\w.-]+)"?: "(.+)",$'
    english, chinese = (re.findall(entry, text(path), re.MULTILINE) for path in (ENGLISH, CHINESE))
    names = [name for name, _ in english]
    assert names == [name for name, _ in chinese]
    assert len(set(names)) == len(names) > 150
    for (name, told), (_, other) in zip(english, chinese, strict=True):
        assert set(re.findall(r"{\w+}", told)) == set(re.findall(r"{\w+}", other)), name
    used = set()
    for path in [*PAGES, *SCRIPTS]:
        used |= set(re.findall(r'data-(?:text|label)="(\w+)"', text(path)))
        used |= set(re.findall(r'\btext\("([\w.]+)"', text(path)))
    assert used - set(names) == set()
    assert {f"colour.{mode}" for mode in COLOUR_MODES} <= set(names)
    assert {f"source.{name}" for name in RECONSTRUCTIONS} <= set(names)
    assert {f"kind.{kind}" for kind in (*REQUESTS, VideoRequest.kind)} <= set(names)


@pytest.mark.parametrize("script", [*SCRIPTS, *SHEETS], ids=lambda path: path.name)
def test_files_are_short(script):
    assert len(text(script).splitlines()) < 400


def test_modules_that_other_pages_share_stand_alone():
    for name in ("divider.js", "strokes.js", "zoom.js"):
        assert re.findall(r"\bimport\b|getElementById", text(STATIC / name)) == []


def test_scripts_use_elements_that_are_there():
    html = text(STATIC / "index.html")
    there = set(re.findall(r'\bid="([\w-]+)"', html))
    for script in SCRIPTS:
        if script.name != "api.js":
            assert set(re.findall(r'\$\("([\w-]+)"\)', text(script))) - there == set()
    assert len(re.findall(r'\bid="', html)) == len(there)
    labels = set(re.findall(r'<label[^>]* for="([\w-]+)"', html))
    inputs = set(re.findall(r'<(?:input|select)[^>]* id="([\w-]+)"', html))
    labelled = set(re.findall(r'id="([\w-]+)"[^>]* data-label=', html))
    assert inputs <= labels | labelled


def test_every_named_style_has_a_thumbnail():
    for name in style_names("multi"):
        path = STATIC / "styles" / f"{name}.jpg"
        assert path.is_file()
        assert path.stat().st_size < 12_000


def test_the_page_and_its_files_are_served(tmp_path):
    app = create_app(Settings(), tmp_path)[0]
    page = ask(app, "/")
    assert page.headers["content-type"].startswith("text/html")
    files = re.findall(r'(?:src|href)="(/static/[^"]+)"', page.body.decode())
    for file in [*files, "/static/samples/tuebingen.jpg"]:
        assert ask(app, file).status == 200
