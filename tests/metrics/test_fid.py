"""FID and ArtFID: the Fréchet distance against SciPy, and Inception's features."""

import numpy as np
import pytest
import scipy.linalg
import torch

from helpers.random_inputs import smooth_picture
from impasto.encoders.inception import Inception
from impasto.errors import ImageError, InputDataError
from impasto.metrics.fid import art_fid, frechet_distance
from impasto.metrics.registry import SET_METRICS
from impasto.weights.open import open_metric_net

# --- The Fréchet distance -------------------------------------------------------------------------


def by_sqrtm(first, second):
    """As FID's programs compute it."""
    one, other = (np.cov(x, rowvar=False) for x in (first, second))
    root = scipy.linalg.sqrtm(one @ other).real
    change = first.mean(0) - second.mean(0)
    return change @ change + np.trace(one + other - 2 * root)


def vectors(seed, count, width, shift=0.0):
    random = np.random.default_rng(seed)
    return random.normal(size=(count, width)) @ random.normal(size=(width, width)) + shift


@pytest.mark.parametrize("counts", [(40, 60), (40, 13), (12, 11)])
def test_frechet_distance_matches_sqrtm(counts):
    one, other = (vectors(i, n, 10, 0.3 * i) for i, n in enumerate(counts))
    expected = by_sqrtm(one, other)
    found = frechet_distance(torch.from_numpy(one), torch.from_numpy(other))
    assert found == pytest.approx(expected, rel=1e-9)
    single = frechet_distance(torch.from_numpy(one).float(), torch.from_numpy(other).float())
    assert single == pytest.approx(expected, rel=1e-5)


def test_frechet_distance_of_gaussians_on_a_line():
    """(μ − μ′)² + (σ − σ′)²; and the sum of such along axes."""
    plain = torch.tensor([-1.0, 0.0, 1.0])[:, None]  # mean 0, deviation 1
    assert frechet_distance(2 + 3 * plain, -1 + 0.5 * plain) == pytest.approx(3**2 + 2.5**2)
    axes = torch.tensor([[1.0, 0], [-1, 0], [0, 1], [0, -1]]) * 1.5**0.5  # identity
    scales, others = torch.tensor([2.0, 5.0]), torch.tensor([3.0, 1.0])
    assert frechet_distance(axes * scales, axes * others) == pytest.approx(1 + 16)


def test_frechet_distance_with_fewer_pictures_than_features():
    """There the product is singular; two tight pairs are as far apart as their means."""
    one, other = vectors(1, 5, 300), vectors(2, 4, 300)
    found = frechet_distance(torch.from_numpy(one), torch.from_numpy(other))
    wide = [np.pad(x - x.mean(0), ((0, 0), (0, 0))) / (len(x) - 1) ** 0.5 for x in (one, other)]
    small = wide[0] @ wide[1].T  # its squared singular values are the product's eigenvalues
    root = np.sqrt(np.linalg.eigvalsh(small @ small.T).clip(0)).sum()
    change = one.mean(0) - other.mean(0)
    expected = change @ change + sum(np.square(x).sum() for x in wide) - 2 * root
    assert found == pytest.approx(expected)
    assert frechet_distance(torch.from_numpy(one), torch.from_numpy(one)) == pytest.approx(
        0, abs=1e-8
    )


@pytest.mark.parametrize("count", [0, 1])
def test_a_set_has_at_least_two_pictures(count):
    few, enough = torch.zeros(count, 4), torch.zeros(3, 4)
    for sides in ((few, enough), (enough, few)):
        with pytest.raises(InputDataError, match=f"at least 2 pictures, not {count}"):
            frechet_distance(*sides)


def test_art_fid():
    assert art_fid(3.0, 0.5) == 6.0
    assert SET_METRICS["artfid"].function(3.0, 0.5) == 6.0
    assert SET_METRICS["fid"].function(3.0, 0.5) == 3.0


# --- Inception ------------------------------------------------------------------------------------


def test_inception_has_the_names_and_shapes_of_torchvision():
    with torch.device("meta"):
        state = Inception().state_dict()
    # 27,161,264 parameters in all, of which 3,326,696 in AuxLogits and 2,049,000 in fc.
    parameters = {k: v for k, v in state.items() if "running" not in k}
    assert sum(value.numel() for value in parameters.values()) == 21_785_568
    assert len(parameters) == 3 * 94
    for name, shape in {
        "Conv2d_1a_3x3.conv.weight": (32, 3, 3, 3),
        "Conv2d_4a_3x3.bn.running_var": (192,),
        "Mixed_5b.branch_pool.conv.weight": (32, 192, 1, 1),
        "Mixed_5d.branch5x5_2.conv.weight": (64, 48, 5, 5),
        "Mixed_6a.branch3x3.conv.weight": (384, 288, 3, 3),
        "Mixed_6b.branch7x7dbl_2.conv.weight": (128, 128, 7, 1),
        "Mixed_6e.branch7x7_2.conv.weight": (192, 192, 1, 7),
        "Mixed_7a.branch7x7x3_4.conv.weight": (192, 192, 3, 3),
        "Mixed_7c.branch3x3dbl_3b.conv.weight": (384, 384, 3, 1),
        "Mixed_7c.branch_pool.bn.bias": (192,),
    }.items():
        assert state[name].shape == shape, name


def test_inception_treats_pictures_of_a_batch_independently(kept):
    net = open_metric_net("art-inception")
    assert not net.training
    assert not any(p.requires_grad for p in net.parameters())
    pair = torch.cat([smooth_picture(75, 90, seed=1), smooth_picture(75, 90, seed=2)])
    features = net(pair)
    assert features.shape == (2, 2048)
    assert torch.equal(features, net(pair))
    torch.testing.assert_close(net(pair[1:]), features[1:], atol=1e-5, rtol=1e-4)
    assert torch.equal(net.train()(pair), features)  # nothing in it is random or the batch's
    with pytest.raises(ImageError, match=r"90×74 px is too small for Inception-v3: .* 75 px"):
        net(pair[..., :74, :])


def test_opening_a_net_draws_no_random_numbers(kept):
    before = torch.get_rng_state()
    open_metric_net("alexnet")
    assert torch.equal(torch.get_rng_state(), before)
