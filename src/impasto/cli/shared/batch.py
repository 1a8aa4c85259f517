"""The pictures of a batch and the files that they are written to."""

from __future__ import annotations

import argparse
import dataclasses
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from impasto import images
from impasto.cli.shared.messages import sentence
from impasto.cli.shared.style_folders import StyleSet
from impasto.errors import InputDataError, OptionError
from impasto.jobs.requests import PaintRequest, StylizeRequest
from impasto.runtime.files import real_path

_BatchRequest = TypeVar("_BatchRequest", bound=PaintRequest | StylizeRequest)


@dataclass(frozen=True)
class BatchItem:
    """A picture to paint and the file to write.

    Attributes:
        source: The photograph.
        output: The file.
        style: What it is painted in.
    """

    source: Path
    output: Path
    style: StyleSet = field(default_factory=StyleSet)

    @property
    def title(self) -> str:
        """What is shown while it is painted."""
        return f"{self.source.name}, {self.style.name}" if self.style.name else self.source.name

    def request(self, first: _BatchRequest) -> _BatchRequest:
        """Its request: that of another item, with its own photograph and styles."""
        return dataclasses.replace(first, content=str(self.source), styles=self.style.styles)


def plan_batch(
    contents: Sequence[Path],
    output: Path,
    format_: str | None,
    styles: Sequence[StyleSet] = (StyleSet(),),
) -> tuple[list[BatchItem], list[tuple[Path, str]]]:
    """List the pictures of a batch with their outputs; and what cannot be read, with an error.

    With several styles each output is called ``PHOTO-STYLE``. Pictures in the same styles follow
    each other.

    Args:
        contents: Pictures and folders of pictures.
        output: A picture file, or a folder, in which names are kept.
        format_: File ending of the outputs, without its dot; None: as the sources.
        styles: What each is painted in.

    Raises:
        OptionError: If two outputs are the same file, or one would replace a source.
        ImageError: If the output names a format that cannot be written.
        InputDataError: If there are only folders without pictures.
    """
    sources, failed = _find_sources(contents, output)
    if not sources:
        raise InputDataError(failed[0][1])
    to_file = names_file(output)
    if to_file and (
        len(sources) > 1 or len(styles) > 1 or any(os.path.isdir(content) for content in contents)
    ):
        raise OptionError(f"{output} is one picture and there are several to paint: name a folder.")
    resolved_sources = {real_path(source) for source, _ in sources}
    items: dict[Path, BatchItem] = {}
    for style in styles:
        for source, name in sources:
            path = output if to_file else _output(output / name, format_, style)
            other = items.get(real_path(path))
            if other is not None and other.style is not style:
                path = _unused(path, items)
            elif other is not None and real_path(other.source) == real_path(source):
                continue  # named twice
            target = real_path(path)
            if target == real_path(source):
                raise OptionError(f"{source} is read and would be replaced: name another -o.")
            if (other := items.get(target)) is not None:
                raise OptionError(
                    f"{other.source} and {source} would both become {path}: paint them into two "
                    "folders."
                )
            if target in resolved_sources:
                raise OptionError(f"{path} is one of the pictures to paint: name another -o.")
            items[target] = BatchItem(source, path, style)
    return list(items.values()), failed


def check_one_photograph(items: Sequence[BatchItem], args: argparse.Namespace) -> None:
    """Refuse masks for several photographs, and masks of a style for several styles.

    Args:
        items: Of the batch.
        args: ``mask``, ``style_mask`` and ``regions``.

    Raises:
        OptionError: If there are any.
    """
    is_masked = args.mask or args.style_mask or args.regions
    if is_masked and len({item.source for item in items}) > 1:
        raise OptionError("Masks and regions belong to one picture: name one.")
    if args.style_mask and len(items) > 1:
        raise OptionError("--style-mask belongs to one style picture: name one.")


def _find_sources(
    contents: Sequence[Path], output: Path
) -> tuple[list[tuple[Path, Path]], list[tuple[Path, str]]]:
    """Each picture with its path below the output folder; and what cannot be read."""
    sources: list[tuple[Path, Path]] = []
    failed: list[tuple[Path, str]] = []
    for content in dict.fromkeys(contents):
        if os.path.isdir(content):
            try:
                found = images.find_pictures(content, exclude=output)
            except InputDataError as error:
                failed.append((content, sentence(error)))
            else:
                sources += [(path, path.relative_to(content)) for path in found.pictures]
                failed += [(content, f"{note}.") for note in found.unread_notes()]
        else:
            sources.append((content, Path(content.name)))
    return sources, failed


def _output(path: Path, format_: str | None, style: StyleSet) -> Path:
    """The file of a picture whose name is kept, but for its style and the format."""
    suffix = f".{format_}" if format_ else path.suffix
    suffix = suffix if suffix.lower() in images.FORMATS else ".png"
    return path.with_name(f"{path.stem}-{style.name}{suffix}" if style.name else path.stem + suffix)


def _unused(path: Path, items: dict[Path, BatchItem]) -> Path:
    """A name with a number: ``a`` in ``b-c`` and ``a-b`` in ``c`` are both called ``a-b-c``."""
    number = 2
    while real_path(numbered := path.with_stem(f"{path.stem}-{number}")) in items:
        number += 1
    return numbered


def names_file(output: Path) -> bool:
    """Whether an output is a picture and not a folder.

    Raises:
        ImageError: If it has the look of a file, but of none that can be written.
    """
    if os.path.isdir(output):
        return False
    images.check_folder_name(output)
    return output.suffix.lower() in images.FORMATS
