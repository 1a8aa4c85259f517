"""The formulas of the theory pages are what the code computes: each page's programs assert it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

FOLDER = Path(__file__).parents[2] / "docs" / "theory"
PAGES = sorted(path for path in FOLDER.glob("*.md") if path.name != "README.md")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_programs_of_the_page_hold(page):
    torch.manual_seed(0)
    programs = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    assert programs
    for program in programs:
        assert "assert " in program
        exec(compile(program, page.name, "exec"), {})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_page_has_a_formula_a_function_and_its_sources(page):
    text = page.read_text(encoding="utf-8")
    assert "$" in text
    assert "../reference/api/" in text
    assert re.search(r"^## Sources$", text, re.MULTILINE)


def test_index_lists_the_pages():
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"\]\(([\w-]+\.md)\)", text)) == [page.name for page in PAGES]
