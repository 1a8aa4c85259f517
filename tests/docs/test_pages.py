"""Pages of the docs: all are in the index, and what the pages for users tell to run, runs."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from impasto import images
from impasto.cli.main import run
from impasto.recipes.presets import RECIPES

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
README, INDEX = ROOT / "README.md", DOCS / "README.md"
PAGES = sorted(
    path
    for path in DOCS.rglob("*.md")
    if path not in (INDEX, DOCS / "pictures" / "LICENSES.md") and "node_modules" not in path.parts
)

RUN = ["symptoms.md", "masks.md"]
"""Pages whose commands are quick, and are run here one by one."""


def links(page: Path) -> list[Path]:
    """The files that a page links to."""
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    return [(page.parent / target).resolve() for target in targets]


def commands(page: Path) -> list[str]:
    """The lines of impasto commands in the blocks that are marked as shell."""
    blocks = re.findall(r"^ *```sh\n(.*?)```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    return [line.split("  #")[0] for line in lines if line.startswith("impasto ")]


def test_index_has_every_page():
    """In the table of its section, or as one of the pages of an index below it."""
    listed = links(INDEX)
    listed += [link for page in listed if page.name == "README.md" for link in links(page)]
    assert [page.name for page in PAGES if page not in listed] == []


def test_readme_leads_to_the_index():
    assert INDEX in links(README)


def test_every_page_begins_with_its_title_and_has_no_heading_twice():
    for page in PAGES:
        text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        assert text.startswith("# "), page.name
        assert len(re.findall(r"^# ", text, re.MULTILINE)) == 1, page.name


def test_torch_for_the_processor_is_a_version_that_impasto_takes():
    """Otherwise the next `pip install .` would replace it by the large one."""
    (bound,) = re.findall(r'"torch>=[\d.]+,(<[\d.]+)"', (ROOT / "pyproject.toml").read_text())
    found = [
        version
        for page in [README, INDEX, *PAGES]
        for version in re.findall(r"install --index-url \S+/whl/cpu (\S+)", page.read_text("utf-8"))
    ]
    assert set(found) == {f'"torch{bound}"'}
    assert len(found) > 2


def test_symptoms_are_all_in_the_table_above_them():
    text = (DOCS / "symptoms.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    anchors = [re.sub(r"[^\w -]", "", name).lower().replace(" ", "-") for name in headings]
    table = text.partition("\n## ")[0]
    assert sorted(re.findall(r"\(#([^)]+)\)", table)) == sorted(anchors)
    assert len(anchors) >= 20


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A folder like the clone, with the pictures of the docs, for paintings of a few steps."""
    shutil.copytree(DOCS / "pictures", tmp_path / "docs" / "pictures")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IMPASTO_CACHE", str(tmp_path / "cache"))
    for name, recipe in RECIPES.items():
        monkeypatch.setitem(RECIPES, name, recipe.replace(steps=1, final_steps=2))
    return tmp_path


@pytest.mark.parametrize("page", RUN)
def test_commands_run(page, clone, capsys):
    lines = commands(DOCS / page)
    assert lines
    for line in lines:
        small = re.sub(r"--size \d+", "--size 48", line).replace("--memory 1GB", "--memory 8GB")
        words = shlex.split(small)[1:]
        code = run(words)
        assert code == 0, f"{line}\n{capsys.readouterr().err}"
        if "-o" in words:
            output = clone / words[words.index("-o") + 1]
            if "--size" in words:
                assert max(images.read(output).size) == 48, line
            else:
                assert output.exists(), line


def test_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) < 150
