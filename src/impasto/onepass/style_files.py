"""Style vectors in files, to be used, mixed and shared without their pictures."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from torch import Tensor

from impasto.errors import WeightsError, option
from impasto.networks.model import OnePassModel
from impasto.runtime.files import atomic_write
from impasto.runtime.safetensors import read_safetensors, serialize

FORMAT = "impasto.style"


def save_style(path: str | Path, vector: Tensor, model: OnePassModel, *, name: str = "") -> Path:
    """Write a style vector (style_size,) of a model, atomically.

    Args:
        path: The file.
        vector: The style.
        model: The model that it is a style of: it means nothing to another.
        name: A description for people.

    Raises:
        WeightsError: If the file cannot be written.
    """
    metadata = {"format": FORMAT, "model": fingerprint(model), "name": name}
    content = serialize({"style": vector.detach().float().cpu().contiguous()}, metadata)
    with atomic_write(Path(path), error=WeightsError) as temporary:
        temporary.write_bytes(content)
    return Path(path)


def is_style_file(path: str | Path) -> bool:
    """Whether a path has the suffix of style files and model files."""
    return Path(path).suffix == ".safetensors"


def load_style(path: str | Path, model: OnePassModel) -> Tensor:
    """The style vector (style_size,) in a file.

    Raises:
        WeightsError: If there is no such file, or it holds no style of this model.
    """
    path = Path(path)
    state, metadata = read_safetensors(path)
    vector = state.get("style")
    if metadata.get("format") != FORMAT or vector is None:
        raise WeightsError(f"{path} is no style file: {option('save_style')} makes one.")
    fits = vector.shape == (model.network.style_size,) and vector.is_floating_point()
    if not fits or metadata.get("model") != fingerprint(model):
        raise WeightsError(
            f"{path} holds a style of another model: read it off its picture again, or name that "
            f"model with {option('model')}."
        )
    if not torch.isfinite(vector).all():
        raise WeightsError(f"{path} holds values that are not finite.")
    return vector.float()


def fingerprint(model: OnePassModel) -> str:
    """A digest of the network's weights, in the precision that they are stored with."""
    digest = hashlib.sha256()
    for key, value in sorted(model.network.state_dict().items()):
        digest.update(key.encode())
        digest.update(value.detach().to(torch.float16).contiguous().cpu().numpy().tobytes())
    return digest.hexdigest()[:16]
