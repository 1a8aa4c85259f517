"""The page of recipe entries is what its script writes from the recipe itself."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

from impasto.recipes.recipe import FIELDS

DOCS = Path(__file__).parents[2] / "docs"


def test_page_is_up_to_date():
    """Else: ``python docs/make_recipe_page.py``."""
    script = runpy.run_path(str(DOCS / "make_recipe_page.py"))
    assert (DOCS / "recipe.md").read_text(encoding="utf-8") == script["page"]()


def test_page_has_every_entry_once():
    rows = re.findall(
        r"^\| `(\w+)` \| .* \| ", (DOCS / "recipe.md").read_text("utf-8"), re.MULTILINE
    )
    assert sorted(rows) == sorted(FIELDS)
