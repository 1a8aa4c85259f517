"""Masks read from pictures, feathered, and carried to layers by the encoder's own geometry."""

from __future__ import annotations

import math
from dataclasses import FrozenInstanceError
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFilter

from conftest import random_encoder
from impasto import images, masks
from impasto.encoders import Architecture
from impasto.errors import ImageError, InputDataError, OptionError
from impasto.losses.statistics import gram_matrix
from impasto.masks import MODES, Region

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
PASCAL = [(0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0), (0, 0, 128), (128, 128, 128)]

DEEP = random_encoder(Architecture((2, 2, 3), (2, 1, 2)))


def sentence(error, call, *args, **keywords) -> str:
    with pytest.raises(error) as caught:
        call(*args, **keywords)
    text = str(caught.value)
    assert text.endswith(".")
    assert "\n" not in text
    return text


def cells(colours, height, width, seed):
    """Labels (H, W) of the nearest of random points, and the label picture in those colours."""
    random = np.random.default_rng(seed)
    points = random.random((len(colours), 2)) * (height, width)
    down, right = np.mgrid[:height, :width]
    squares = [(down - y) ** 2 + (right - x) ** 2 for y, x in points]
    labels = np.stack(squares).argmin(0)
    return labels, Image.fromarray(np.array(colours, dtype=np.uint8)[labels])


def halves(path, left, right, size=(40, 60)):
    height, width = size
    picture = Image.new("RGB", (width, height), left)
    picture.paste(right, (width // 2, 0, width, height))
    picture.save(path)
    return path


def random_masks(regions, height, width, seed=0):
    random = torch.Generator().manual_seed(seed)
    return torch.rand(1, regions, height, width, generator=random)


# --- regions as text -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("sky=c.png:s.png", Region("sky", Path("c.png"), Path("s.png"))),
        ("sky=c.png@monet.jpg", Region("sky", Path("c.png"), None, Path("monet.jpg"))),
        ("a b = c d.png @m: s.png", Region("a b", Path("c d.png"), Path("s.png"), Path("m"))),
        ("face=c.png", Region("face", Path("c.png"), keep=True)),
        ("face=c.png@content", Region("face", Path("c.png"), keep=True)),
        ("sky=c=1.png:s=2.png", Region("sky", Path("c=1.png"), Path("s=2.png"))),
        ("sky=/a/c.png:../s.png", Region("sky", Path("/a/c.png"), Path("../s.png"))),
        (r"sky=C:\c.png:D:/s.png", Region("sky", Path(r"C:\c.png"), Path("D:/s.png"))),
        (
            r"sky=C:\c.png@d:\m.jpg:E:\s.png",
            Region("sky", Path(r"C:\c.png"), Path(r"E:\s.png"), Path(r"d:\m.jpg")),
        ),
        ("sky=a:b", Region("sky", Path("a"), Path("b"))),
    ],
)  # fmt: skip
def test_parse_region(text, region):
    assert masks.parse_region(text) == region


@pytest.mark.parametrize(
    "text",
    ["", "sky", "=c.png", " =c.png", "sky=", "sky= ", "sky=:s.png", "sky=c.png:", "sky=c.png@",
     "sky=c.png@:s.png", "sky=c.png:s.png:t.png", "sky=c.png@m.jpg@n.jpg", "sky=c.png:s.png@m.jpg",
     "sky=c.png@m.jpg:", "sky=c.png@content:s.png"],
)  # fmt: skip
def test_parse_region_refuses(text):
    message = sentence(OptionError, masks.parse_region, text)
    assert f"'{text}'" in message
    assert "sky=c.png@monet.jpg:s.png" in message


def test_regions_are_frozen():
    with pytest.raises(FrozenInstanceError):
        masks.parse_region("face=c.png").name = "x"  # type: ignore[misc]


@given(st.text("ab=:@/\\ .", max_size=14))
def test_parse_region_reads_or_refuses_whatever_comes(text):
    try:
        region = masks.parse_region(text)
    except OptionError:
        return
    assert region.name
    assert region.keep == (region.style is None and region.style_mask is None)


# --- colours -------------------------------------------------------------------------------------


def test_two_colours(tmp_path):
    content = halves(tmp_path / "c.png", RED, BLUE)
    style = halves(tmp_path / "s.png", BLUE, RED, size=(20, 30))
    names, ours, theirs, notices = masks.read_colour_masks(content, style, (40, 60), (20, 30))
    assert names == ("#0000ff", "#ff0000")
    assert notices == []
    blue = torch.zeros(40, 60)
    blue[:, 30:] = 1
    assert torch.equal(ours, torch.stack([blue, 1 - blue])[None])
    blue = torch.zeros(20, 30)
    blue[:, :15] = 1
    assert torch.equal(theirs, torch.stack([blue, 1 - blue])[None])


@pytest.mark.parametrize("suffix", ["png", "jpg"])
@pytest.mark.parametrize("smooth", [0, 1.5])
@pytest.mark.parametrize("count", [2, 4, 6])
@pytest.mark.parametrize("palette", [PASCAL, [RED, GREEN, BLUE, WHITE, (255, 255, 0), (0, 0, 0)]])
def test_colours_survive_compression_and_smooth_edges(tmp_path, palette, count, smooth, suffix):
    colours = palette[:count]
    labels, picture = cells(colours, 150, 210, seed=count)
    others = [cells(colours, 130, 170, seed=10 + count)[1], picture]
    paths = [tmp_path / f"s.{suffix}", tmp_path / f"c.{suffix}"]
    for path, image in zip(paths, others, strict=True):
        image.filter(ImageFilter.GaussianBlur(smooth)).save(path, quality=75)
    found = masks.read_colour_masks(paths[1], paths[0], (150, 210), (130, 170))
    assert len(found.names) == count
    for name, plane, other in zip(found.names, found.content[0], found.style[0], strict=True):
        got = np.array([int(name[i : i + 2], 16) for i in (1, 3, 5)])
        region = np.abs(np.array(colours) - got).max(1).argmin()
        assert np.abs(colours[region] - got).max() <= 6
        assert ((plane.numpy() == 1) == (labels == region)).mean() > 0.97
        theirs = (np.array(others[0]) == colours[region]).all(-1)
        assert ((other.numpy() == 1) == theirs).mean() > 0.97
    for planes in (found.content, found.style):
        assert torch.equal(planes.sum(1), torch.ones_like(planes[:, 0]))


def test_colours_may_differ_a_little_between_the_files(tmp_path):
    content = halves(tmp_path / "c.png", (250, 4, 9), (10, 10, 240))
    style = halves(tmp_path / "s.png", (5, 0, 255), (235, 10, 0))
    found = masks.read_colour_masks(content, style, (40, 60), (40, 60))
    assert found.names == ("#0a0af0", "#fa0409")
    assert torch.equal(found.content, found.style.flip(3))
    message = sentence(
        InputDataError, masks.read_colour_masks, content, style, (40, 60), (40, 60), tolerance=0.03
    )
    assert "#0a0af0 and #fa0409" in message


def test_a_wide_soft_edge_is_no_region(tmp_path):
    _, picture = cells([RED, BLUE, WHITE], 200, 200, seed=4)
    picture.filter(ImageFilter.GaussianBlur(12)).save(tmp_path / "c.jpg", quality=75)
    picture.save(tmp_path / "s.png")
    found = masks.read_colour_masks(tmp_path / "c.jpg", tmp_path / "s.png", (200, 200), (200, 200))
    assert found.names == ("#0000ff", "#ff0000", "#ffffff")
    assert (found.content - found.style).abs().mean() < 0.05


def test_a_small_region_counts(tmp_path):
    picture = Image.new("RGB", (256, 256), RED)
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, 100, 255), fill=BLUE)
    draw.ellipse((170, 100, 182, 112), fill=GREEN)  # 0.2 % of the pixels
    picture.save(tmp_path / "c.png")
    found = masks.read_colour_masks(*[tmp_path / "c.png"] * 2, (256, 256), (256, 256))
    assert found.names == ("#0000ff", "#00ff00", "#ff0000")


def test_a_colour_in_one_file_only(tmp_path):
    content = halves(tmp_path / "c.png", RED, BLUE)
    style = halves(tmp_path / "s.png", RED, RED)
    for first, second in ((content, style), (style, content)):
        message = sentence(
            InputDataError, masks.read_colour_masks, first, second, (40, 60), (40, 60)
        )
        assert message == f"{content} has #0000ff and {style} has not: paint it in both or none."


def test_alpha_is_ignored_by_colours(tmp_path):
    halves(tmp_path / "c.png", RED, BLUE)
    picture = Image.open(tmp_path / "c.png").convert("RGBA")
    picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    picture.save(tmp_path / "a.png")
    plain, alpha = (
        masks.read_colour_masks(tmp_path / "c.png", tmp_path / name, (40, 60), (40, 60))
        for name in ("c.png", "a.png")
    )
    assert plain.names == alpha.names
    assert torch.equal(plain.style, alpha.style)


@pytest.mark.parametrize("tolerance", [0, 0.6, -1, math.nan])
def test_tolerance_out_of_range(tolerance):
    message = sentence(
        OptionError, masks.read_colour_masks, "c", "s", (9, 9), (9, 9), tolerance=tolerance
    )
    assert "choose 0.03 to 0.5" in message


def test_a_picture_without_areas_of_one_colour(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    message = sentence(
        InputDataError, masks.read_colour_masks, *[tmp_path / "noise.png"] * 2, (40, 60), (40, 60)
    )
    assert "noise.png has no areas of one colour" in message


def test_tiny_label_pictures(tmp_path):
    Image.fromarray(np.array([[RED, BLUE]], dtype=np.uint8)).save(tmp_path / "c.png")
    found = masks.read_colour_masks(*[tmp_path / "c.png"] * 2, (1, 2), (4, 8))
    assert found.names == ("#0000ff", "#ff0000")
    assert found.content.flatten().tolist() == [0, 1, 1, 0]
    assert found.style.shape == (1, 2, 4, 8)
    assert len(found.notices) == 1


# --- grey masks, sizes ---------------------------------------------------------------------------


def test_grey_values_count(tmp_path):
    levels = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20
    Image.fromarray(levels).save(tmp_path / "g.png")
    Image.merge("LA", [Image.fromarray(levels), Image.new("L", (4, 3), 7)]).save(tmp_path / "a.png")
    for name in ("g.png", "a.png"):
        mask, notices = masks.read_grey_mask(tmp_path / name, (3, 4))
        assert notices == []
        torch.testing.assert_close(mask[0, 0], torch.from_numpy(levels) / 255)


def test_a_black_mask(tmp_path):
    Image.new("RGB", (8, 6)).save(tmp_path / "black.png")
    message = sentence(InputDataError, masks.read_grey_mask, tmp_path / "black.png", (6, 8))
    assert "black.png is black everywhere" in message


def test_no_such_file(tmp_path):
    assert "no file" in sentence(ImageError, masks.read_grey_mask, tmp_path / "x.png", (6, 8))


def test_feathered_grey_mask(tmp_path):
    path = halves(tmp_path / "g.png", "black", "white")
    plain, _ = masks.read_grey_mask(path, (40, 60))
    soft, _ = masks.read_grey_mask(path, (40, 60), feather=3)
    torch.testing.assert_close(soft, masks.feather(plain, 3))


def test_another_size_is_rescaled_and_told(tmp_path):
    path = halves(tmp_path / "g.png", "black", "white", size=(40, 60))
    mask, notices = masks.read_grey_mask(path, (121, 180))
    assert mask.shape == (1, 1, 121, 180)
    assert notices == [f"The mask {path} has 60×40 px and its picture 180×121 px: it was rescaled."]
    found = masks.read_colour_masks(path, path, (20, 30), (40, 60))
    assert found.content.shape == (1, 2, 20, 30)
    assert len(found.notices) == 1


@given(st.integers(1, 300), st.integers(1, 300), st.integers(1, 300), st.integers(1, 300))
def test_two_percent_of_aspect(mask_height, mask_width, height, width):
    picture = torch.zeros(1, 3, mask_height, mask_width)
    ratio = (mask_width / mask_height) / (width / height)
    allowed = max(ratio, 1 / ratio)
    if abs(allowed - 1.02) < 1e-9:
        return
    if allowed < 1.02:
        notices = masks._check_aspect("m.png", picture, (height, width))
        assert len(notices) == ((mask_height, mask_width) != (height, width))
    else:
        message = sentence(InputDataError, masks._check_aspect, "m.png", picture, (height, width))
        assert f"{mask_width}×{mask_height} px and its picture {width}×{height} px" in message


@settings(max_examples=40)
@given(*[st.integers(1, 50)] * 4)
def test_resized_masks_stay_masks(height, width, new_height, new_width):
    labels = random_masks(3, height, width).argmax(1)
    planes = F.one_hot(labels, 3).permute(0, 3, 1, 2).float()
    resized = masks.resize_masks(planes, (new_height, new_width))
    assert resized.shape == (1, 3, new_height, new_width)
    assert resized.min() >= 0
    assert resized.max() <= 1
    torch.testing.assert_close(resized.sum(1), torch.ones(1, new_height, new_width))
    assert torch.equal(resized.amax((2, 3)) > 0, planes.amax((2, 3)) > 0)


# --- feathering ----------------------------------------------------------------------------------


def mirrored(index, side):
    """The pixel seen at ``index`` in a row between two mirrors that share their pixel's middle."""
    while not 0 <= index < side:
        index = -index if index < 0 else 2 * (side - 1) - index
        if side == 1:
            return 0
    return index


@pytest.mark.parametrize(("size", "radius"), [((9, 12), 1.3), ((5, 3), 4.0), ((1, 6), 2.0)])
def test_feather_is_a_gaussian_between_mirrors(size, radius):
    height, width = size
    plane = random_masks(1, height, width)
    reach = math.ceil(3 * radius)
    weights = {k: math.exp(-(k**2) / (2 * radius**2)) for k in range(-reach, reach + 1)}
    total = sum(weights.values())
    expected = torch.zeros(height, width)
    for y in range(height):
        for x in range(width):
            for dy, down in weights.items():
                for dx, right in weights.items():
                    value = plane[0, 0, mirrored(y + dy, height), mirrored(x + dx, width)]
                    expected[y, x] += value * down * right / total**2
    torch.testing.assert_close(masks.feather(plane, radius)[0, 0], expected)


def test_feathered_regions_share_their_pixels():
    labels = random_masks(3, 17, 23).argmax(1)
    planes = F.one_hot(labels, 3).permute(0, 3, 1, 2).float()
    torch.testing.assert_close(masks.feather(planes, 2.5).sum(1), torch.ones(1, 17, 23))
    overlapping = masks.feather(random_masks(3, 17, 23), 0)
    assert overlapping.sum(1).max() <= 1 + 1e-6
    alone = random_masks(1, 17, 23) / 2
    assert torch.equal(masks.feather(alone, 0), alone)


def test_a_tiny_radius_changes_nothing():
    plane = random_masks(1, 6, 7)
    torch.testing.assert_close(masks.feather(plane, 1e-40), plane)
    torch.testing.assert_close(masks.feather(plane, 0.1), plane)


@pytest.mark.parametrize("radius", [-1, math.nan, math.inf, 8])
def test_feather_radius_out_of_range(radius):
    assert "choose 0 to 7" in sentence(OptionError, masks.feather, torch.ones(1, 1, 6, 7), radius)


# --- checks --------------------------------------------------------------------------------------


def broken(value):
    planes = torch.ones(1, 2, 4, 5)
    planes[0, 1, 2, 3] = value
    return planes


@pytest.mark.parametrize(
    ("planes", "words"),
    [
        (torch.ones(1, 2, 5, 4), r"5×4 px have the shape (1, R, 4, 5), not (1, 2, 5, 4)"),
        (torch.ones(2, 2, 4, 5), "not (2, 2, 4, 5)"),
        (torch.ones(4, 5), "not (4, 5)"),
        (torch.ones(1, 0, 4, 5), "not (1, 0, 4, 5)"),
        (broken(math.nan), "NaN"),
        (broken(math.inf), "infinite"),
        (broken(-0.25), "go down to -0.25"),
        (torch.cat([torch.ones(1, 1, 4, 5), torch.zeros(1, 1, 4, 5)], 1), "Mask 2 of 2 is zero"),
    ],
)
def test_unsound_masks(planes, words):
    assert words in sentence(OptionError, masks.check_masks, planes, (4, 5))


def test_sound_masks():
    masks.check_masks(random_masks(3, 4, 5), (4, 5))


# --- at the layers -------------------------------------------------------------------------------

SIDES = st.integers(16, 45)


@settings(max_examples=25, deadline=None)
@given(SIDES, SIDES, st.sampled_from(list(MODES)))
def test_sizes_are_those_of_the_features(height, width, mode):
    features = DEEP(torch.rand(1, 3, height, width), DEEP.layers)
    carried = masks.layer_masks(random_masks(2, height, width), DEEP, DEEP.layers, mode)
    assert list(carried) == list(DEEP.layers)
    for layer, planes in carried.items():
        assert planes.shape == (1, 2, *features[layer].shape[-2:])
        assert planes.isfinite().all()
        assert planes.min() >= 0
        assert planes.max() <= 1
        assert (planes.amax((2, 3)) > 0).all()
        gram_matrix(features[layer], planes[:, :1])


def receptive_field(layer, unit, side):
    """The first and the last pixel of a row that a unit sees, by walking back to the picture."""
    first = last = unit
    for name in reversed(DEEP.layers[: DEEP.layers.index(layer) + 1]):
        if name.startswith("conv"):
            first, last = first - 1, last + 1
        elif name.startswith("pool"):
            first, last = 2 * first, 2 * last + 1
    return max(first, 0), min(last, side - 1)


@pytest.mark.parametrize("size", [(16, 16), (19, 26), (33, 23)])
def test_inside_is_where_the_whole_receptive_field_is(size):
    height, width = size
    planes = torch.zeros(1, 3, height, width)
    planes[0, 0, : height - 5, 3:] = 1
    planes[0, 1, :, : width * 2 // 3] = 1
    planes[0, 2, 1:3, 1:3] = 1  # deep units see more
    carried = masks.layer_masks(planes, DEEP, DEEP.layers, "inside")
    simple = masks.layer_masks(planes, DEEP, DEEP.layers)
    fallen_back = set()
    for layer, got in carried.items():
        expected = torch.zeros_like(got)
        for y in range(got.shape[-2]):
            top, bottom = receptive_field(layer, y, height)
            for x in range(got.shape[-1]):
                left, right = receptive_field(layer, x, width)
                seen = planes[0, :, top : bottom + 1, left : right + 1]
                expected[0, :, y, x] = seen.amin((1, 2))
        for region in range(3):
            if not expected[0, region].any():
                fallen_back.add((layer, region))
                expected[0, region] = simple[layer][0, region]
        assert torch.equal(got, expected), layer
    assert ("conv3_2", 2) in fallen_back
    assert ("conv1_1", 0) not in fallen_back


def test_the_receptive_field_is_the_encoders_own():
    """A unit inside the region does not notice what happens outside; the nearest others do."""
    picture = torch.rand(1, 3, 40, 40, requires_grad=True)
    encoder = random_encoder(Architecture((2, 2, 3), (2, 1, 2), pooling="average"))
    plane = torch.zeros(1, 1, 40, 40)
    plane[..., :28, 4:] = 1
    for layer in ("conv1_2", "pool1", "conv2_1", "pool2", "conv3_1"):
        inside = masks.layer_masks(plane, encoder, [layer], "inside")[layer]
        # Convolutions without rectifiers between: nothing hides what a unit sees.
        x = picture
        for name in encoder.layers[: encoder.layers.index(layer) + 1]:
            if not name.startswith("relu"):
                x = encoder.layer(name, x)
        for y, row in enumerate(inside[0, 0]):
            for z, value in enumerate(row):
                (slope,) = torch.autograd.grad(x[0, :, y, z].sum(), picture, retain_graph=True)
                seen_outside = bool((slope.abs().sum(1)[0] * (1 - plane[0, 0]) > 0).any())
                assert seen_outside != bool(value), (layer, y, z)


@pytest.mark.parametrize("size", [(16, 24), (21, 18)])
def test_simple_is_the_mean_over_a_units_own_pixels(size):
    planes = random_masks(2, *size)
    for layer, got in masks.layer_masks(planes, DEEP, DEEP.layers).items():
        stride = DEEP.stride(layer)
        for y in range(size[0] // stride):
            for x in range(size[1] // stride):
                own = planes[0, :, y * stride : (y + 1) * stride, x * stride : (x + 1) * stride]
                torch.testing.assert_close(got[0, :, y, x], own.mean((1, 2)))


def test_propagated_is_what_equal_weights_make_of_the_mask():
    """In the middle, it is the response of an encoder whose kernels are all means."""
    encoder = random_encoder(
        Architecture((1, 1, 1), (2, 1, 2), "average", "replicate", (0,) * 3, (1,) * 3)
    )
    for convolution in encoder.convolutions.values():
        convolution.weight.fill_(1 / (9 * convolution.in_channels))
    plane = random_masks(1, 64, 57)
    carried = masks.layer_masks(plane, encoder, encoder.layers, "propagated")
    for layer, features in encoder(plane.expand(1, 3, -1, -1), encoder.layers).items():
        middle = carried[layer][..., 2:-2, 2:-2]
        if layer[4] < "3":  # what the borders do has not come further yet
            torch.testing.assert_close(middle, features[..., 2:-2, 2:-2], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(
        masks.layer_masks(torch.ones(1, 1, 33, 20), encoder, ["pool3"], "propagated")["pool3"],
        torch.ones(1, 1, 4, 2),
    )


@pytest.mark.parametrize("mode", ["simple", "propagated"])
def test_regions_that_share_all_pixels_share_all_units(mode):
    planes = random_masks(3, 37, 29).softmax(1)
    for carried in masks.layer_masks(planes, DEEP, DEEP.layers, mode).values():
        torch.testing.assert_close(carried.sum(1), torch.ones_like(carried[:, 0]))


@pytest.mark.parametrize("mode", MODES)
def test_a_region_in_the_rim_that_poolings_cut_off(mode):
    planes = torch.zeros(1, 1, 23, 23)
    planes[..., 22, 22] = 1
    for carried in masks.layer_masks(planes, DEEP, DEEP.layers, mode).values():
        assert carried[0, 0, -1, -1] > 0


def test_the_black_of_a_compressed_mask_is_not_inside():
    plane = torch.full((1, 1, 32, 32), 2 / 255)
    plane[..., 8:12, 8:12] = 1
    layers = ["conv1_1", "pool3"]
    simple, inside = (masks.layer_masks(plane, DEEP, layers, m) for m in ("simple", "inside"))
    assert inside["conv1_1"].count_nonzero() == 4
    assert torch.equal(inside["pool3"], simple["pool3"])


def test_layers_come_shallow_to_deep_and_only_those_named():
    planes = random_masks(1, 20, 20)
    assert list(masks.layer_masks(planes, DEEP, ["pool2", "relu1_1"])) == ["relu1_1", "pool2"]
    assert masks.layer_masks(planes, DEEP, []) == {}


def test_layer_masks_refuses():
    planes = random_masks(1, 16, 15)
    message = sentence(OptionError, masks.layer_masks, planes, DEEP, ["pool3"])
    assert message == "Masks of 15×16 px are too small: 16 px are needed."
    message = "Unknown mask mode 'insid': choose one of simple, inside, propagated."
    with pytest.raises(OptionError, match=message):
        masks.layer_masks(planes, DEEP, ["pool2"], "insid")
    with pytest.raises(OptionError, match="conv9_1"):
        masks.layer_masks(planes, DEEP, ["conv9_1"])
    with pytest.raises(OptionError, match="zero everywhere"):
        masks.layer_masks(torch.zeros(1, 1, 16, 16), DEEP, ["pool2"])


def test_masks_of_a_real_photograph_sized_pair(tmp_path):
    """From files to weights of a Gram matrix, as the command line goes."""
    _, picture = cells([RED, BLUE], 48, 64, seed=1)
    images.write(
        tmp_path / "c.jpg", torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None] / 255
    )
    found = masks.read_colour_masks(*[tmp_path / "c.jpg"] * 2, (48, 64), (48, 64))
    soft = masks.feather(found.content, 2)
    masks.check_masks(soft, (48, 64))
    features = DEEP(torch.rand(1, 3, 48, 64), ["relu2_1"])["relu2_1"]
    weights = masks.layer_masks(soft, DEEP, ["relu2_1"], "inside")["relu2_1"]
    grams = [gram_matrix(features, weights[:, [region]]) for region in range(2)]
    assert (grams[0] - grams[1]).abs().max() > 0
