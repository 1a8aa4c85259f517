"""The pictures of a batch and the files that they are written to."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from impasto import images
from impasto.cli.shared.messages import sentence
from impasto.errors import InputDataError, OptionError


@dataclass(frozen=True)
class BatchItem:
    """A picture to paint and the file to write."""

    source: Path
    output: Path


def plan_batch(
    contents: Sequence[Path], output: Path, format_: str | None
) -> tuple[list[BatchItem], list[tuple[Path, str]]]:
    """List the pictures of a batch with their outputs; and what cannot be read, with an error.

    Args:
        contents: Pictures and folders of pictures.
        output: A picture file, or a folder, in which names are kept.
        format_: File ending of the outputs, without its dot; None: as the sources.

    Raises:
        OptionError: If two outputs are the same file, or one would replace a source.
        ImageError: If the output names a format that cannot be written.
        InputDataError: If there are only folders without pictures.
    """
    sources: list[tuple[Path, Path]] = []  # with the path below the output folder
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
    if not sources:
        raise InputDataError(failed[0][1])
    to_file = _is_file(output)
    if to_file and (len(sources) > 1 or any(os.path.isdir(content) for content in contents)):
        raise OptionError(f"{output} is one picture and there are several to paint: name a folder.")
    resolved_sources = {source.resolve() for source, _ in sources}
    items: dict[Path, BatchItem] = {}
    for source, name in sources:
        suffix = f".{format_}" if format_ else name.suffix
        suffix = suffix if suffix.lower() in images.FORMATS else ".png"
        path = output if to_file else (output / name).with_suffix(suffix)
        target, other = path.resolve(), items.get(path.resolve())
        if other is not None and other.source.resolve() == source.resolve():
            continue  # named twice
        if target == source.resolve():
            raise OptionError(f"{source} would be replaced by its painting: name another -o.")
        if other is not None:
            raise OptionError(
                f"{other.source} and {source} would both become {path}: paint them into two "
                "folders."
            )
        if target in resolved_sources:
            raise OptionError(f"{path} is one of the pictures to paint: name another -o.")
        items[target] = BatchItem(source, path)
    return list(items.values()), failed


def _is_file(output: Path) -> bool:
    """Whether an output is a picture and not a folder.

    Raises:
        ImageError: If it has the look of a file, but of none that can be written.
    """
    if os.path.isdir(output):
        return False
    images.check_folder_name(output)
    return output.suffix.lower() in images.FORMATS
