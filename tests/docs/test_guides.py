"""The guides: what they tell to run, runs; and both languages tell the same."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from impasto import images
from impasto.cli.main import run
from impasto.recipes.presets import RECIPES

ROOT = Path(__file__).parents[2]
GUIDES = ROOT / "docs" / "guides"
CHINESE = ROOT / "docs" / "zh" / "guides"
PAGES = sorted(path for path in GUIDES.glob("*.md") if path.name != "README.md")
SIZE = 48

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks(page: Path) -> list[tuple[str, str]]:
    """(language, code) of each block of a page."""
    return _BLOCK.findall(page.read_text(encoding="utf-8"))


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """What a guide reads of the clone, and recipes of a few steps."""
    for folder in ("docs/pictures", "src/impasto/data/samples"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    shutil.copy(ROOT / "docs" / "make_clip.py", tmp_path / "docs")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IMPASTO_CACHE", str(tmp_path / "cache"))
    for name, recipe in RECIPES.items():
        monkeypatch.setitem(RECIPES, name, recipe.replace(steps=1, final_steps=1))
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_guide_works_from_its_first_line_to_its_last(page, clone, capsys):
    for language, code in blocks(page):
        if language == "python":
            exec(compile(code.replace("256", "96"), page.name, "exec"), {})
        elif language == "sh":
            for line in code.splitlines():
                run_line(line, clone, capsys)


def run_line(line: str, clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One command, at a small size; what it should write is there."""
    words = shlex.split(re.sub(r"--size \d+", f"--size {SIZE}", line), comments=True)
    if words[0] == "python":
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        subprocess.run([sys.executable, *words[1:]], check=True, env=environment, timeout=300)
        return
    if words[1] == "video":  # no network for any clip needs more than some frames
        words += [] if "--end" in words else ["--end", "0.4s"]
    assert run(words[1:]) == 0, f"{line}\n{capsys.readouterr().err}"
    if "-o" in words:
        output = clone / words[words.index("-o") + 1]
        assert output.exists(), line
        if "--size" in words and output.suffix == ".png":
            assert max(images.read(output).size) == SIZE, line


def test_both_languages_have_the_same_guides_with_the_same_commands():
    chinese = {path.name: path for path in CHINESE.glob("*.md")}
    assert sorted(chinese) == sorted([*(page.name for page in PAGES), "README.md"])
    for page in PAGES:
        assert blocks(chinese[page.name]) == blocks(page), page.name
        pictures = [re.findall(r"!\[[^]]*\]\([./]*(.+?)\)", path.read_text(encoding="utf-8"))
                    for path in (page, chinese[page.name])]  # fmt: skip
        assert pictures[0] == pictures[1], page.name


def test_indexes_list_every_guide():
    for index in (GUIDES / "README.md", CHINESE / "README.md"):
        targets = re.findall(r"\]\(([\w-]+\.md)\)", index.read_text(encoding="utf-8"))
        assert sorted(targets) == [page.name for page in PAGES]


def test_chinese_readme_has_the_programs_and_figures_of_the_english_one():
    english, chinese = (
        (ROOT / name).read_text("utf-8") for name in ("README.md", "README.zh-CN.md")
    )
    for language, code in _BLOCK.findall(chinese):
        for line in code.splitlines():
            command = line.partition("  #")[0].rstrip()
            assert command in english, f"{language}: {line}"
    figures = [re.findall(r"^\| (\d+) px \| (\d+) (?:s|秒) \| ([\d.]+ GB) \|$", text, re.MULTILINE)
               for text in (english, chinese)]  # fmt: skip
    assert figures[0] == figures[1]
    assert len(figures[0]) == 4
