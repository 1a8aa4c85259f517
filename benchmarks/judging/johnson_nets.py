"""The six one-pass networks of reiinakano/fast-style-transfer-deeplearnjs, read from its folder.

Johnson et al. 2016 (arXiv:1603.08155) with instance normalization, as trained in TensorFlow by
lengstrom/fast-style-transfer: two strided convolutions, five residual blocks, two transposed
convolutions, tanh. Each network knows the one painting that it was trained on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.errors import OptionError, option
from impasto.training.validation import Pair
from judging.digests import file_digest

STYLES = ("la_muse", "rain_princess", "scream", "udnie", "wave", "wreck")

FETCH = (
    "clone https://github.com/reiinakano/fast-style-transfer-deeplearnjs (MIT) and name its "
    f"folder with {option('johnson')}."
)

Variables = Mapping[str, Tensor]
"""Name in the checkpoint → values, with the axes of TensorFlow."""


def open_johnson(folder: Path) -> tuple[str, Callable[[Pair], Tensor]]:
    """Identity and painting function; a pair's ``name`` is the network.

    Args:
        folder: Of the program.

    Raises:
        OptionError: If the networks are not there.
    """
    weights = [folder / "src" / "ckpts" / name for name in STYLES]
    missing = [path for path in weights if not (path / "manifest.json").is_file()]
    if missing:
        raise OptionError(f"{missing[0]} does not hold a network: {FETCH}")
    files = sorted(path for part in weights for path in part.iterdir())

    @cache
    def variables(name: str) -> Variables:
        return read_variables(folder / "src" / "ckpts" / name)

    @torch.inference_mode()
    def paint(pair: Pair) -> Tensor:
        if pair.name not in STYLES:
            raise OptionError(f"johnson paints its own styles only: {', '.join(STYLES)}.")
        return transform(pair.content.tensor, variables(pair.name))

    return f"johnson {file_digest(files)}", paint


def style_pictures(folder: Path) -> Path:
    """The folder of the paintings, named as the networks are."""
    return folder / "src" / "images"


def read_variables(folder: Path) -> Variables:
    """The values of a checkpoint: little-endian float32, with their shapes in a manifest."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    found = {}
    for name, entry in manifest.items():
        values = np.fromfile(folder / Path(entry["filename"]).name, dtype="<f4")
        found[name] = torch.from_numpy(values.reshape(entry["shape"]))
    return found


def transform(image: Tensor, variables: Variables) -> Tensor:
    """The painted picture.

    Args:
        image: (1, 3, H, W) in [0, 1].
        variables: Of one network.
    """
    height, width = image.shape[-2:]

    def weights(number: int) -> Tensor:
        return variables[f"Variable_{number}" if number else "Variable"]

    def normalized(x: Tensor, number: int) -> Tensor:
        shift, scale = weights(number + 1), weights(number + 2)
        variance, mean = torch.var_mean(x, dim=(2, 3), correction=0, keepdim=True)
        return (x - mean) / (variance + 1e-3).sqrt() * column(scale) + column(shift)

    def convolved(x: Tensor, number: int, stride: int = 1) -> Tensor:
        return normalized(same_convolution(x, weights(number), stride), number)

    x = F.relu(convolved(255 * image, 0))
    x = F.relu(convolved(x, 3, stride=2))
    x = F.relu(convolved(x, 6, stride=2))
    for number in range(9, 39, 6):
        x = x + convolved(F.relu(convolved(x, number)), number + 3)
    for number in (39, 42):
        x = F.relu(normalized(same_transposed(x, weights(number)), number))
    x = 150 * torch.tanh(convolved(x, 45)) + 255 / 2
    return x[..., :height, :width].clamp(0, 255) / 255


def same_convolution(x: Tensor, weights: Tensor, stride: int) -> Tensor:
    """TensorFlow's convolution with padding "SAME": ⌈H / stride⌉ rows, more zeros at the end."""
    pads = []
    for size, kernel in zip(x.shape[:1:-1], (weights.shape[1], weights.shape[0]), strict=True):
        total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        pads += [total // 2, total - total // 2]
    return F.conv2d(F.pad(x, pads), weights.permute(3, 2, 0, 1), stride=stride)


def same_transposed(x: Tensor, weights: Tensor) -> Tensor:
    """The transpose of a convolution 3×3 of stride 2 with padding "SAME": twice the size."""
    grown = F.conv_transpose2d(x, weights.permute(3, 2, 0, 1), stride=2)
    return grown[..., : 2 * x.shape[-2], : 2 * x.shape[-1]]


def column(values: Tensor) -> Tensor:
    """(C,) → (1, C, 1, 1)."""
    return values.reshape(1, -1, 1, 1)
