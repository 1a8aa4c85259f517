"""The fixed pairs of held-out pictures that every method paints."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from impasto.errors import InputDataError, OptionError, option
from impasto.images.picture import list_pictures
from impasto.training.crops import is_held_out
from impasto.training.validation import Pair, read_pairs


class PairSet(NamedTuple):
    """Number of pairs, and the long side of their pictures in pixels."""

    count: int
    size: int


SETS = {"full": PairSet(24, 512), "quick": PairSet(12, 384)}


def held_out_pairs(content: str, style: str, chosen: PairSet) -> list[Pair]:
    """Pairs of pictures that ``impasto train … --hold-back`` leaves out, always the same.

    Args:
        content: Folder of photographs.
        style: Folder of paintings.
        chosen: How many, and their size.

    Raises:
        InputDataError: If a folder has no held-out picture.
    """
    return read_pairs(_held_out(content), _held_out(style), chosen.count, chosen.size)


def named_pairs(
    content: str, pictures: str, names: Sequence[str], chosen: PairSet, *, skip: str = ""
) -> list[Pair]:
    """Pairs for the styles of a model that knows its styles by name.

    Each style gets photographs of its own, so that more photographs are seen, if there are enough.

    Args:
        content: Folder of photographs; held-out ones are used.
        pictures: Folder of the style pictures, named as the styles are.
        names: The styles.
        chosen: Photographs for each style, and their size.
        skip: Name of a style without a picture.

    Raises:
        OptionError: If the picture of a style is missing.
    """
    photographs = _held_out(content)
    files = {path.stem: path for path in list_pictures(pictures)}
    pairs = []
    for index, name in enumerate(name for name in names if name != skip):
        if name not in files:
            raise OptionError(f"{option('pictures')} {pictures} has no picture named {name}.")
        own = photographs[index :: len(names)] or photographs
        read = read_pairs(own, [files[name]], chosen.count, chosen.size)
        pairs += [Pair(pair.content, pair.style, name) for pair in read]
    return pairs


def _held_out(folder: str) -> list[Path]:
    found = [path for path in list_pictures(folder) if is_held_out(path)]
    if not found:
        raise InputDataError(
            f"{folder} has no held-out picture (the digest of its name begins with 0 or 1): name a "
            "folder with more pictures."
        )
    return found


def title(pair: Pair) -> str:
    """``CONTENT__STYLE``: the names of both files without their extensions."""
    names = (picture.path.stem if picture.path else "" for picture in (pair.content, pair.style))
    return "__".join(names)


def pair_digest(pair: Pair) -> str:
    """A digest of the pixels of both pictures, and of the style's name if it has one."""
    digest = hashlib.sha256(pair.name.encode())
    for picture in (pair.content, pair.style):
        digest.update(str(tuple(picture.tensor.shape)).encode())
        digest.update(picture.tensor.contiguous().numpy().data)
    return digest.hexdigest()
