"""Writes docs/gallery/README.md: every picture of the docs, with the commands that make it below.

python docs/make_gallery.py
"""

from __future__ import annotations

import os
import re
from pathlib import Path

DOCS = Path(__file__).parent
PAGE = DOCS / "gallery" / "README.md"

SECTIONS = {
    "Painting": ("painting.md", "control.md", "masks.md"),
    "One pass and clips": ("one-pass.md", "video.md"),
    "Textures, and what layers hold": ("texture.md", "seeing.md"),
    "Cures": ("symptoms.md",),
}
"""Heading → the pages whose pictures are shown, in order."""

INTRODUCTION = """\
# Gallery

<!-- Written by docs/make_gallery.py from the pages: change the pictures and commands there. -->

Every picture of these pages, with the commands that make it. They run as they are written in a
clone of the repository. `python docs/make_pictures.py` runs them all
([credits](../pictures/LICENSES.md)).
"""

_BLOCK = re.compile(r"```sh\n(.*?)```(?:\n+!\[([^]]*)\]\(([^)]+)\))?", re.DOTALL)
_HEADING = re.compile(r"^## (.+)$", re.MULTILINE)


def page() -> str:
    """The whole page."""
    parts = [INTRODUCTION]
    for heading, names in SECTIONS.items():
        parts.append(f"## {heading}\n")
        for name in names:
            parts += entries(DOCS / name)
    return "\n".join(parts)


def entries(source: Path) -> list[str]:
    """The pictures of one page, each with its caption, commands, and a link to its section."""
    text = source.read_text(encoding="utf-8")
    title = text.partition("\n")[0].removeprefix("# ")
    found = []
    for match in _BLOCK.finditer(text):
        commands, caption, picture = match.groups()
        if not picture:
            continue
        above = _HEADING.findall(text, 0, match.start())
        anchor = re.sub(r"[^\w -]", "", above[-1]).lower().replace(" ", "-") if above else ""
        place = os.path.relpath(source, PAGE.parent).replace(os.sep, "/")
        image = os.path.relpath(source.parent / picture, PAGE.parent).replace(os.sep, "/")
        where = f"{title}: {above[-1]}" if above else title
        found.append(
            f"### {caption}\n\n![{caption}]({image})\n\n"
            f"```sh\n{commands}```\n\nFrom [{where}]({place}{'#' * bool(anchor)}{anchor}).\n"
        )
    return found


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
