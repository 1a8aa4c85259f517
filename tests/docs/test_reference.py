"""The reference pages are what their scripts write, and nothing public is left out."""

from __future__ import annotations

import argparse
import inspect
import re
import runpy
from pathlib import Path

import pytest

import impasto
from impasto.cli.main import COMMANDS

DOCS = Path(__file__).parents[2] / "docs"
COMMAND_PAGE = DOCS / "reference" / "commands.md"


@pytest.fixture(scope="module")
def commands():
    return runpy.run_path(str(DOCS / "make_command_page.py"))


@pytest.fixture(scope="module")
def api():
    return runpy.run_path(str(DOCS / "make_api_pages.py"))


def test_command_page_is_up_to_date(commands):
    """Else: ``python docs/make_command_page.py``."""
    assert COMMAND_PAGE.read_text(encoding="utf-8") == commands["page"]()


def test_command_page_has_every_option(commands):
    text = COMMAND_PAGE.read_text(encoding="utf-8")
    for name in COMMANDS:
        parser = commands["command_parser"](name)
        section = text.partition(f"\n## {parser.prog}\n")[2].partition("\n## ")[0]
        assert section, name
        for action in parser._actions:
            for option in action.option_strings:
                hidden = action.help == argparse.SUPPRESS or action.dest == "help"
                assert hidden or f"`{option}`" in section, f"{name} {option}"


def test_api_pages_are_up_to_date(api):
    """Else: ``python docs/make_api_pages.py``."""
    written = {path: path.read_text("utf-8") for path in (DOCS / "reference" / "api").glob("*.md")}
    assert written == api["pages"]()


def test_every_public_name_is_on_the_api_page_once(api):
    names = [name for group in api["GROUPS"].values() for name in group]
    assert sorted(names) == sorted(set(impasto.__all__) - {"__version__"})
    marks = re.findall(r"^<!-- api (\S+) -->$", api["INDEX"].read_text("utf-8"), re.MULTILINE)
    assert {api["home_of"](name) for name in names} == set(marks)
    assert len(marks) == len(set(marks)) > 30


@pytest.mark.parametrize("name", sorted(set(impasto.__all__) - {"__version__"}))
def test_every_public_name_and_its_parameters_are_described(api, name):
    assert api["summary_of"](api["home_of"](name))
    value = getattr(impasto, name)
    if not callable(value):
        return  # a table: it has the line above it in its module
    text = inspect.getdoc(value) or ""
    described = re.findall(r"^\s*\*{0,2}(\w+)(?: \([^)]*\))?:", text, re.MULTILINE)
    assert [p for p in inspect.signature(value).parameters if p not in described] == []
