"""Masks from label pictures with one colour per region."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageFilter

from helpers.mask_pictures import BLUE, GREEN, RED, WHITE, cells, halves
from helpers.sentences import sentence
from impasto.errors import InputDataError, OptionError
from impasto.images.picture import Picture
from impasto.regions.label_images import read_colour_masks
from impasto.regions.regions import read_regions

PASCAL = [(0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0), (0, 0, 128), (128, 128, 128)]


def test_two_colours(tmp_path):
    content = halves(tmp_path / "c.png", RED, BLUE)
    style = halves(tmp_path / "s.png", BLUE, RED, size=(20, 30))
    names, content_masks, style_masks, notices, _ = read_colour_masks(
        content, style, (40, 60), (20, 30)
    )
    assert names == ("#0000ff", "#ff0000")
    assert notices == []
    blue = torch.zeros(40, 60)
    blue[:, 30:] = 1
    assert torch.equal(content_masks, torch.stack([blue, 1 - blue])[None])
    blue = torch.zeros(20, 30)
    blue[:, :15] = 1
    assert torch.equal(style_masks, torch.stack([blue, 1 - blue])[None])


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
    result = read_colour_masks(paths[1], paths[0], (150, 210), (130, 170))
    assert len(result.names) == count
    for name, plane, other in zip(result.names, result.content[0], result.style[0], strict=True):
        got = np.array([int(name[i : i + 2], 16) for i in (1, 3, 5)])
        region = np.abs(np.array(colours) - got).max(1).argmin()
        assert np.abs(colours[region] - got).max() <= 6
        assert ((plane.numpy() == 1) == (labels == region)).mean() > 0.97
        style_masks = (np.array(others[0]) == colours[region]).all(-1)
        assert ((other.numpy() == 1) == style_masks).mean() > 0.97
    for planes in (result.content, result.style):
        assert torch.equal(planes.sum(1), torch.ones_like(planes[:, 0]))


def test_colours_may_differ_slightly_between_the_files(tmp_path):
    content = halves(tmp_path / "c.png", (250, 4, 9), (10, 10, 240))
    style = halves(tmp_path / "s.png", (5, 0, 255), (235, 10, 0))
    result = read_colour_masks(content, style, (40, 60), (40, 60))
    assert result.names == ("#0a0af0", "#fa0409")
    assert torch.equal(result.content, result.style.flip(3))
    message = sentence(
        InputDataError,
        read_colour_masks,
        content,
        style,
        (40, 60),
        (40, 60),
        tolerance=0.03,
    )
    assert "#0a0af0 and #fa0409" in message


def test_a_wide_soft_edge_is_not_a_region(tmp_path):
    _, picture = cells([RED, BLUE, WHITE], 200, 200, seed=4)
    picture.filter(ImageFilter.GaussianBlur(12)).save(tmp_path / "c.jpg", quality=75)
    picture.save(tmp_path / "s.png")
    result = read_colour_masks(tmp_path / "c.jpg", tmp_path / "s.png", (200, 200), (200, 200))
    assert result.names == ("#0000ff", "#ff0000", "#ffffff")
    assert (result.content - result.style).abs().mean() < 0.05


def test_a_small_region_is_found(tmp_path):
    picture = Image.new("RGB", (256, 256), RED)
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, 100, 255), fill=BLUE)
    draw.ellipse((170, 100, 182, 112), fill=GREEN)  # 0.2 % of the pixels
    picture.save(tmp_path / "c.png")
    result = read_colour_masks(*[tmp_path / "c.png"] * 2, (256, 256), (256, 256))
    assert result.names == ("#0000ff", "#00ff00", "#ff0000")


def test_a_colour_in_one_file_only(tmp_path):
    content = halves(tmp_path / "c.png", RED, BLUE)
    style = halves(tmp_path / "s.png", RED, RED)
    for first, second in ((content, style), (style, content)):
        message = sentence(InputDataError, read_colour_masks, first, second, (40, 60), (40, 60))
        assert message == f"{content} has #0000ff and {style} has not: paint it in both or none."


def with_alpha(path, alpha):
    """The label picture of a file with an alpha of 0 to 255."""
    picture = Image.open(path).convert("RGBA")
    picture.putalpha(Image.fromarray(np.asarray(alpha, np.uint8)))
    picture.save(path.with_name(f"alpha-{path.name}"))
    return path.with_name(f"alpha-{path.name}")


@pytest.mark.parametrize("as_levels", [False, True])
def test_transparent_pixels_belong_to_no_region(tmp_path, as_levels):
    plain = halves(tmp_path / "c.png", RED, BLUE)
    alpha = np.full((40, 60), 255)
    alpha[:10], alpha[10:20] = 0, 200
    path = with_alpha(plain, alpha)
    result = read_colour_masks(path, path, (40, 60), (40, 60), as_levels=as_levels)
    whole = read_colour_masks(plain, plain, (40, 60), (40, 60), as_levels=as_levels)
    assert (result.names, result.is_partial, whole.is_partial) == (whole.names, True, False)
    for masks, others in ((result.content, whole.content), (result.style, whole.style)):
        assert not masks[..., :10, :].any()
        assert masks[..., 10:, :].equal(others[..., 10:, :])
    assert result.notices == [f"25% of {path} is transparent and belongs to no region."] * 2
    assert result.content.dtype == (torch.uint8 if as_levels else torch.float32)


def test_a_transparent_colour_is_no_region(tmp_path):
    """Programs keep colours of what was erased."""
    plain = halves(tmp_path / "c.png", RED, BLUE)
    erased = np.full((40, 60), 255)
    erased[:, 30:] = 0
    path = with_alpha(plain, erased)
    assert read_colour_masks(path, path, (40, 60), (40, 60)).names == ("#ff0000",)
    nothing = with_alpha(plain, np.zeros((40, 60)))
    message = sentence(InputDataError, read_colour_masks, nothing, plain, (40, 60), (40, 60))
    assert message == f"{nothing} is transparent everywhere: paint each region in its colour."


def test_what_belongs_to_no_region_has_the_whole_style(tmp_path):
    plain = halves(tmp_path / "c.png", RED, BLUE)
    alpha = np.full((40, 60), 255)
    alpha[:10] = 0
    path = with_alpha(plain, alpha)
    picture = Picture(torch.zeros(1, 3, 40, 60))
    regions, notices = read_regions(picture, [picture], mask=path, style_mask=plain, blur=0.0)
    assert [region.name for region in regions] == ["#0000ff", "#ff0000", "rest"]
    assert regions[-1].style_mask is None
    assert regions[-1].mask[..., :10, :].eq(1).all()
    assert not regions[-1].mask[..., 10:, :].any()
    assert sum(region.mask for region in regions).eq(1).all()
    assert len(notices) == 1


@pytest.mark.parametrize("tolerance", [0, 0.6, -1, math.nan])
def test_tolerance_out_of_range(tolerance):
    message = sentence(
        OptionError, read_colour_masks, "c", "s", (9, 9), (9, 9), tolerance=tolerance
    )
    assert "choose 0.03 to 0.5" in message


def test_a_picture_without_flat_colours(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    message = sentence(
        InputDataError,
        read_colour_masks,
        *[tmp_path / "noise.png"] * 2,
        (40, 60),
        (40, 60),
    )
    assert "noise.png has no regions of one colour" in message


def test_tiny_label_pictures(tmp_path):
    Image.fromarray(np.array([[RED, BLUE]], dtype=np.uint8)).save(tmp_path / "c.png")
    result = read_colour_masks(*[tmp_path / "c.png"] * 2, (1, 2), (4, 8))
    assert result.names == ("#0000ff", "#ff0000")
    assert result.content.flatten().tolist() == [0, 1, 1, 0]
    assert result.style.shape == (1, 2, 4, 8)
    assert result.notices == []
