"""Makes the pictures of the docs by running the commands above them.

    python docs/make_pictures.py                  # all of them, some minutes
    python docs/make_pictures.py --only colour strength

A picture right after a block of commands shows what these commands read and write. The commands run
in the root of the repository.
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

from impasto.images.contact_sheet import CaptionedImage, contact_sheet

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").glob("*.md"))

MAX_WIDTH = 1500
"""Maximum width of a row of pictures, in pixels."""

INPUT_HEIGHT = 140
"""Height in pixels of the input pictures, where they have their own row."""

_BLOCK = re.compile(r"```sh\n(.*?)```(?:\n+!\[[^]]*\]\(([^)]+)\))?", re.DOTALL)
_RUNNABLE = re.compile(r" *(impasto|python) ")
_INPUT = re.compile(r"docs/pictures/[\w.-]+")
_MAX_ROW_LENGTH = 4
_MODEL_SUFFIX = ".safetensors"
_ANIMATIONS = (".webp", ".gif")
_SHEETS = ("edges", "compare", "inspect")
"""Commands whose output is a contact sheet already."""


@dataclass(frozen=True)
class Example:
    """A block of commands, scripts in it that are run first, and the picture after it if any."""

    commands: tuple[tuple[str, ...], ...]
    picture: Path | None
    scripts: tuple[tuple[str, ...], ...] = ()

    @property
    def inputs(self) -> list[Path]:
        """The pictures that the commands read, without repetitions."""
        words = " ".join(word for command in self.commands for word in command)
        return [ROOT / name for name in dict.fromkeys(_INPUT.findall(words))]

    @property
    def outputs(self) -> list[Path]:
        """The pictures that the commands write."""
        return [_output(command) for command in self._picture_commands]

    @property
    def _picture_commands(self) -> list[tuple[str, ...]]:
        """The commands whose output is a picture, not a model."""
        return [command for command in self.commands if _output(command).suffix != _MODEL_SUFFIX]

    def run(self) -> None:
        """Run the commands in the root of the repository, replacing earlier outputs."""
        for script in self.scripts:
            subprocess.run([sys.executable, *script], cwd=ROOT, check=True)
        for command in self.commands:
            output = _output(command)
            output.unlink(missing_ok=True)  # `stylize` skips files that exist
            shutil.rmtree(output.with_name(f"{output.stem}-run"), ignore_errors=True)
            print("impasto", *command, flush=True)
            subprocess.run([sys.executable, "-m", "impasto", *command], cwd=ROOT, check=True)

    def save(self) -> None:
        """Write the picture: an animation as it is, others on a sheet."""
        assert self.picture is not None
        if self.picture.suffix in _ANIMATIONS:
            shutil.copyfile(self.outputs[0], self.picture)
        else:
            self.sheet().save(self.picture, quality=85, optimize=True)

    def sheet(self) -> Image.Image:
        """Inputs and outputs in one row, or small inputs above the outputs if there are many."""
        if "--figure" in self.commands[0] or self.commands[0][0] in _SHEETS:
            return Image.open(self.outputs[0]).convert("RGB")  # already a sheet
        pairs = zip(self._picture_commands, self.outputs, strict=True)
        outputs = [self._output_cell(*pair) for pair in pairs]
        inputs = [
            CaptionedImage(Image.open(path).convert("RGB"), path.stem) for path in self.inputs
        ]
        if len(inputs + outputs) <= _MAX_ROW_LENGTH:
            return _row(inputs + outputs, outputs)
        return _stacked(contact_sheet([inputs], height=INPUT_HEIGHT), _row(outputs, outputs))

    @staticmethod
    def _output_cell(command: Sequence[str], path: Path) -> CaptionedImage:
        image = Image.open(path).convert("RGB")
        if "--tileable" not in command:
            return CaptionedImage(image, path.stem)
        width, height = image.size
        repeated = Image.new("RGB", (2 * width, 2 * height))
        for left, top in ((0, 0), (width, 0), (0, height), (width, height)):
            repeated.paste(image, (left, top))
        return CaptionedImage(repeated, f"{path.stem}, repeated 2 × 2")


def _output(command: Sequence[str]) -> Path:
    return ROOT / command[command.index("-o") + 1]


def _row(cells: Sequence[CaptionedImage], outputs: Sequence[CaptionedImage]) -> Image.Image:
    """Cells side by side, no higher than the lowest output."""
    aspect_ratio = sum(cell.image.width / cell.image.height for cell in cells)
    height = min(cell.image.height for cell in outputs)
    return contact_sheet([cells], height=min(height, round(MAX_WIDTH / aspect_ratio)))


def _stacked(above: Image.Image, below: Image.Image) -> Image.Image:
    size = (max(above.width, below.width), above.height + below.height)
    sheet = Image.new("RGB", size, above.getpixel((0, 0)))
    sheet.paste(above, (0, 0))
    sheet.paste(below, (0, above.height))
    return sheet


def examples(pages: Iterable[Path] = PAGES) -> Iterator[Example]:
    """Every block of ``impasto`` commands in the pages, in order."""
    for page in pages:
        for block, picture in _BLOCK.findall(page.read_text(encoding="utf-8")):
            runnable = (line for line in block.splitlines() if _RUNNABLE.match(line))
            lines = [shlex.split(line, comments=True) for line in runnable]
            commands = tuple(tuple(words[1:]) for words in lines if words[:1] == ["impasto"])
            scripts = tuple(tuple(words[1:]) for words in lines if words[:1] == ["python"])
            if commands:
                yield Example(commands, page.parent / picture if picture else None, scripts)


def main() -> None:
    """Make the selected pictures."""
    by_name = {example.picture.stem: example for example in examples() if example.picture}
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--only", nargs="+", metavar="NAME", default=[*by_name], choices=[*by_name],
                        help=f"some of {', '.join(by_name)}")  # fmt: skip
    parser.add_argument("--keep", action="store_true", help="run no command: use the files in out/")
    args = parser.parse_args()
    for name in args.only:
        if not args.keep:
            by_name[name].run()
        path = by_name[name].picture
        assert path is not None
        by_name[name].save()
        print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1000:.0f} kB", flush=True)


if __name__ == "__main__":
    main()
