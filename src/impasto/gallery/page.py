"""The page itself, from its template."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from impasto.errors import OptionError
from impasto.files import replacing
from impasto.gallery.cards import Card, as_text


def check_templates() -> None:
    """Whether a page can be made, for before long work.

    Raises:
        OptionError: If Jinja2 is missing.
    """
    try:
        import jinja2  # noqa: F401
    except ImportError:
        raise OptionError("The gallery needs Jinja2: pip install 'impasto[report]'.") from None


def render(title: str, cards: Sequence[Card]) -> str:
    """The page as HTML, complete in itself but for the full-size pictures that it links to.

    Raises:
        OptionError: If Jinja2 is missing.
    """
    check_templates()
    import jinja2

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    source = (files("impasto") / "data" / "gallery.html").read_text(encoding="utf-8")
    return environment.from_string(source).render(title=as_text(title), cards=cards)


def write_page(path: Path, title: str, cards: Sequence[Card]) -> None:
    """Write the page, whole or not at all."""
    page = render(title, cards)
    with replacing(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
