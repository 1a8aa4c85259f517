"""What one pass is planned to take: held or refused, and large pictures in bytes."""

import numpy as np
import pytest
import torch
from PIL import Image

from helpers.random_inputs import smooth_picture
from impasto import images
from impasto.errors import OptionError
from impasto.images.picture import Picture, as_float
from impasto.images.samples import PAIRS
from impasto.onepass.stylizer import StyleSource, Stylizer
from impasto.onepass.tiling import MemoryModel, Schedule, choose_schedule
from impasto.regions.masks import stacked_masks
from impasto.regions.regions import Region, complete, read_regions
from impasto.runtime.memory import BASE_BYTES

STYLE = [StyleSource(next(iter(PAIRS.values())).style_path)]


def large(height, width, dtype=torch.float32):
    """A picture that takes no memory."""
    return Picture(torch.zeros((), dtype=dtype).expand(1, 3, height, width))


@pytest.fixture(scope="module")
def limited():
    return Stylizer(STYLE, memory=1e9)


def test_the_plan_holds_or_is_refused_with_the_least(limited):
    assert BASE_BYTES < limited.bytes_needed(large(500, 500)) < 1e9
    assert limited.bytes_needed(large(5000, 5000)) <= 1e9
    with pytest.raises(
        OptionError, match=r"20000×20000 px take at least \d\.\d GB of mem"
    ) as caught:
        limited.bytes_needed(large(20000, 20000))
    roomy = Stylizer(STYLE, memory=caught.value.allowed)
    assert roomy.bytes_needed(large(20000, 20000)) <= caught.value.allowed


def test_regions_and_colours_count(limited):
    plain = Stylizer(STYLE).bytes_needed(large(1000, 1000))
    assert Stylizer(STYLE).bytes_needed(large(1000, 1000), regions=3) - plain >= 3 * 4e6
    bytes_alone = Stylizer(STYLE).bytes_needed(large(1000, 1000, torch.uint8))
    in_bytes = Stylizer(STYLE).bytes_needed(large(1000, 1000, torch.uint8), regions=3)
    assert 3 * 1e6 <= in_bytes - bytes_alone < 3 * 4e6 + 2e7
    own_size = [
        Stylizer(STYLE, style_scale=0, colour=colour).bytes_needed(large(1000, 1000))
        for colour in ("style", "luminance")
    ]
    assert own_size[1] - own_size[0] >= 12e6
    # Of a painting that is carried to its size the second copy is made last, and little else held.
    carried = [
        Stylizer(STYLE, colour=colour).bytes_needed(large(4800, 4800))
        for colour in ("style", "luminance")
    ]
    assert carried[1] - carried[0] >= 12 * 4800**2 / 2


def test_three_regions_of_24_megapixels_fit_into_little_without_recomputing(limited):
    """In tiles, each recomputed for every map, they took 35 times as long as without a limit."""
    network = limited._stylist.network.to(torch.bfloat16)
    taken = BASE_BYTES + 24e6 * (3 + 4)
    model = MemoryModel(network, (4000, 6000), 1, regions=4, mask_itemsize=1)
    assert choose_schedule(model, 1.1e9 - taken) == (Schedule.WHOLE, 6000)


def test_floats_become_bytes_where_memory_is_tight(limited):
    assert limited._itemsize(large(1000, 1000), 8, 0) == 4
    assert limited._itemsize(large(4400, 4400), 8, 0) == 1
    assert limited._itemsize(large(4400, 4400), 16, 0) == 4
    assert limited._itemsize(large(3000, 3000), 8, 400 * 10**6) == 1
    assert Stylizer(STYLE)._itemsize(large(4400, 4400), 8, 0) == 4


def test_regions_in_bytes_are_those_in_floats(monkeypatch):
    """Up to the rounding of the picture to bytes, before and after."""
    content = Picture(smooth_picture(64, 96, seed=1))
    left = torch.zeros(1, 1, 64, 96)
    left[..., :40] = 1
    kept = torch.zeros(1, 1, 64, 96)
    kept[..., 70:] = 1
    regions = complete([Region("a", left), Region("face", kept, keep=True)], content.size)
    stylizer = Stylizer(STYLE, precision="float32")
    floats = stylizer.paint(content, regions=regions)
    painted = stylizer.paint(content.as_uint8(), regions=regions)
    assert painted.dtype == torch.uint8
    difference = (images.as_float(painted) - floats).abs()
    assert difference.mean() < 2 / 255
    assert (images.as_float(painted)[..., 70:] - content.tensor[..., 70:]).abs().max() <= 0.51 / 255


def test_masks_in_bytes_paint_like_those_in_floats(tmp_path):
    """Up to the rounding of soft edges; where a region is kept, the photograph stays."""
    content = Picture(smooth_picture(64, 96, seed=1))
    for name, part in (("a", slice(0, 40)), ("face", slice(70, 96))):
        mask = np.zeros((64, 96), np.uint8)
        mask[:, part] = 255
        Image.fromarray(mask).resize((48, 32)).save(tmp_path / f"{name}.png")
    specs = [f"a={tmp_path}/a.png@{STYLE[0].source}", f"face={tmp_path}/face.png"]
    stylizer = Stylizer(STYLE, precision="float32")
    floats, levels = (
        read_regions(content, stylizer.pictures, regions=specs, blur=blur, as_levels=as_levels)[0]
        for as_levels, blur in ((False, 0.02), (True, 0.02))
    )
    for one, other in zip(floats, levels, strict=True):
        assert (one.mask.dtype, other.mask.dtype) == (torch.float32, torch.uint8)
        assert (one.mask - as_float(other.mask)).abs().max() < 1.5 / 255
    difference = stylizer.paint(content, regions=floats) - stylizer.paint(content, regions=levels)
    assert difference.abs().max() < 0.05
    assert difference.abs().mean() < 0.002


@pytest.mark.parametrize("covered", [1.0, 0.5])
def test_masks_are_stacked_without_a_copy(covered):
    masks = torch.rand(1, 3, 8, 8)
    masks *= covered / masks.sum(1, keepdim=True)
    regions = complete([Region(str(i), masks[:, i : i + 1]) for i in range(3)], (8, 8))
    planes = [region.mask for region in regions]
    assert len(planes) == (3 if covered == 1 else 4)
    assert stacked_masks(planes).data_ptr() == planes[0].data_ptr()
    assert stacked_masks(planes).equal(torch.cat(planes, 1))
    assert stacked_masks(planes[::-1]).equal(torch.cat(planes[::-1], 1))
    assert stacked_masks(planes[:2]).equal(torch.cat(planes[:2], 1))


@pytest.mark.parametrize("size", [(64, 96), (61, 93)])
def test_masks_of_tiles_are_those_of_the_whole(size, monkeypatch):
    """Also where the picture is padded to whole strides."""
    content = Picture(smooth_picture(*size, seed=1))
    half = torch.zeros(1, 1, *size)
    half[..., : size[1] // 2] = 1
    regions = complete([Region("a", half)], size)
    whole = Stylizer(STYLE, precision="float32").paint(content, regions=regions)
    monkeypatch.setattr("impasto.onepass.tiling.SIDE", 32)
    monkeypatch.setattr("impasto.onepass.tiling.MIN_SIDE", 32)
    tiled = Stylizer(STYLE, precision="float32")
    tiled._stylist._memory = 0.0
    torch.testing.assert_close(tiled.paint(content, regions=regions), whole, atol=1e-3, rtol=0)
