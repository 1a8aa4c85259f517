"""Changelog, citation and project metadata agree with the package."""

from __future__ import annotations

import re
from pathlib import Path

import impasto

ROOT = Path(__file__).parents[2]


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_version_is_the_same_everywhere():
    (cited,) = re.findall(r"^version: (.+)$", text("CITATION.cff"), re.MULTILINE)
    assert cited == impasto.__version__
    # The package's version is read from the sources.
    (path,) = re.findall(r'^\[tool\.hatch\.version\]\npath = "(.+)"$', text("pyproject.toml"), re.M)
    (written,) = re.findall(r'^__version__ = "(.+)"$', text(path), re.MULTILINE)
    assert written == impasto.__version__
    assert not re.search(r"^version = ", text("pyproject.toml"), re.MULTILINE)


def test_changelog_begins_with_unreleased_changes():
    versions = re.findall(r"^## (\S+)", text("CHANGELOG.md"), re.MULTILINE)
    assert versions[0] == "Unreleased"
    released = impasto.__version__.partition(".dev")
    assert released[1] or released[0] in versions  # one under development has no heading yet


def test_one_repository_address():
    address = r"https://github\.com/impasto/impasto"
    for name in ("CITATION.cff", "pyproject.toml", "CONTRIBUTING.md"):
        assert re.search(address, text(name)), name


def test_source_distribution_has_all_that_the_tests_read():
    (included,) = re.findall(r"sdist\]\ninclude = \[(.*?)\]", text("pyproject.toml"), re.DOTALL)
    missing = [name for name in re.findall(r'"([^"]+)"', included) if not (ROOT / name).exists()]
    assert missing == []
    assert {"examples", "docs", "CONTRIBUTING.md"} <= set(re.findall(r'"([^"]+)"', included))
