"""Render HTML templates into self-contained pages, with embedded pictures."""

from __future__ import annotations

import base64
import hashlib
import io
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

from PIL import Image

from impasto import images
from impasto.errors import OptionError
from impasto.images.picture import Picture
from impasto.runtime.files import atomic_write
from impasto.runtime.optional import require

PAGE_ENDINGS = (".html", ".htm")


def check_page(path: Path, *, by: str) -> None:
    """Check that a page can be written, before long work.

    Args:
        path: The page.
        by: What writes it, as the subject of an error message.

    Raises:
        OptionError: The file name has another ending, or Jinja2 is missing.
    """
    if path.suffix.lower() not in PAGE_ENDINGS:
        raise OptionError(f"{path} is to be an HTML page: name it .html.")
    require("jinja2", by=by)


def render(template: str, **values: Any) -> str:
    """A template of the package's data with its values, which are escaped.

    Raises:
        OptionError: Jinja2 is missing.
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
    scripts = _script_digests(source(template))
    page: str = environment.get_template(template).render(scripts=scripts, **values)
    return page


def _script_digests(template: str) -> str:
    """The scripts of a template as its content security policy names them: no other is run."""
    scripts = re.findall(r"<script>(.*?)</script>", template, re.DOTALL)
    digests = (hashlib.sha256(script.encode()).digest() for script in scripts)
    return " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)


def write_page(path: Path, template: str, **values: Any) -> Path:
    """Render a template and write the page, atomically."""
    page = render(template, **values)
    with atomic_write(path) as temporary:
        temporary.write_text(page, encoding="utf-8", errors="replace")
    return path


def thumbnail(picture: Picture, long_side: int, *, quality: int = 85) -> str:
    """A picture as a data URI, downscaled if it is larger than ``long_side`` pixels."""
    size = images.fit_size(picture.size, long_side, max_enlarge=1.0)
    small = picture.resized(size)
    return data_uri(images.to_pil(small.tensor, small.alpha), quality=quality, optimize=True)


def data_uri(image: Image.Image, *, quality: int = 85, **options: Any) -> str:
    """A picture as a data URI in JPEG; transparent parts become white."""
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return encoded(image, "JPEG", quality=quality, **options)


def encoded(image: Image.Image, format_: str, **options: Any) -> str:
    """A picture or animation as a data URI; the options are those of Pillow's ``save``."""
    stream = io.BytesIO()
    image.save(stream, format_, **options)
    content = base64.b64encode(stream.getvalue()).decode("ascii")
    return f"data:image/{format_.lower()};base64,{content}"
