"""The pictures of these pages, made by the very commands that stand above them.

    python docs/make_pictures.py                  # all of them, some minutes
    python docs/make_pictures.py --only colour strength

In a page, a picture right after a block of commands shows what these commands read and make. The
commands are run from the repository's root, as a reader would run them.
"""

from __future__ import annotations

import argparse
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from impasto.images.contact_sheet import Cell, contact_sheet

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").glob("*.md"))

WIDTH = 1500
"""The most that a row of pictures takes, in pixels."""

SMALL = 140
"""The height of what the commands read, where it has a row of its own."""

_BLOCK = re.compile(r"```sh\n(.*?)```(?:\n+!\[[^]]*\]\(([^)]+)\))?", re.DOTALL)
_NAMED = re.compile(r"docs/pictures/[\w.-]+")
_MOST_IN_A_ROW = 4
_MODEL = ".safetensors"
_SHEETS = ("edges", "compare", "inspect")
"""Commands that make sheets themselves."""


@dataclass(frozen=True)
class Example:
    """A block of commands, and the picture after it if there is one."""

    commands: tuple[tuple[str, ...], ...]
    picture: Path | None

    @property
    def inputs(self) -> list[Path]:
        """The pictures that the commands read, each once."""
        words = " ".join(word for command in self.commands for word in command)
        return [ROOT / name for name in dict.fromkeys(_NAMED.findall(words))]

    @property
    def outputs(self) -> list[Path]:
        """The pictures that the commands make."""
        return [_output(command) for command in self._painting]

    @property
    def _painting(self) -> list[tuple[str, ...]]:
        """The commands that make pictures, not models."""
        return [command for command in self.commands if _output(command).suffix != _MODEL]

    def run(self) -> None:
        """Run the commands, from the repository's root; what they made before is made anew."""
        for command in self.commands:
            output = _output(command)
            output.unlink(missing_ok=True)  # else `stylize` would leave it as it is
            shutil.rmtree(output.with_name(f"{output.stem}-run"), ignore_errors=True)
            print("impasto", *command, flush=True)
            subprocess.run([sys.executable, "-m", "impasto", *command], cwd=ROOT, check=True)

    def sheet(self) -> Image.Image:
        """What the commands read and what they make: small above the other if it is much."""
        if "--figure" in self.commands[0] or self.commands[0][0] in _SHEETS:
            return Image.open(self.outputs[0]).convert("RGB")  # a sheet already
        made = [self._made(*pair) for pair in zip(self._painting, self.outputs, strict=True)]
        read = [Cell(Image.open(path).convert("RGB"), path.stem) for path in self.inputs]
        if len(read + made) <= _MOST_IN_A_ROW:
            return _row(read + made, of=made)
        return _stacked(contact_sheet([read], height=SMALL), _row(made, of=made))

    @staticmethod
    def _made(command: Sequence[str], path: Path) -> Cell:
        image = Image.open(path).convert("RGB")
        if "--tileable" not in command:
            return Cell(image, path.stem)
        width, height = image.size
        laid = Image.new("RGB", (2 * width, 2 * height))
        for left, top in ((0, 0), (width, 0), (0, height), (width, height)):
            laid.paste(image, (left, top))
        return Cell(laid, f"{path.stem}, laid 2 × 2")


def _output(command: Sequence[str]) -> Path:
    return ROOT / command[command.index("-o") + 1]


def _row(cells: Sequence[Cell], *, of: Sequence[Cell]) -> Image.Image:
    """Cells side by side, at most as high as the pictures ``of``."""
    shape = sum(cell.image.width / cell.image.height for cell in cells)
    height = min(cell.image.height for cell in of)
    return contact_sheet([cells], height=min(height, round(WIDTH / shape)))


def _stacked(above: Image.Image, below: Image.Image) -> Image.Image:
    size = (max(above.width, below.width), above.height + below.height)
    sheet = Image.new("RGB", size, above.getpixel((0, 0)))
    sheet.paste(above, (0, 0))
    sheet.paste(below, (0, above.height))
    return sheet


def examples(pages: Iterable[Path] = PAGES) -> Iterator[Example]:
    """Every block of impasto's commands in the pages."""
    for page in pages:
        for block, picture in _BLOCK.findall(page.read_text(encoding="utf-8")):
            lines = [shlex.split(line, comments=True) for line in block.splitlines()]
            commands = tuple(tuple(words[1:]) for words in lines if words[:1] == ["impasto"])
            if commands:
                yield Example(commands, page.parent / picture if picture else None)


def main() -> None:
    """Make the pictures that are asked for."""
    found = {example.picture.stem: example for example in examples() if example.picture}
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--only", nargs="+", metavar="NAME", default=[*found], choices=[*found],
                        help=f"of {', '.join(found)}")  # fmt: skip
    parser.add_argument("--keep", action="store_true", help="use what out/ has; run no command")
    args = parser.parse_args()
    for name in args.only:
        if not args.keep:
            found[name].run()
        path = found[name].picture
        assert path is not None
        found[name].sheet().save(path, quality=85, optimize=True)
        print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1000:.0f} kB", flush=True)


if __name__ == "__main__":
    main()
