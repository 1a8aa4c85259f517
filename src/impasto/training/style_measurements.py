"""What is measured of style pictures for training, kept for those that come again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import torch
from torch import Tensor

from impasto.errors import ImpastoError
from impasto.losses.moments import Summary
from impasto.networks.styles import COLOURS
from impasto.runtime.safetensors import read_safetensors, write_safetensors

Key: TypeAlias = tuple[int, int]
"""A style picture's number, and its crop's."""

FOLDER = "measured"
"""Of a run's folder; holds what was measured, and is needed only while the run goes on."""

Measured = dict[str, Summary]
"""Layer → summary."""


class StyleMeasurements:
    """Measurements by key: they cost more than a step of the network.

    Those of an encoder's layers are kept in float16. Those of colours, which are few numbers, are
    kept exactly: of a nearly grey style the covariance is lost in the rounding.

    Args:
        measure: Picture (1, 3, H, W) → its measurements.
        folder: Where they are kept for a training that is resumed, and for the other processes of
            one: a file each. None: in memory only.
    """

    def __init__(self, measure: Callable[[Tensor], Measured], folder: Path | None = None) -> None:
        self._measure, self._folder = measure, folder
        self._kept: dict[Key, Measured] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def __call__(self, picture: Tensor, key: Key | None = None) -> Measured:
        """The measurements of a picture (1, 3, H, W); kept under ``key`` if there is one."""
        if key is None:
            return self._measure(picture)
        if key not in self._kept:
            self._kept[key] = self._read(key, picture.device) or self._write(key, picture)
        # Rounded also the first time: a resumed training makes the same steps.
        return _mapped(self._kept[key], torch.Tensor.float)

    def _read(self, key: Key, device: torch.device) -> Measured | None:
        """What the folder has under a key; a broken file counts as none."""
        if self._folder is None:
            return None
        path = self._path(self._folder, key)
        try:
            tensors = read_safetensors(path)[0] if path.is_file() else {}
        except ImpastoError:
            return None
        measured: Measured = {}
        for name, tensor in tensors.items():
            layer, _, kind = name.rpartition(_SEPARATOR)
            measured.setdefault(layer, {})[kind] = tensor.to(device)
        return measured or None

    def _write(self, key: Key, picture: Tensor) -> Measured:
        """Measure a picture, and keep that in the folder."""
        measured = self._measure(picture)
        exact = {name: each for name, each in measured.items() if name.endswith(COLOURS)}
        kept = {**_mapped(measured, torch.Tensor.half), **exact}
        if self._folder is not None:
            state = {
                f"{name}{_SEPARATOR}{kind}": tensor.cpu().contiguous()
                for name, summary in kept.items()
                for kind, tensor in summary.items()
            }
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                write_safetensors(self._path(self._folder, key), state, {})
            except (ImpastoError, OSError):
                self._folder = None  # a full disk: it goes on in memory
        return kept

    @staticmethod
    def _path(folder: Path, key: Key) -> Path:
        return folder / f"{key[0]}-{key[1]}.safetensors"


_SEPARATOR = "/"


def concatenated(measured: Sequence[Measured]) -> Measured:
    """The measurements of one picture each as those of a batch."""
    return {
        name: {key: torch.cat([each[name][key] for each in measured]) for key in summary}
        for name, summary in measured[0].items()
    }


def _mapped(measured: Measured, change: Callable[[Tensor], Tensor]) -> Measured:
    return {
        name: {key: change(value) for key, value in summary.items()}
        for name, summary in measured.items()
    }
