"""The palette term: a style's colours, wherever they lie."""

import numpy as np
import scipy.linalg
import torch

from helpers.random_inputs import smooth_picture
from impasto.training.terms import PaletteTerm


def reference(picture, style):
    """log(1 + W2² / size) in float64, with scipy's matrix root."""
    yiq = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
    yiq[1:] *= 3

    def moments(tensor):
        colours = yiq @ (tensor[0].double().numpy().reshape(3, -1) - 0.5)
        return colours.mean(1), np.cov(colours, bias=True)

    (mean, cov), (other_mean, other_cov) = moments(picture), moments(style)
    root = scipy.linalg.sqrtm(other_cov)
    middle = scipy.linalg.sqrtm(root @ cov @ root).real
    distance = ((mean - other_mean) ** 2).sum() + np.trace(cov + other_cov - 2 * middle)
    size = (other_mean**2).sum() + np.trace(other_cov)
    return np.log1p(distance / size)


def test_it_is_the_distance_of_gaussians_of_colours():
    picture, style = smooth_picture(24, 32, seed=1), smooth_picture(40, 20, seed=2)
    style = (style * torch.tensor([1.0, 0.6, 0.3]).view(1, 3, 1, 1)).clamp(0, 1)
    term = PaletteTerm(PaletteTerm.summary(style), 2.0)
    (loss,) = term({"image": picture}).values()
    # The ridge that keeps roots smooth makes the difference.
    assert abs(float(loss) - 2 * reference(picture, style)) < 0.02 * float(loss)


def test_places_do_not_matter_but_hues_do():
    style = smooth_picture(16, 16, seed=3)
    term = PaletteTerm(PaletteTerm.summary(style))
    shuffled = style.flatten(2)[..., torch.randperm(256)].view_as(style)
    assert float(term({"image": shuffled})["palette"]) < 1e-5
    grey = style.mean(1, keepdim=True).expand(-1, 3, -1, -1)
    assert float(term({"image": grey})["palette"]) > 0.05


def test_each_picture_of_a_batch_has_its_own_target():
    styles = torch.cat([smooth_picture(16, 16, seed=seed) for seed in (4, 5)])
    term = PaletteTerm(PaletteTerm.summary(styles))
    right, wrong = (float(term({"image": x})["palette"]) for x in (styles, styles.flip(0)))
    assert right < 1e-5 < wrong


def test_its_slope_is_finite_even_for_an_even_picture():
    style = smooth_picture(16, 16, seed=6)
    picture = torch.full((1, 3, 16, 16), 0.5, requires_grad=True)
    PaletteTerm(PaletteTerm.summary(style))({"image": picture})["palette"].backward()
    assert torch.isfinite(picture.grad).all()
