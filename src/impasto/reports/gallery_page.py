"""The page itself, from its template."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from impasto.reports import html
from impasto.reports.gallery_cards import Card, as_text

TEMPLATE = "gallery.html"


def render(title: str, cards: Sequence[Card]) -> str:
    """The page as HTML, complete in itself but for the full-size pictures that it links to.

    Raises:
        OptionError: If Jinja2 is missing.
    """
    return html.render(TEMPLATE, title=as_text(title), cards=cards)


def write_page(path: Path, title: str, cards: Sequence[Card]) -> None:
    """Write the page, whole or not at all."""
    html.write_page(path, TEMPLATE, title=as_text(title), cards=cards)
