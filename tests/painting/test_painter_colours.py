"""Colours of a painting: the photograph's, the style's, or those of a region."""

import pytest
import torch

from helpers.quick_paintings import COLD, FAST, SIZE, WARM, finish, left
from helpers.random_inputs import smooth_picture
from impasto import images
from impasto.colour.matching import METHODS
from impasto.colour.spaces import SPACES, to_oklab
from impasto.images.picture import Picture
from impasto.jobs.initial_image import open_initial_image
from impasto.painting.painter import Painter
from impasto.recipes.recipe import Recipe
from impasto.regions.regions import Region


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("colour", ["content", "luminance"])
def test_the_chroma_of_the_content_is_kept(paint, content, colour, space):
    picture = paint([WARM], colour=colour, colour_space=space)
    chosen = SPACES[space]
    painted, reference = chosen.to(picture), chosen.to(content.tensor)
    expected = chosen.back(torch.cat([painted[:, :1], reference[:, 1:]], dim=1))
    inside = ((expected > 1e-3) & (expected < 1 - 1e-3)).all(1)[0]
    assert inside.float().mean() > 0.4
    chroma = ((painted - reference)[0, 1:] / chosen.white)[:, inside]
    assert chroma.abs().max() < 1e-3
    assert ((painted - reference)[0, 0] / chosen.white)[inside].abs().mean() > 0.02
    # Where sRGB has not such a colour it is a greyer one, never a more colourful one.
    saturation = painted[:, 1:].norm(dim=1), reference[:, 1:].norm(dim=1)
    assert ((saturation[0] - saturation[1]) / chosen.white).max() < 1e-3


def test_style_colours_replace_the_chroma_of_the_content(paint, content):
    """The test above can fail."""
    painted, reference = to_oklab(paint([WARM])), to_oklab(content.tensor)
    assert (painted - reference)[:, 1:].abs().mean() > 0.03


def test_luminance_is_painted_in_greys(encoder, content, tmp_path):
    images.write(tmp_path / "start.png", WARM.tensor)
    for init in ("content", "noise", "noisy-content", str(tmp_path / "start.png")):
        recipe = FAST.replace(colour="luminance", init=init)
        start = open_initial_image(recipe)
        painter = Painter(content, [WARM], recipe, encoder=encoder, initial_image=start)
        first = painter.image
        assert (first - first.mean(1, keepdim=True)).abs().max() < 1e-3


def palette(picture, where=None):
    """Mean (3,) and covariance (3, 3) of a picture's colours, counted by a mask if there is one."""
    colours = picture[0].flatten(1)
    shares = torch.ones_like(colours[0]) if where is None else where.flatten()
    mean = (colours * shares).sum(1) / shares.sum()
    return mean, torch.cov(colours, aweights=shares, correction=0)


@pytest.fixture(scope="module")
def styled(sample):
    photo, style, judge = sample
    return finish(Painter(photo, [style], MATCHED.replace(colour="style"), encoder=judge))


MATCHED = Recipe(size=96, precision="float32", scales=1, steps=20, colour="match")


@pytest.mark.parametrize("method", METHODS)
def test_matched_colours_are_those_of_the_content(sample, styled, method):
    photo, style, judge = sample
    recipe = MATCHED.replace(colour_match=method)
    matched = finish(Painter(photo, [style], recipe, encoder=judge))
    expected, painted, others = (palette(picture) for picture in (photo.tensor, matched, styled))
    for near, far, target in zip(painted, others, expected, strict=True):
        assert (near - target).norm() < 0.5 * (far - target).norm()


@pytest.fixture(scope="module")
def two_halves():
    """A photograph, reddish on the left and bluish on the right."""
    tint = torch.tensor([0.3, 0.0, -0.3]).view(1, 3, 1, 1) * (left() - 0.5)
    return Picture(0.4 + 0.2 * smooth_picture(*SIZE, seed=1) + tint)


@pytest.mark.parametrize("where", [left(), torch.linspace(0, 1, 96).expand(1, 1, *SIZE)])
@pytest.mark.parametrize("method", ["cholesky", "pca", "monge-kantorovich"])
def test_the_style_of_a_region_gets_the_colours_of_the_region(
    two_halves, style, other_style, encoder, where, method
):
    recipe = FAST.replace(colour="match", colour_match=method, match_lightness="linear")
    regions = [Region("sun", where, style), Region("sky", 1 - where)]
    painter = Painter(two_halves, [other_style], recipe, regions=regions, encoder=encoder)
    for painted, expected in (
        (painter._regions[0].style, palette(two_halves.tensor, where)),
        (painter._styles[0].picture, palette(two_halves.tensor)),  # of no region alone
    ):
        mean, covariance = palette(painted.tensor)
        torch.testing.assert_close(mean, expected[0], atol=1e-4, rtol=0)
        torch.testing.assert_close(covariance, expected[1], atol=5e-3 * expected[1].max(), rtol=0)


def test_a_region_is_painted_in_the_colours_of_the_region(two_halves, encoder):
    regions = [Region("sun", left(), WARM), Region("sky", 1 - left(), COLD)]
    recipe = FAST.replace(colour="match", content_weight=0)
    painter = Painter(two_halves, [COLD], recipe, regions=regions, encoder=encoder)
    whole, _ = palette(two_halves.tensor)
    picture = finish(painter)
    for where in (left(), 1 - left()):
        (mean, _), (expected, _) = palette(picture, where), palette(two_halves.tensor, where)
        assert (mean - expected).norm() < 0.25 * (whole - expected).norm()


def lightness_range(picture):
    return to_oklab(picture)[:, 0].quantile(torch.tensor([0.01, 0.99]))


@pytest.fixture(scope="module")
def light_and_dark():
    """A light photograph with some black, and a dark style with some white: skewed either way."""
    planes = [smooth_picture(48, 64, seed=seed) for seed in (1, 2)]
    planes = [(p - p.amin()) / (p.amax() - p.amin()) for p in planes]
    return Picture(0.1 + 0.9 * planes[0] ** 0.3), Picture(0.8 * planes[1] ** 3)


def test_match_keeps_the_lightness_range_of_the_photograph(light_and_dark, encoder):
    photo, dark = light_and_dark
    expected = lightness_range(photo.tensor)

    def styled(**changes):
        recipe = FAST.replace(colour="match", **changes)
        return Painter(photo, [dark], recipe, encoder=encoder).styles[0].picture.tensor

    matched, linear, own = (
        styled(),
        styled(match_lightness="linear"),
        styled(match_lightness="style"),
    )
    torch.testing.assert_close(lightness_range(matched), expected, atol=0.05, rtol=0)
    assert (lightness_range(linear) - expected).abs().max() > 0.1
    mean = to_oklab(photo.tensor)[:, 0].mean()
    assert to_oklab(matched)[:, 0].mean() == pytest.approx(float(mean), abs=0.01)
    torch.testing.assert_close(to_oklab(own)[:, 0], to_oklab(dark.tensor)[:, 0], atol=2e-3, rtol=0)


def test_match_lightness_does_nothing_in_other_modes(light_and_dark, encoder):
    photo, dark = light_and_dark
    for colour in ("style", "content", "luminance"):
        pictures = [
            Painter(
                photo, [dark], FAST.replace(colour=colour, match_lightness=whose), encoder=encoder
            ).styles[0].picture.tensor
            for whose in ("content", "style", "linear")
        ]  # fmt: skip
        assert all(torch.equal(each, pictures[0]) for each in pictures)


def test_the_lightness_of_a_region_is_that_of_the_photograph_there(light_and_dark, encoder):
    photo, dark = light_and_dark
    darkened = torch.cat([photo.tensor[..., :32], 0.3 * photo.tensor[..., 32:]], dim=-1)
    mask = left((48, 64))
    recipe = FAST.replace(colour="match")
    regions = [Region("day", mask, dark), Region("night", 1 - mask, dark)]
    painter = Painter(Picture(darkened), [dark], recipe, regions=regions, encoder=encoder)
    for region, part in zip(painter._regions, darkened.split(32, dim=-1), strict=True):
        torch.testing.assert_close(
            lightness_range(region.style.tensor), lightness_range(part), atol=0.05, rtol=0
        )
