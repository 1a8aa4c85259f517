"""Warping, occlusion and warping error against loops and closed forms."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from helpers.metric_inputs import noise
from helpers.videos import panned, texture, uniform
from impasto.errors import OptionError
from impasto.metrics.temporal import occluded, warp, warping_error


def warped_by_loop(picture, flow):
    _, height, width = picture.shape
    out = np.zeros_like(picture)
    for y in range(height):
        for x in range(width):
            px = min(max(x + flow[0, y, x], 0), width - 1)
            py = min(max(y + flow[1, y, x], 0), height - 1)
            left, top = min(int(px), width - 2), min(int(py), height - 2)
            a, b = px - left, py - top
            out[:, y, x] = (1 - b) * (
                (1 - a) * picture[:, top, left] + a * picture[:, top, left + 1]
            ) + b * (
                (1 - a) * picture[:, top + 1, left] + a * picture[:, top + 1, left + 1]
            )  # fmt: skip
    return out


@pytest.mark.parametrize("size", [(9, 13), (8, 5), (2, 3)])
def test_warping_is_bilinear(size):
    picture, flow = noise(1, 2, 3, *size), 8 * noise(2, 2, 2, *size) - 4
    expected = [warped_by_loop(*pair) for pair in zip(picture.numpy(), flow.numpy(), strict=True)]
    found = warp(picture, flow)
    np.testing.assert_allclose(found, np.stack(expected), atol=1e-12)
    assert warp(picture.float(), flow.float()).dtype == torch.float32


@pytest.mark.parametrize("step", [(5, 0), (0, -3), (-2, 7), (0, 0)])
@pytest.mark.parametrize("size", [(32, 64), (45, 61)])
def test_a_shift_by_whole_pixels_has_no_error(step, size):
    before, frame = panned(2, step, size)
    assert step == (0, 0) or not torch.equal(before, frame)
    flows = uniform(*step, size), -uniform(*step, size)
    error = warping_error(frame, before, *flows)
    assert error.shape == (1,)
    if size == (32, 64):  # places between −1 and 1 are exact where sides are powers of two
        assert error.item() == 0
    assert error.item() < 1e-15
    if step != (0, 0):
        assert warping_error(frame, before, *(0 * side for side in flows)).item() > 1e-3


def test_a_shift_by_half_pixels_has_little_error():
    large = texture(64, 96, blur=6)
    before, frame = F.avg_pool2d(large, 2), F.avg_pool2d(large[..., 1:, 1:], 2)  # moved by −½, −½
    before = before[..., :-1, :-1]
    flows = uniform(-0.5, -0.5, (31, 47)), uniform(0.5, 0.5, (31, 47))
    right, wrong = warping_error(frame, before, *flows), warping_error(frame, before, *flows[::-1])
    assert 0 < right.item() < 3e-5
    assert wrong.item() > 30 * right.item()


def occluded_by_loop(forward, backward):
    _, height, width = backward.shape
    forth = warped_by_loop(forward, backward)
    out = np.zeros((height, width), dtype=bool)
    for y in range(height):
        for x in range(width):
            back, there = backward[:, y, x], forth[:, y, x]
            miss = ((there + back) ** 2).sum()
            is_hidden = miss > 0.01 * ((there**2).sum() + (back**2).sum()) + 0.5
            slope = sum(
                ((backward[:, b, a] - back) ** 2).sum()
                for a, b in ((x + 1, y), (x, y + 1))
                if a < width and b < height
            )
            is_edge = slope > 0.01 * (back**2).sum() + 0.002
            px, py = x + back[0], y + back[1]
            is_outside = not (-0.5 <= px <= width - 0.5 and -0.5 <= py <= height - 0.5)
            out[y, x] = is_hidden or is_edge or is_outside
    return out


@pytest.mark.parametrize("strength", [0.3, 2.0, 8.0])
def test_occlusion_matches_ruder_et_al(strength):
    smooth = [F.interpolate(noise(s, 2, 2, 3, 4) - 0.5, (18, 26), mode="bicubic") for s in (3, 4)]
    forward, backward = smooth[0] * strength, 0.3 * smooth[1] * strength - smooth[0] * strength
    found = occluded(forward, backward)
    expected = [
        occluded_by_loop(*pair) for pair in zip(forward.numpy(), backward.numpy(), strict=True)
    ]
    assert found.dtype == torch.bool
    assert (found[:, 0].numpy() == np.stack(expected)).all()
    assert 0 < found.double().mean() < 1


def test_what_a_moving_square_uncovers_is_occluded():
    """A square of 12 px moves by 4 px to the right."""
    forward, backward = torch.zeros(2, 1, 2, 32, 40).unbind()
    forward[:, 0, 10:22, 8:20] = 4
    backward[:, 0, 10:22, 12:24] = -4
    found = occluded(forward, backward)[0, 0]
    expected = torch.zeros(32, 40, dtype=torch.bool)
    expected[10:22, 8:12] = True  # uncovered
    expected[10:22, [11, 23]] = True  # motion boundaries: the pixels before a step of the flow
    expected[[9, 21], 12:24] = True
    assert (found == expected).all()
    before, frame = torch.rand(2, 1, 3, 32, 40).unbind()
    frame = torch.where(expected, frame, warp(before, backward))
    assert warping_error(frame, before, forward, backward).item() == pytest.approx(0, abs=1e-12)


def test_what_comes_from_outside_is_occluded():
    flow = uniform(-2.4, 0, (16, 16))
    assert occluded(-flow, flow)[0, 0].sum(0).tolist() == [16, 16, *[0] * 14]
    nowhere = uniform(-20, 0, (16, 16))
    picture = noise(1, 1, 3, 16, 16)
    assert warping_error(picture, picture, -nowhere, nowhere).isnan().all()


def test_flicker_gives_twice_its_variance():
    """Frames of one scene, each brighter or darker by a normal draw of deviation σ."""
    deviation, count = 0.05, 4001
    random = np.random.default_rng(5).normal(0, deviation, count)
    scene = 0.5 * noise(1, 1, 3, 8, 8) + 0.25
    frames = scene + torch.from_numpy(random).view(-1, 1, 1, 1)
    still = uniform(0, 0, (8, 8), count - 1)
    error = warping_error(frames[1:], frames[:-1], still, still)
    np.testing.assert_allclose(error, np.diff(random) ** 2, atol=1e-15)
    assert error.mean().item() == pytest.approx(2 * deviation**2, rel=0.08)


def test_frames_and_flows_of_different_sizes_are_refused():
    picture, still = noise(1, 1, 3, 8, 8), uniform(0, 0, (8, 8))
    assert warping_error(torch.ones(1, 3, 8, 8), torch.zeros(1, 3, 8, 8), still, still).item() == 1
    with pytest.raises(OptionError, match=r"\(8, 8\), \(8, 9\).*must have the same size"):
        warping_error(picture, noise(1, 1, 3, 8, 9), still, still)
