"""LPIPS, against the same nets and weights written out by hand."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from helpers.random_inputs import smooth_picture
from impasto.encoders.vgg import VGG16
from impasto.errors import ImageError, OptionError
from impasto.metrics.lpips import LpipsModel, lpips, open_lpips
from impasto.weights.records import WEIGHTS

SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)  # of lpips' own scaling layer


def scaled(picture):
    """As lpips' scaling layer makes it, of [0, 1]."""
    shift, scale = (torch.tensor(v, dtype=torch.float64).view(3, 1, 1) for v in (SHIFT, SCALE))
    return (2 * picture.double() - 1 - shift) / scale


def vgg16_by_hand(state, picture):
    """The outputs of five rectifiers, counted as torchvision counts layers."""
    x, found = scaled(picture), []
    for index in range(30):
        if f"features.{index}.weight" in state:
            weight, bias = (state[f"features.{index}.{p}"].double() for p in ("weight", "bias"))
            x = F.conv2d(x, weight, bias, padding=1).clamp_min(0)
            found.append((index + 1, x))
        elif index in (4, 9, 16, 23):
            x = F.max_pool2d(x, 2)
    return [x for index, x in found if index in (3, 8, 15, 22, 29)]


def alexnet_by_hand(state, picture):
    x, found = scaled(picture), []
    for index, stride, padding in ((0, 4, 2), (3, 1, 2), (6, 1, 1), (8, 1, 1), (10, 1, 1)):
        x = F.max_pool2d(x, 3, 2) if index in (3, 6) else x
        weight, bias = (state[f"features.{index}.{p}"].double() for p in ("weight", "bias"))
        x = F.conv2d(x, weight, bias, stride, padding).clamp_min(0)
        found.append(x)
    return found


def lpips_by_hand(features, others, linear):
    """Position by position, channel by channel."""
    total = 0.0
    for number, (one, other) in enumerate(zip(features, others, strict=True)):
        a, b = (x[0].flatten(1).T.numpy() for x in (one, other))
        weight = linear[f"lin{number}.model.1.weight"].flatten().double().numpy()
        total += np.mean(
            [
                sum(weight * (p / np.linalg.norm(p) - q / np.linalg.norm(q)) ** 2)
                for p, q in zip(a, b, strict=True)
            ]
        )
    return total


@pytest.mark.parametrize(
    ("net", "by_hand"), [("vgg16", vgg16_by_hand), ("alexnet", alexnet_by_hand)]
)
def test_lpips_by_hand(net, by_hand, kept, published):
    one, other = smooth_picture(40, 52, seed=1), smooth_picture(40, 52, seed=2)
    found = lpips(one, other, open_lpips(net))
    features = [by_hand(published[net], picture) for picture in (one, other)]
    assert [x.shape[1] for x in features[0]] == list(WEIGHTS[f"lpips-{net}"].widths)
    expected = lpips_by_hand(*features, published[f"lpips-{net}"])
    assert found.item() == pytest.approx(expected, rel=1e-5)


def test_lpips_scaling_is_that_of_imagenet(encoder):
    """Shift and scale of its pictures in [−1, 1] are 2 μ − 1 and 2 σ."""
    mean, std = (np.array(v) for v in (VGG16.mean, VGG16.std))
    np.testing.assert_allclose(2 * mean - 1, SHIFT, atol=1e-15)
    np.testing.assert_allclose(2 * std, SCALE, atol=1e-15)
    picture = smooth_picture(20, 20, seed=1)
    torch.testing.assert_close(
        encoder.normalize(picture), scaled(picture).float(), atol=5e-7, rtol=1e-6
    )


def test_lpips_of_all_zero_features_is_zero():
    zeros = [torch.zeros(1, 2, 3, 3)]
    model = LpipsModel(lambda picture: zeros, [torch.ones(1, 2, 1, 1)])
    assert lpips(torch.zeros(1, 3, 9, 9), torch.ones(1, 3, 9, 9), model).item() == 0


def test_lpips_refuses_sizes_that_differ_or_are_too_small(kept):
    model = open_lpips("alexnet")
    with pytest.raises(OptionError, match="same size"):
        lpips(torch.zeros(1, 3, 40, 40), torch.zeros(1, 3, 40, 41), model)
    small = torch.zeros(1, 3, 40, 30)
    with pytest.raises(ImageError, match=r"30×40 px is too small for AlexNet: .* at least 31 px"):
        lpips(small, small, model)
    least = torch.zeros(1, 3, 31, 31)
    assert lpips(least, least, model).item() == 0
