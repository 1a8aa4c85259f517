"""PNG and TIFF files of 16 bits, read back by OpenCV and tifffile."""

from __future__ import annotations

from functools import partial

import cv2
import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from helpers import sentences
from impasto import images
from impasto.errors import ImageError, OptionError
from impasto.images.icc import srgb_profile

sentence = partial(sentences.said, ImageError)


def random_picture(height: int, width: int, channels: int = 3) -> torch.Tensor:
    return torch.rand(1, channels, height, width, generator=torch.Generator().manual_seed(7))


def whole(tensor: torch.Tensor) -> np.ndarray:
    """(1, C, H, W) as 16 bits (H, W, C)."""
    return (tensor[0].permute(1, 2, 0).double() * 65535).round().numpy().astype(np.uint16)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (70, 3), (300, 301)])
@pytest.mark.parametrize("ending", [".png", ".tif", ".tiff"])
@pytest.mark.parametrize("has_alpha", [False, True])
def test_other_readers_read_the_same_samples(tmp_path, size, ending, has_alpha):
    image = random_picture(*size)
    alpha = random_picture(*size, 1) if has_alpha else None
    expected = whole(image if alpha is None else torch.cat([image, alpha], 1))
    path = images.write(tmp_path / f"a{ending}", image, alpha=alpha, depth=16)
    if ending == ".png":
        stored = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        order = [2, 1, 0, 3][: stored.shape[2]]
        stored = stored[..., order]
    else:
        stored = tifffile.imread(path)
    assert stored.dtype == np.uint16
    np.testing.assert_array_equal(stored, expected)
    picture = images.read(path)
    np.testing.assert_array_equal(whole(picture.tensor), expected[..., :3])
    if has_alpha:
        np.testing.assert_array_equal(whole(picture.alpha)[..., 0], expected[..., 3])


@pytest.mark.parametrize("ending", [".png", ".tif"])
def test_metadata_profile_and_clipping(tmp_path, ending):
    image = torch.tensor([-0.5, 0.0, 0.5, 1.0, 7.0]).expand(1, 3, 1, 5)
    path = images.write(tmp_path / f"a{ending}", image, depth=16, metadata={"request": "日本"})
    assert images.read_metadata(path) == {"request": "日本"}
    np.testing.assert_allclose(images.read(path).tensor[0, 0, 0], [0, 0, 0.5, 1, 1], atol=1e-5)
    with Image.open(path) as opened:
        assert opened.info["icc_profile"] == srgb_profile()
        opened.load()


def test_bytes_become_their_own_values(tmp_path):
    image = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16).expand(1, 3, 16, 16)
    stored = tifffile.imread(images.write(tmp_path / "a.tif", image, depth=16))
    np.testing.assert_array_equal(stored[..., 0].ravel(), np.arange(256) * 257)


def test_smooth_pictures_are_packed_well(tmp_path):
    ramp = torch.linspace(0, 1, 512).expand(1, 3, 256, 512)
    for ending in (".png", ".tif"):
        path = images.write(tmp_path / f"a{ending}", ramp, depth=16)
        assert path.stat().st_size < ramp.numel() * 2 / 20


@pytest.mark.parametrize("ending", [".jpg", ".webp", ".bmp", ".gif"])
@pytest.mark.parametrize("call", ["check", "write"])
def test_other_formats_are_refused(tmp_path, ending, call):
    path = tmp_path / f"a{ending}"
    write = (
        images.check_output
        if call == "check"
        else partial(images.write, image=torch.ones(1, 3, 2, 2))
    )
    assert sentence(write, path, depth=16) == (
        f"{path} would have depth 16, but {ending} holds 8 bits: choose one of .png, .tif, .tiff."
    )
    assert not path.exists()


def test_other_depths_are_refused(tmp_path):
    with pytest.raises(OptionError, match="depth is the bits a sample: 8 or 16, not 12"):
        images.check_output(tmp_path / "a.png", depth=12)


def test_nothing_is_written_of_a_broken_picture(tmp_path):
    image = torch.full((1, 3, 4, 4), float("nan"))
    for ending in (".png", ".tif"):
        assert "contains NaN" in sentence(images.write, tmp_path / f"a{ending}", image, depth=16)
    assert list(tmp_path.iterdir()) == []
