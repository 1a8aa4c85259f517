"""A digest of all that a painting depends on, the same on every device."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch
from torch import Tensor

from impasto.encoders.protocol import FeatureExtractor
from impasto.images.picture import Picture
from impasto.painting.objective_builder import Style
from impasto.recipes.recipe import Recipe
from impasto.regions.regions import Region


def fingerprint(recipe: Recipe, inputs: bytes, encoder: FeatureExtractor) -> str:
    """A digest of a painting; a checkpoint resumes only one with the same.

    Args:
        recipe: Of the painting.
        inputs: From :func:`digest_of_inputs`.
        encoder: Its weights are rounded to bfloat16, which some devices compute in.
    """
    digest = hashlib.sha256(recipe.to_toml().encode())
    digest.update(inputs)
    for weight in encoder.state_dict().values():
        rounded = weight.to(torch.bfloat16).view(torch.int16)
        digest.update(rounded.cpu().numpy().tobytes())
    return digest.hexdigest()


def digest_of_inputs(
    content: Picture, styles: Sequence[Style], regions: Sequence[Region], initial_image: object
) -> bytes:
    """A digest of pictures and masks as they were given.

    Computed colours and masks would differ in the last bit from device to device.
    """
    digest = hashlib.sha256(repr([(style.share, style.level) for style in styles]).encode())
    tensors = [content.tensor, *(style.picture.tensor for style in styles)]
    for region in regions:
        digest.update(f"{region.name} {region.keep}".encode())
        tensors += [region.mask, *([region.style.tensor] if region.style else [])]
        tensors += [] if region.style_mask is None else [region.style_mask]
    if isinstance(initial_image, Tensor):
        tensors.append(initial_image)
    for tensor in tensors:
        digest.update(str(tuple(tensor.shape)).encode())
        digest.update(tensor.contiguous().cpu().numpy().tobytes())
    return digest.digest()
