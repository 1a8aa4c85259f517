"""Which pictures a command paints, and where each goes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from impasto import images
from impasto.cli.shared.messages import sentence
from impasto.errors import InputDataError, OptionError


@dataclass(frozen=True)
class Work:
    """One picture to be painted."""

    source: Path
    output: Path


def plan(
    contents: Sequence[Path], output: Path, format_: str | None
) -> tuple[list[Work], list[tuple[Path, str]]]:
    """Every picture and where it goes; and folders without any, with a sentence each.

    Raises:
        OptionError: If two would go to one place, or one would replace another.
        ImageError: If the output names a format that is not written.
        InputDataError: If there is nothing but folders without pictures.
    """
    found: list[tuple[Path, Path]] = []
    failed: list[tuple[Path, str]] = []
    for content in dict.fromkeys(contents):
        if os.path.isdir(content):
            try:
                inside = images.list_pictures(content, exclude=output)
            except InputDataError as error:
                failed.append((content, sentence(error)))
            else:
                found += [(path, path.relative_to(content)) for path in inside]
        else:
            found.append((content, Path(content.name)))
    if not found:
        raise InputDataError(failed[0][1])
    to_file = _is_file(output)
    if to_file and (len(found) > 1 or any(os.path.isdir(content) for content in contents)):
        raise OptionError(f"{output} is one picture and there are several to paint: name a folder.")
    planned = []
    for source, place in found:
        suffix = f".{format_}" if format_ else place.suffix
        suffix = suffix if suffix.lower() in images.FORMATS else ".png"
        planned.append(Work(source, output if to_file else (output / place).with_suffix(suffix)))
    seen: dict[Path, Path] = {}
    sources = {source.resolve() for source, _ in found}
    work = []
    for item in planned:
        target = item.output.resolve()
        if target in seen and seen[target].resolve() == item.source.resolve():
            continue  # named twice
        if target == item.source.resolve():
            raise OptionError(f"{item.source} would be replaced by its painting: name another -o.")
        if target in seen:
            raise OptionError(
                f"{seen[target]} and {item.source} would both become {item.output}: paint them "
                "into two folders."
            )
        if target in sources:
            raise OptionError(f"{item.output} is to be painted, too: name another -o.")
        seen[target] = item.source
        work.append(item)
    return work, failed


def _is_file(output: Path) -> bool:
    """Whether an output is a picture, not a folder.

    Raises:
        ImageError: If it is named as a picture of a format that is not written.
    """
    suffix = output.suffix.lower()
    if os.path.isdir(output):
        return False
    if suffix not in images.FORMATS and suffix in Image.registered_extensions():
        images.check_output(output)
    return suffix in images.FORMATS
