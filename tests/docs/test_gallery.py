"""The gallery shows every picture of the docs with its commands, and is what its script writes."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "gallery" / "README.md"


def test_gallery_is_up_to_date():
    """Else: ``python docs/make_gallery.py``."""
    script = runpy.run_path(str(DOCS / "make_gallery.py"))
    assert PAGE.read_text(encoding="utf-8") == script["page"]()


def test_gallery_has_every_picture_of_the_pages_once_with_a_command_below_it():
    shown = re.findall(
        r"!\[[^]]*\]\(\.\./(pictures/[^)]+)\)\n\n```sh\n(.*?)```",
        PAGE.read_text(encoding="utf-8"),
        re.DOTALL,
    )
    pages = [path.read_text(encoding="utf-8") for path in sorted(DOCS.glob("*.md"))]
    in_pages = [
        name for page in pages for name in re.findall(r"!\[[^]]*\]\((pictures/\S+)\)", page)
    ]
    assert sorted(name for name, _ in shown) == sorted(in_pages)
    assert all("impasto " in commands for _, commands in shown)
    assert len(shown) > 20
