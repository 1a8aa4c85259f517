"""The map of colours against closed forms in double precision."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given
from hypothesis import strategies as st

from impasto.losses.moments import mean_and_gram
from impasto.networks.colour_map import (
    PALETTE_SIZE,
    Palette,
    colour_map,
    colour_sums,
    palette_numbers,
    palette_of_numbers,
    palette_of_sums,
    with_palette,
)
from impasto.networks.normalization import moments_of


def picture(seed: int, *, grey: bool = False) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    mixed = torch.rand(3, 3, generator=random) @ torch.rand(3, 30 * 40, generator=random) / 3
    made = mixed.view(1, 3, 30, 40)
    return made.mean(1, keepdim=True).expand(-1, 3, -1, -1) if grey else made


def palette(image: torch.Tensor) -> Palette:
    return palette_of_numbers(palette_numbers(mean_and_gram(image, None)))


def test_a_palette_is_mean_and_second_moments():
    image = picture(0)
    flat = image.flatten(2)[0].double().numpy()
    found = palette(image)
    np.testing.assert_allclose(found.mean[0], flat.mean(1), rtol=1e-5)
    np.testing.assert_allclose(found.square[0], flat @ flat.T / flat.shape[1], rtol=1e-5)
    np.testing.assert_allclose(found.covariance[0], np.cov(flat, bias=True), atol=1e-6)


@given(seed=st.integers(0, 10**6))
def test_moments_of_sums_tell_the_palette(seed):
    image = picture(seed)
    found, few = palette_of_sums(moments_of(colour_sums(image))), image[..., ::4, ::4]
    torch.testing.assert_close(found.mean, palette(few).mean)
    torch.testing.assert_close(found.square, palette(few).square, rtol=1e-5, atol=1e-6)


def test_the_map_is_monge_and_kantorovichs():
    content, style = picture(1), picture(2)
    c, s = (x.flatten(2)[0].double().numpy() for x in (content, style))
    # T = A^-½ (A^½ B A^½)^½ A^-½ with the floors that keep roots finite (equation 8 of the paper).
    a = np.cov(c, bias=True) + 0.03**2 * np.eye(3)
    b = np.cov(s, bias=True) + 0.002**2 * np.eye(3)
    root = scipy.linalg.sqrtm(a).real
    inverse = np.linalg.inv(root)
    transport = inverse @ scipy.linalg.sqrtm(root @ b @ root).real @ inverse
    expected = s.mean(1)[:, None] + transport @ (c - c.mean(1)[:, None])
    colours = colour_map(palette(content), palette(style))
    found = colours.colour(torch.zeros_like(content), content)
    np.testing.assert_allclose(found.flatten(2)[0], expected, atol=2e-4)


def test_whitened_colours_have_covariance_one():
    image = picture(3)
    u = colour_map(palette(image), palette(picture(4))).whiten(image).flatten(2)[0].double()
    values = np.linalg.eigvalsh(np.cov(u.numpy(), bias=True))
    spread = np.linalg.eigvalsh(palette(image).covariance[0].double().numpy())
    np.testing.assert_allclose(values, np.sort(spread / (spread + 0.03**2)), atol=1e-3)
    np.testing.assert_allclose(u.mean(1), 0, atol=1e-4)


def test_its_own_palette_keeps_a_picture():
    image = picture(5)
    colours = colour_map(palette(image), palette(image))
    # But for the floors: the photograph's is larger.
    painted = colours.colour(torch.zeros_like(image), image)
    assert (painted - image).abs().max() < 0.05


def test_of_a_grey_style_nothing_but_greys_can_be_painted():
    content, style = picture(6), picture(7, grey=True)
    colours = colour_map(palette(content), palette(style))
    z = torch.randn(1, 3, 30, 40, generator=torch.Generator().manual_seed(0))
    painted = colours.colour(z, content)
    assert (painted.amax(1) - painted.amin(1)).max() < 6 * 0.002 * 3
    assert painted.std() > 0.02


def test_regions_have_maps_of_their_own():
    content = picture(8)
    one, two = (palette(picture(seed)) for seed in (9, 10))
    both = Palette(torch.cat([one.mean, two.mean]), torch.cat([one.square, two.square]))
    shares = torch.zeros(1, 2, 30, 40)
    shares[:, 0, :, :15], shares[:, 1, :, 25:] = 1, 1
    shares[:, :, :, 15:25] = 0.5
    z = torch.randn(1, 3, 30, 40, generator=torch.Generator().manual_seed(0))
    found = colour_map(palette(content), both).colour(z, content, shares)
    alone = [colour_map(palette(content), part).colour(z, content) for part in (one, two)]
    torch.testing.assert_close(found[..., :15], alone[0][..., :15])
    torch.testing.assert_close(found[..., 25:], alone[1][..., 25:])
    torch.testing.assert_close(found[..., 15:25], (alone[0] + alone[1])[..., 15:25] / 2)


@pytest.mark.parametrize("size", [0, PALETTE_SIZE])
def test_the_last_numbers_of_a_vector_are_the_palette(size):
    vectors = torch.randn(2, 20)
    pictures = torch.cat([picture(11), picture(12)])
    found = with_palette(vectors, pictures, size)
    assert torch.equal(found[:, : 20 - size], vectors[:, : 20 - size])
    if size:
        expected = palette_numbers(mean_and_gram(pictures, None))
        torch.testing.assert_close(found[:, -size:], expected)
    else:
        assert found is vectors


def test_a_picture_of_one_colour_is_finite():
    flat = torch.full((1, 3, 8, 8), 0.3)
    colours = colour_map(palette(flat), palette(flat))
    painted = colours.colour(colours.whiten(flat), flat)
    torch.testing.assert_close(painted, flat)
