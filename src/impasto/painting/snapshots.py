"""Snapshots of a painting in progress: a folder of pictures, or an animation."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from impasto import images
from impasto.errors import ImageError, OptionError, option
from impasto.painting.animations import ANIMATIONS, check_animation, write_animation
from impasto.painting.pyramid import Stage
from impasto.runtime.files import check_writable, shown

_DURATION_MS = 3000
_LAST_FRAME_MS = 1500
_SHORTEST_FRAME_MS = 40  # shorter frames are not shown reliably by all viewers


class FrameStore:
    """Pictures by step, kept as PNGs since there may be many.

    Checkpoints contain them, so that a resumed animation has no gap.
    """

    def __init__(self) -> None:
        self._pngs: dict[int, bytes] = {}

    def add(self, step: int, picture: Image.Image) -> None:
        """Store the picture of a step."""
        stream = io.BytesIO()
        picture.save(stream, "PNG", compress_level=1)
        self._pngs[step] = stream.getvalue()

    @property
    def steps(self) -> list[int]:
        """The steps with a picture, in order."""
        return sorted(self._pngs)

    def __getitem__(self, step: int) -> Image.Image:
        # A copy: Pillow saves an opened file only with a working folder, which may be gone.
        return Image.open(io.BytesIO(self._pngs[step])).copy()

    def state_dict(self) -> dict[int, Tensor]:
        """Step → bytes of its PNG."""
        pngs = self._pngs.items()
        return {step: torch.frombuffer(bytearray(data), dtype=torch.uint8) for step, data in pngs}

    def load_state_dict(self, state: Mapping[int, Tensor]) -> None:
        """Replace the pictures by those of a checkpoint."""
        self._pngs = {int(step): data.numpy().tobytes() for step, data in state.items()}


class Snapshots:
    """Saves about ``count`` pictures of a painting, evenly spread over its steps.

    Args:
        path: A ``.gif``, ``.webp``, ``.png`` or ``.mp4`` file for an animation; any other path is a
            folder of PNGs.
        count: Number of pictures.
        stages: Of the painting.
        alpha: Opacity of every picture, (1, 1, H, W) in [0, 1] at any size, or None.
        metadata: Of the pictures in a folder; animations have none.

    Attributes:
        frames: The frames of an animation so far; empty for a folder.
        paths: The files written so far.

    Raises:
        OptionError: For fewer than one picture, or a video without PyAV.
        ImageError: If the path is not writable, or the format does not allow the size.
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
        self._is_animation = path.suffix.lower() in ANIMATIONS
        if not self._is_animation:
            _check_folder_name(path)
        self._size = stages[-1].size
        self._alpha, self._metadata = alpha, metadata or {}
        check_writable(path if self._is_animation else path / "step.png", error=ImageError)
        if self._is_animation:
            check_animation(path, self._size)
        total = sum(stage.steps for stage in stages)
        count = min(count, total)
        self._steps = {max(1, round(total * (i + 1) / count)) for i in range(count)}
        self.frames = FrameStore()
        self.paths: list[Path] = []

    def is_due(self, step: int) -> bool:
        """Whether the picture of ``step`` is one of those to save."""
        return step in self._steps

    def take(self, step: int, image: Tensor) -> None:
        """Save the picture of ``step`` (from 1, over all sizes) if it is due."""
        if not self.is_due(step):
            return
        if self._is_animation:
            # All frames have the size of the finished picture.
            frame = images.resize(image, self._size)
            self.frames.add(step, images.to_pil(frame, self._opacity(frame)))
        else:
            path = self._path / f"step-{step:05d}.png"
            metadata = {**self._metadata, "step": str(step)}
            images.write(path, image, alpha=self._opacity(image), metadata=metadata)
            self.paths.append(path)

    def finish(self) -> list[Path]:
        """Write the animation, if it is one, and return the paths of all files.

        Raises:
            ImageError: If it cannot be written; the frames are kept.
        """
        if frames := [self.frames[step] for step in self.frames.steps]:
            duration = max(_SHORTEST_FRAME_MS, _DURATION_MS // len(frames))
            durations = [duration] * (len(frames) - 1) + [_LAST_FRAME_MS]
            write_animation(self._path, frames, durations)
            self.paths = [self._path]
        return self.paths

    def _opacity(self, image: Tensor) -> Tensor | None:
        """The alpha channel at the size of a picture."""
        if self._alpha is None:
            return None
        return images.resize(self._alpha, (image.shape[-2], image.shape[-1]))


def _check_folder_name(path: Path) -> None:
    if images.looks_like_file(path):
        raise ImageError(
            f"{shown(path)} names neither a folder nor an animation: give a folder, or a file that "
            f"ends in {', '.join(ANIMATIONS[:-1])} or {ANIMATIONS[-1]}."
        )
