"""The notes of a release come from the changelog; a tag that does not fit is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import impasto
from helpers.script_files import imported

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "release_notes.py"


@pytest.fixture(scope="module")
def script():
    return imported(SCRIPT)


@pytest.fixture
def sources(tmp_path):
    """Writes sources of a version, with sections of the changelog."""

    def write(version="1.2.0", citation="1.2.0", changelog="## 1.2.0 - 2027-01-02\n\nNews.\n"):
        (tmp_path / "src" / "impasto").mkdir(parents=True)
        (tmp_path / "src/impasto/__init__.py").write_text(f'__version__ = "{version}"\n')
        (tmp_path / "CITATION.cff").write_text(f"title: x\nversion: {citation}\nlicense: MIT\n")
        (tmp_path / "CHANGELOG.md").write_text(f"# Changelog\n\n{changelog}")
        return tmp_path

    return write


def test_the_notes_are_the_section_of_the_version(script, sources):
    changelog = (
        "## Unreleased\n\n## 1.2.0 - 2027-01-02\n\n### Added\n\n- This.\n\n"
        "## 1.1.0 - 2026-12-01\n\nThat.\n"
    )
    assert script.release_notes("v1.2.0", sources(changelog=changelog)) == "### Added\n\n- This."


@pytest.mark.parametrize(
    ("tag", "changes", "told"),
    [
        ("v1.2.1", {}, "The tag is v1.2.1, and src/impasto/__init__.py has 1.2.0."),
        ("v1.2.0.dev0", {"version": "1.2.0.dev0"}, "1.2.0.dev0 is no version of a release."),
        ("v1.2.0", {"citation": "1.1.0"}, "CITATION.cff does not have version 1.2.0."),
        ("v1.2.0", {"changelog": "## 1.2.0\n\nNews.\n"}, "has no section '## 1.2.0 - YYYY-MM-DD'"),
        ("v1.2.0", {"changelog": "## 1.2.0 - 2027-01-02\n\n"}, "has no section '## 1.2.0 -"),
        ("v1.2.0", {"changelog": "## Unreleased\n\nMore.\n"}, "under Unreleased belongs to 1.2.0"),
    ],
)
def test_what_does_not_fit_is_refused(script, sources, tag, changes, told):
    with pytest.raises(ValueError, match=re.escape(told)):
        script.release_notes(tag, sources(**changes))


def test_sources_and_changelog_of_this_version_have_the_form(script):
    assert script.declared_version(ROOT) == impasto.__version__
    assert f"\nversion: {impasto.__version__}\n" in script.read(ROOT, "CITATION.cff")
    first, *released = script.changelog(ROOT)
    assert first == "Unreleased" or script.is_section_of(impasto.__version__, first)
    assert released
    for heading in released:
        assert script.is_section_of(heading.partition(" ")[0], heading)
