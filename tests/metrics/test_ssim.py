"""SSIM against scikit-image and closed forms."""

import pytest
import skimage.color
import skimage.metrics
import torch

from helpers.metric_inputs import noise, pictures, plain
from impasto.errors import ImageError, OptionError
from impasto.metrics.edges import edge_map, luma
from impasto.metrics.ssim import edge_ssim, ssim


def scikit_ssim(one, other, dynamic_range):
    return skimage.metrics.structural_similarity(
        one[0, 0].numpy(), other[0, 0].numpy(), data_range=dynamic_range, gaussian_weights=True,
        sigma=1.5, use_sample_covariance=False,
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_ssim_matches_scikit_image(seed):
    one, other = pictures(seed)
    expected = scikit_ssim(luma(one), luma(other), 1.0)
    assert ssim(one, other).item() == pytest.approx(expected, abs=1e-12)
    assert ssim(one.float(), other.float()).item() == pytest.approx(expected, abs=1e-6)
    expected = scikit_ssim(edge_map(one), edge_map(other), 0.5)
    assert edge_ssim(one, other).item() == pytest.approx(expected, abs=1e-12)
    noisy = noise(seed, 1, 3, 40, 52)
    assert ssim(one, noisy).item() == pytest.approx(scikit_ssim(luma(one), luma(noisy), 1.0))


def test_ssim_of_uniform_pictures_is_its_luminance_term():
    one, other, c1 = plain((0.2,) * 3), plain((0.6,) * 3), 1e-4
    expected = (2 * 0.2 * 0.6 + c1) / (0.2**2 + 0.6**2 + c1)
    assert ssim(one, other).item() == pytest.approx(expected)
    assert edge_ssim(one, other).item() == pytest.approx(1)  # no edges in either


def test_ssim_of_a_negative_is_negative():
    one = 0.25 + 0.5 * noise(1, 1, 1, 30, 30).expand(1, 3, 30, 30)
    assert ssim(1 - one, one).item() < -0.5


@pytest.mark.parametrize("function", [ssim, edge_ssim])
def test_ssim_refuses_sizes_that_differ_or_are_too_small(function):
    with pytest.raises(OptionError, match="same size"):
        function(torch.zeros(1, 3, 20, 20), torch.zeros(1, 3, 20, 21))
    with pytest.raises(ImageError, match="at least 11 px"):
        function(torch.zeros(1, 3, 20, 10), torch.zeros(1, 3, 20, 10))
    assert function(torch.zeros(1, 3, 11, 11), torch.zeros(1, 3, 11, 11)).item() == 1
