"""Strokes at any size: the same share of a small and of a large picture, in any memory."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from helpers.random_inputs import smooth_picture
from helpers.tiny_networks import network, vectors
from impasto import images
from impasto.errors import OptionError
from impasto.images.picture import Picture, as_float, resize
from impasto.images.samples import PAIRS
from impasto.networks.model import IDENTITY, OnePassModel
from impasto.networks.normalization import own_moments
from impasto.onepass.sized_painting import SizedPainter
from impasto.onepass.stylist import Stylist
from impasto.onepass.stylizer import StyleSource, Stylizer
from impasto.regions.regions import Region
from impasto.runtime.memory import BASE_BYTES

PAIR = next(iter(PAIRS.values()))
STYLE = [StyleSource(PAIR.style_path)]
SMALL = (72, 96)
LARGE = (216, 288)


@pytest.fixture(autouse=True)
def _small_reference(monkeypatch):
    """Large pictures are those of more than 80×80 pixels."""
    monkeypatch.setattr("impasto.onepass.stroke_size.REFERENCE", 83)


@pytest.fixture(scope="module")
def photo() -> Tensor:
    return resize(images.read(PAIR.content_path).tensor, LARGE)


@pytest.fixture(scope="module")
def stylist() -> Stylist:
    net = network("paint")
    styles = dict(zip(("a", "b", IDENTITY), vectors(3, net.style_size), strict=True))
    return Stylist(OnePassModel(net, styles=styles), precision="float32")


def stylizer(**options: object) -> Stylizer:
    return Stylizer(STYLE, precision="float32", **options)


def gradients(picture: Tensor) -> Tensor:
    """Steepness of the lightness, (1, 1, H − 1, W − 1)."""
    grey = as_float(picture).mean(1, keepdim=True)
    across, down = grey.diff(dim=-1)[..., 1:, :], grey.diff(dim=-2)[..., 1:]
    return (across.square() + down.square()).sqrt()


def correlation(a: Tensor, b: Tensor) -> float:
    return float(torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1])


def frequency(difference: Tensor) -> float:
    """The mean frequency of what was painted into a photograph, in cycles a picture.

    Below six cycles, a picture gets other colours, and no strokes.
    """
    grey = difference.mean(1)[0]
    spectrum = torch.fft.rfft2(grey - grey.mean()).abs().square()
    rows = torch.fft.fftfreq(grey.shape[0]) * grey.shape[0]
    columns = torch.fft.rfftfreq(grey.shape[1]) * grey.shape[1]
    cycles = (rows[:, None].square() + columns.square()).sqrt()
    spectrum = spectrum * (cycles >= 6)
    return float((spectrum * cycles).sum() / spectrum.sum())


@pytest.mark.parametrize("scale", [0.0, 1.0])
def test_up_to_the_reference_pixels_are_those_of_the_network(stylist, scale):
    picture = smooth_picture(*SMALL, seed=1)
    vector = stylist.named_style("a")
    found = SizedPainter(stylist, scale).paint(picture, [vector])
    assert torch.equal(found, stylist.paint(picture, stylist.spatial_style([vector], picture)))


def test_a_scale_of_0_paints_large_pictures_as_before(stylist):
    picture = smooth_picture(*LARGE, seed=1)
    vector = stylist.named_style("a")
    found = SizedPainter(stylist, 0.0).paint(picture, [vector])
    expected = stylist.paint(picture, stylist.spatial_style([vector], picture))
    assert torch.equal(found, expected)
    assert not torch.allclose(SizedPainter(stylist).paint(picture, [vector]), expected, atol=0.02)


def test_strokes_keep_their_share_of_the_picture(photo):
    """What is painted has the same frequencies, a picture, at three times the size.

    The large photograph has no details that the small one lacks: painting would remove them.
    """
    small = resize(photo, SMALL)
    large = resize(small, LARGE)
    found = {
        scale: frequency(stylizer(style_scale=scale).paint(Picture(large)) - large)
        for scale in (0.0, 1.0)
    }
    expected = frequency(stylizer().paint(Picture(small)) - small)
    assert found[1.0] == pytest.approx(expected, rel=0.15)
    assert found[0.0] > 1.4 * expected


def test_a_large_painting_looks_like_the_small_one(photo):
    small = stylizer().paint(Picture(resize(photo, SMALL)))
    large = resize(stylizer().paint(Picture(photo)), SMALL)
    assert correlation(small, large) > 0.95


def test_edges_are_those_of_the_photograph(photo):
    """More than in the small painting enlarged, which is blurred."""
    found = stylizer().paint(Picture(photo))
    enlarged = resize(stylizer().paint(Picture(resize(photo, SMALL))), LARGE)
    edges = gradients(photo)
    assert correlation(gradients(found), edges) > correlation(gradients(enlarged), edges) + 0.05
    strongest = edges > edges.quantile(0.97)
    steepness = [float(gradients(x)[strongest].mean()) for x in (found, enlarged)]
    assert steepness[0] > 1.3 * steepness[1]


def test_larger_strokes_are_coarser(photo):
    plain = resize(resize(photo, SMALL), LARGE)
    frequencies = [
        frequency(stylizer(style_scale=scale).paint(Picture(plain)) - plain)
        for scale in (0.4, 1.0, 2.5)
    ]
    assert frequencies == sorted(frequencies, reverse=True)


def test_finer_strokes_than_the_network_s_are_painted_larger(stylist):
    """The picture is enlarged before and reduced after."""
    picture = smooth_picture(40, 56, seed=1)
    vector = stylist.named_style("a")
    painter = SizedPainter(stylist, 0.5)
    assert painter.size_for((40, 56)) == (80, 112)
    large = resize(picture, (80, 112))
    expected = resize(stylist.paint(large, stylist.spatial_style([vector], large)), (40, 56))
    torch.testing.assert_close(painter.paint(picture, [vector]), expected, rtol=0, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0])
def test_little_memory_paints_the_same(photo, scale, monkeypatch):
    regions = [Region("left", (torch.arange(288) < 120).float().expand(1, 1, *LARGE))]
    regions.append(Region("right", 1 - regions[0].mask))
    much = stylizer(style_scale=scale).paint(Picture(photo), regions=regions)
    sides = {"onepass.tiling.SIDE": 32, "onepass.tiling.MIN_SIDE": 32}
    for name, side in {**sides, "enlargement.guided.SIDE": 64}.items():
        monkeypatch.setattr(f"impasto.{name}", side)
    limited = stylizer(style_scale=scale)
    limited._stylist._memory = 0.0
    little = limited.paint(Picture(photo), regions=regions)
    assert float((255 * (little - much)).abs().max()) <= 1


@pytest.mark.parametrize("colour", ["content", "luminance", "match"])
def test_colour_modes_hold_at_full_size(photo, colour):
    found = stylizer(colour=colour).paint(Picture(photo))
    assert found.shape == photo.shape
    chroma = [x - x.mean(1, keepdim=True) for x in (found, photo)]
    if colour != "match":  # clipped where the lightness leaves no room for them
        assert correlation(*chroma) > 0.8


def test_kept_regions_are_the_photograph(photo):
    kept = torch.zeros(1, 1, *LARGE)
    kept[..., 200:] = 1
    regions = [Region("a", 1 - kept), Region("face", kept, keep=True)]
    found = stylizer().paint(Picture(photo), regions=regions)
    assert torch.equal(found[..., 200:], photo[..., 200:])
    assert not torch.allclose(found[..., :200], photo[..., :200], atol=0.02)


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_strength_0_is_the_photograph(photo, size):
    content = Picture(resize(photo, size).clamp(0, 1))
    torch.testing.assert_close(stylizer(strength=0.0).paint(content), content.tensor)
    levels = content.as_uint8()
    assert torch.equal(stylizer(strength=0.0).paint(levels), levels.tensor)


def test_lower_strengths_are_nearer_to_the_photograph(photo):
    strengths = (0.0, 0.2, 0.5, 0.8, 1.0)
    found = [stylizer(strength=s).paint(Picture(photo)) for s in strengths]
    distances = [float((picture - photo).abs().mean()) for picture in found]
    assert distances == sorted(distances)
    # At a half, an eighth of the photograph is mixed in.
    half = stylizer(strength=0.5)
    vectors = [half.vector_for(Picture(photo))]
    painted = half.painter._painted(
        photo,
        vectors,
        strength=0.5,
        masks=None,
        prepare=lambda rows: rows,
        filter_moments=own_moments,
        progress=lambda share: None,
    )
    torch.testing.assert_close(found[2], torch.lerp(painted, photo, 0.125))


def test_below_full_strength_a_large_picture_has_the_photographs_details(photo):
    weak = stylizer(strength=0.3).paint(Picture(photo))
    plain = resize(resize(photo, SMALL), LARGE)
    fine = [x - F.avg_pool2d(x, 5, 1, 2) for x in (weak, photo, plain)]
    assert correlation(fine[0], fine[1]) > correlation(fine[2], fine[1])


@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0])
def test_pictures_in_bytes_and_progress(photo, scale):
    told: list[float] = []
    found = stylizer(style_scale=scale).paint(Picture(photo).as_uint8(), progress=told.append)
    floats = stylizer(style_scale=scale).paint(Picture(as_float(Picture(photo).as_uint8().tensor)))
    assert found.dtype == torch.uint8
    assert float((found - 255 * floats).abs().max()) <= 1
    assert told == sorted(told)
    assert told[-1] == 1


def test_a_hundred_megapixels_fit_in_four_gigabytes(monkeypatch):
    monkeypatch.setattr("impasto.onepass.stroke_size.REFERENCE", 640)
    huge = Picture(torch.zeros((), dtype=torch.uint8).expand(1, 3, 8192, 12288))
    for scale, regions in ((1.0, 0), (0.1, 0), (1.0, 4), (20.0, 0)):
        needed = Stylizer(STYLE, memory=4e9, style_scale=scale).bytes_needed(huge, regions=regions)
        assert BASE_BYTES + 2 * 3 * 8192 * 12288 < needed <= 4e9
    with pytest.raises(OptionError, match=r"take at least \d\.\d GB"):
        Stylizer(STYLE, memory=0.7e9).bytes_needed(huge)
