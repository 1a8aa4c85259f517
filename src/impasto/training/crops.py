"""A folder of pictures as training crops; the crops of a step depend on seed and step alone."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from impasto import images
from impasto.errors import ImageError, InputDataError, counted_noun
from impasto.images.picture import list_pictures as list_pictures
from impasto.training.settings import HOLD_BACK_FROM as HOLD_BACK_FROM


def is_held_out(path: Path, eighths: int = 1) -> bool:
    """Whether a picture belongs to the fixed share of a folder that is not trained on.

    It does if the first hexadecimal digit of the SHA-256 of its file name is below
    ``2 * eighths``, whatever else the folder holds.
    """
    return int(hashlib.sha256(path.name.encode()).hexdigest()[0], 16) < 2 * eighths


def held_out(paths: Sequence[Path], hold_back: bool | None = None) -> list[Path]:
    """The pictures of a folder that are not trained on; none of a folder that has too few.

    Args:
        paths: Of all pictures.
        hold_back: Whether to hold back some; None: if the folder has ``HOLD_BACK_FROM`` or more.
    """
    if hold_back is None:
        hold_back = len(paths) >= HOLD_BACK_FROM
    return [path for path in paths if hold_back and is_held_out(path)]


class Crops:
    """Random square crops of a list of pictures, held in memory as uint8.

    Args:
        paths: Picture files; broken ones are skipped and counted in ``skipped``.
        size: Side of the crops in pixels.
        long_side: Pictures are reduced to at most this long side when they are read.
        weigh: Path → how often the picture is drawn, relative to others; all alike by default.

    Attributes:
        name: Their number and a digest of them, for checkpoints.

    Raises:
        InputDataError: If none of the pictures can be read.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        size: int,
        *,
        long_side: int = 640,
        weigh: Callable[[Path], float] | None = None,
    ) -> None:
        self.size = size
        self.skipped: list[Path] = []
        self._pictures: list[Tensor] = []
        # Few threads: a photograph that is being decoded can take half a gigabyte.
        threads = ThreadPoolExecutor(min(4, os.cpu_count() or 1))
        Image.init()  # Pillow's file formats, which threads would otherwise load all at once
        try:
            pictures = threads.map(lambda path: _read(path, size, long_side), paths)
            for path, picture in zip(paths, pictures, strict=True):
                if picture is None:
                    self.skipped.append(path)
                else:
                    self._pictures.append(picture)
        finally:  # after Ctrl-C, do not read the rest
            threads.shutdown(cancel_futures=True)
        if not self._pictures:
            raise InputDataError(f"None of {counted_noun(len(paths), 'picture')} can be read.")
        self.name = f"{len(self)} pictures ({digest_of(self._pictures)})"
        self._weights: Tensor | None = None
        if weigh is not None:
            readable = [path for path in paths if path not in set(self.skipped)]
            self._weights = torch.tensor([weigh(path) for path in readable])
            self.name += f", weights {digest_of([self._weights])}"

    def __len__(self) -> int:
        return len(self._pictures)

    def draw(self, count: int, generator: torch.Generator, size: int | None = None) -> Tensor:
        """``count`` crops, (count, 3, size, size) in [0, 1], reduced by up to 2 and mirrored.

        Args:
            count: Number of crops.
            generator: Random numbers.
            size: Side in pixels, at most the ``size`` of the class, which is the default.
        """
        return torch.cat([self._crop(generator, size or self.size) for _ in range(count)])

    def draw_of_few(
        self, variants: int, generator: torch.Generator
    ) -> tuple[tuple[int, int], Tensor]:
        """One of a few crops that each picture has, the same in every step.

        Args:
            variants: How many each picture has.
            generator: Random numbers.

        Returns:
            What identifies the crop, and the crop (1, 3, size, size).
        """
        key = self._random_index(generator), random_integer(variants, generator)
        return key, self._crop_of(key[0], step_generator(key[0], key[1]), self.size)

    def _crop(self, generator: torch.Generator, size: int) -> Tensor:
        return self._crop_of(self._random_index(generator), generator, size)

    def _random_index(self, generator: torch.Generator) -> int:
        if self._weights is None:
            return random_integer(len(self), generator)
        return int(torch.multinomial(self._weights, 1, generator=generator))

    def _crop_of(self, index: int, generator: torch.Generator, size: int) -> Tensor:
        picture = self._pictures[index]
        height, width = picture.shape[-2:]
        # From the crop's size up to the whole short side, so that crops have many scales.
        largest = min(height, width, 2 * size)
        side = size + random_integer(largest - size + 1, generator)
        top = random_integer(height - side + 1, generator)
        left = random_integer(width - side + 1, generator)
        crop = picture[None, :, top : top + side, left : left + side].float() / 255
        if side != size:
            crop = F.interpolate(crop, (size, size), mode="bilinear", antialias=True)
        return crop.flip(-1) if random_integer(2, generator) else crop


def _read(path: Path, size: int, long_side: int) -> Tensor | None:
    """A picture (3, H, W) as uint8, at least ``size`` each way; None if it cannot be read."""
    try:
        picture = images.read(path, long_side=long_side, max_enlarge=1.0).tensor
    except ImageError:
        return None
    short = min(picture.shape[-2:])
    if short < size:
        height, width = (max(size, round(n * size / short)) for n in picture.shape[-2:])
        picture = images.resize(picture, (height, width))
    return images.as_uint8(picture)[0]


def digest_of(tensors: Iterable[Tensor]) -> str:
    """A digest of pictures or weights, eight hexadecimal digits, for checkpoints."""
    digest = hashlib.blake2b(digest_size=4)
    for tensor in tensors:
        digest.update(str(tuple(tensor.shape)).encode())
        digest.update(tensor.cpu().contiguous().numpy().data)
    return digest.hexdigest()


def step_generator(seed: int, step: int) -> torch.Generator:
    """The random numbers of one training step, from seed and step alone.

    So a resumed training has the same batches.
    """
    digest = hashlib.sha256(f"{seed}:{step}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "little") >> 1)


def random_integer(bound: int, generator: torch.Generator) -> int:
    """A whole number from 0, below ``bound``."""
    return int(torch.randint(bound, (), generator=generator))
