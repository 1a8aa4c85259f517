"""The evolution of a painting: a folder of pictures, or an animation."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from impasto import images
from impasto.errors import ImageError, OptionError, option
from impasto.painting.pyramid import Stage
from impasto.runtime.files import check_writable, replacing

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
        alpha: The opacity of every picture, (1, 1, H, W) in [0, 1] at any size, or None.
        metadata: What the files of a folder say of themselves; animations say nothing.

    Attributes:
        reel: The frames of an animation so far; a folder's pictures are in their files.

    Raises:
        OptionError: For fewer than one picture.
        ImageError: If they cannot be written there, or an animation has no room for their size.
    """

    def __init__(
        self,
        path: Path,
        count: int,
        stages: tuple[Stage, ...],
        *,
        alpha: Tensor | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        if count < 1:
            raise OptionError(f"{option('snapshots')} must be 1 or more, not {count}.")
        self._path = path
        self._animated = path.suffix.lower() in ANIMATIONS
        self._size = stages[-1].size
        self._alpha, self._metadata = alpha, metadata or {}
        check_writable(path if self._animated else path / "step.png", error=ImageError)
        if self._animated:
            images.check_room(path, self._size, remedy="name a folder instead")
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
            frame = images.resize(image, self._size)
            self.reel.add(number, images.to_pil(frame, self._opacity(frame)))
        else:
            path = self._path / f"step-{number:05d}.png"
            told = {**self._metadata, "step": str(number)}
            images.write(path, image, alpha=self._opacity(image), metadata=told)
            self.made.append(path)

    def finish(self) -> list[Path]:
        """Write the animation, if that is what it is; the files made.

        Raises:
            ImageError: If it cannot be written; the frames are still in the reel.
        """
        if frames := [self.reel[number] for number in self.reel.numbers]:
            pace = max(_SHORTEST_MS, _DURATION_MS // len(frames))
            durations = [pace] * (len(frames) - 1) + [1500]
            if self._path.suffix.lower() == ".gif":
                frames = [_with_holes(frame) for frame in frames]
            with replacing(self._path, error=ImageError) as temporary:
                try:
                    frames[0].save(
                        temporary,
                        save_all=True,
                        append_images=frames[1:],
                        duration=durations,
                        loop=0,
                    )
                except (RuntimeError, ValueError, MemoryError) as problem:  # of Pillow's writers
                    raise ImageError(
                        f"{self._path} could not be written "
                        f"({str(problem) or type(problem).__name__}): name a folder instead."
                    ) from problem
            self.made = [self._path]
        return self.made

    def _opacity(self, image: Tensor) -> Tensor | None:
        """The alpha at a picture's size."""
        if self._alpha is None:
            return None
        return images.resize(self._alpha, (image.shape[-2], image.shape[-1]))


def _with_holes(frame: Image.Image) -> Image.Image:
    """A frame for a GIF, with a colour of its palette for all that is more than half transparent.

    Pillow's own way from RGBA loses the transparency of later frames where what cannot be seen has
    the colour of something that can.
    """
    if frame.mode != "RGBA":
        return frame
    hole = 255
    plain = frame.convert("RGB").quantize(hole)
    plain.paste(hole, mask=frame.getchannel("A").point([255] * 128 + [0] * 128))
    plain.info["transparency"] = hole
    return plain
