"""The evolution of a painting: a folder of pictures, or an animation."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from impasto import images
from impasto.errors import OptionError
from impasto.files import check_writable, replacing
from impasto.pyramid import Stage

ANIMATIONS = (".gif", ".webp")

# Three seconds in all read as a film; no frame stays shorter than a viewer shows reliably.
_DURATION_MS = 3000
_SHORTEST_MS = 40


class Reel:
    """Pictures by the step that they were taken at, packed, since they may be many.

    A checkpoint keeps them, too, so that an interruption leaves no gap.
    """

    def __init__(self) -> None:
        self._files: dict[int, bytes] = {}

    def add(self, number: int, picture: Image.Image) -> None:
        """Keep the picture of step ``number``."""
        stream = io.BytesIO()
        picture.save(stream, "PNG", compress_level=1)
        self._files[number] = stream.getvalue()

    @property
    def numbers(self) -> list[int]:
        """The steps there are pictures of, in order."""
        return sorted(self._files)

    def __getitem__(self, number: int) -> Image.Image:
        return Image.open(io.BytesIO(self._files[number]))

    def state_dict(self) -> dict[int, Tensor]:
        """Step → the bytes of its picture."""
        files = self._files.items()
        return {n: torch.frombuffer(bytearray(data), dtype=torch.uint8) for n, data in files}

    def load_state_dict(self, state: Mapping[int, Tensor]) -> None:
        """Have the pictures of a checkpoint."""
        self._files = {int(n): data.numpy().tobytes() for n, data in state.items()}


class Snapshots:
    """Keeps about ``count`` pictures of a painting, spread evenly over its work.

    Args:
        path: A ``.gif`` or ``.webp`` file for an animation, anything else is a folder of PNGs.
        count: How many pictures.
        stages: Of the painting.

    Attributes:
        reel: The frames of an animation so far; a folder's pictures are in their files.

    Raises:
        OptionError: For fewer than one picture.
    """

    def __init__(self, path: Path, count: int, stages: tuple[Stage, ...]) -> None:
        if count < 1:
            raise OptionError(f"--snapshots must be 1 or more, not {count}.")
        self._path = path
        self._animated = path.suffix.lower() in ANIMATIONS
        check_writable(path if self._animated else path / "step.png")
        self._size = stages[-1].size
        total = sum(stage.steps for stage in stages)
        self._wanted = {max(1, round(total * (i + 1) / count)) for i in range(count)}
        self.reel = Reel()
        self.made: list[Path] = []

    def wants(self, number: int) -> bool:
        """Whether the picture of step ``number`` is one to keep."""
        return number in self._wanted

    def take(self, number: int, image: Tensor) -> None:
        """Keep the picture of step ``number`` (from 1, over all sizes) if its turn has come."""
        if not self.wants(number):
            return
        if self._animated:
            # All frames of an animation have one size: that of the finished picture.
            self.reel.add(number, images.to_pil(images.resize(image, self._size)))
        else:
            self.made.append(images.write(self._path / f"step-{number:05d}.png", image))

    def finish(self) -> list[Path]:
        """Write the animation, if that is what it is; the files made."""
        if frames := [self.reel[number] for number in self.reel.numbers]:
            pace = max(_SHORTEST_MS, _DURATION_MS // len(frames))
            durations = [pace] * (len(frames) - 1) + [1500]
            with replacing(self._path) as temporary:
                frames[0].save(
                    temporary,
                    save_all=True,
                    append_images=frames[1:],
                    duration=durations,
                    loop=0,
                )
            self.made = [self._path]
        return self.made
