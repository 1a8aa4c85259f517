"""Pages that open from disk: templates filled in, pictures put into them."""

from __future__ import annotations

import base64
import io
from importlib.resources import files
from pathlib import Path
from typing import Any

from PIL import Image

from impasto import images
from impasto.errors import OptionError
from impasto.images.picture import Picture
from impasto.runtime.files import replacing
from impasto.runtime.optional import require

PAGE_ENDINGS = (".html", ".htm")


def check_page(path: Path, *, by: str) -> None:
    """Whether a page can be made, for before long work.

    Args:
        path: The page.
        by: What makes it, as a sentence begins.

    Raises:
        OptionError: If the path is no page's, or Jinja2 is missing.
    """
    if path.suffix.lower() not in PAGE_ENDINGS:
        raise OptionError(f"{path} is to be a page: name it .html.")
    require("jinja2", by=by)


def render(template: str, **values: Any) -> str:
    """A template of the package's data, filled in; text is text, whatever it holds.

    Raises:
        OptionError: If Jinja2 is missing.
    """
    jinja2 = require("jinja2", by="A page")
    folder = files("impasto") / "data"

    def source(name: str) -> str:
        return (folder / name).read_text(encoding="utf-8")

    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(source),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page: str = environment.get_template(template).render(**values)
    return page


def write_page(path: Path, template: str, **values: Any) -> Path:
    """Write a page, whole or not at all."""
    page = render(template, **values)
    with replacing(path) as temporary:
        temporary.write_text(page, encoding="utf-8", errors="replace")
    return path


def thumbnail(picture: Picture, long_side: int, *, quality: int = 85) -> str:
    """A picture within a page, made smaller if it is larger than ``long_side``."""
    size = images.fit_size(picture.size, long_side, max_enlarge=1.0)
    small = picture.resized(size)
    return data_uri(images.to_pil(small.tensor, small.alpha), quality=quality, optimize=True)


def data_uri(image: Image.Image, *, quality: int = 85, **options: Any) -> str:
    """A picture as JPEG within a page; transparent parts are laid over white."""
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return encoded(image, "JPEG", quality=quality, **options)


def encoded(image: Image.Image, format_: str, **options: Any) -> str:
    """A picture or an animation within a page, in a format of Pillow's.

    Args:
        image: What to put there.
        format_: ``"JPEG"``, ``"WEBP"``, …
        **options: Of Pillow's ``save``.
    """
    stream = io.BytesIO()
    image.save(stream, format_, **options)
    content = base64.b64encode(stream.getvalue()).decode("ascii")
    return f"data:image/{format_.lower()};base64,{content}"
