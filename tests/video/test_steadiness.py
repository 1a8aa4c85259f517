"""Counterparts of pixels, cuts, smoothed moments and detail: what steady painting is made of."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch

from helpers.videos import panned, texture
from impasto.networks.normalization import Moments
from impasto.video.correspondence import find_correspondence, flow_size, reduced
from impasto.video.cuts import CutDetector
from impasto.video.detail import finest_detail, with_detail_of
from impasto.video.smoothed_moments import SmoothedMoments
from impasto.video.steady import held_share, moved_along

SIZE = (64, 96)


def found_in(film):
    return find_correspondence(reduced(film[0]), reduced(film[1]), SIZE)


# --- Counterparts -----------------------------------------------------------------------------


def test_the_counterparts_of_a_pan_are_trusted_but_where_it_comes_from_outside():
    film = panned(2, (4, -2), SIZE)
    found = found_in(film)
    inner = found.flow[..., 12:-12, 12:-12].mean((2, 3))[0]
    torch.testing.assert_close(inner, torch.tensor([-4.0, 2.0]), atol=0.2, rtol=0)
    assert found.trust[..., 8:-8, 12:-8].mean() > 0.95
    assert found.trust[..., 8:-8, 0].max() < 0.3  # came in from the left
    moved = moved_along(film[0], found.flow)
    off = ((moved - film[1]).abs() * found.trust).mean()
    assert off < 0.2 * (film[0] - film[1]).abs().mean()


def test_what_has_changed_is_not_trusted():
    first, second = texture(*SIZE), texture(*SIZE)
    second[..., 20:40, 30:60] = 1 - second[..., 20:40, 30:60]
    found = found_in([first, second])
    assert found.trust[..., 24:36, 34:56].mean() < 0.35
    assert found.trust[..., :12, :].mean() > 0.95


def test_flows_are_searched_at_half_the_size_within_bounds():
    assert flow_size((64, 96)) == (64, 96)
    assert flow_size((270, 480)) == (180, 320)
    assert flow_size((720, 1280)) == (360, 640)
    assert flow_size((2160, 3840)) == (360, 640)
    assert flow_size((40, 4000)) == (16, 640)
    film = panned(2, (8, 4), (288, 512))
    small = [reduced(frame) for frame in film]
    assert small[0].shape == (1, 3, 180, 320)
    found = find_correspondence(small[0], small[1], (288, 512))
    assert found.flow.shape == (1, 2, 288, 512)
    middle = found.flow[..., 60:-60, 60:-60].mean((2, 3))[0]
    torch.testing.assert_close(middle, torch.tensor([-8.0, -4.0]), atol=0.3, rtol=0)


def test_a_picture_is_moved_without_being_changed_by_whole_pixels():
    picture = texture(20, 30)
    flow = torch.tensor([3.0, -2.0]).view(1, 2, 1, 1).expand(1, 2, 20, 30)
    moved = moved_along(picture, flow)
    torch.testing.assert_close(moved[..., 2:, :-3], picture[..., :-2, 3:], atol=1e-4, rtol=0)


# --- Cuts -------------------------------------------------------------------------------------


def is_cut(*frames) -> list[bool]:
    detector = CutDetector()
    return [detector(frame) for frame in frames]


def scene(seed, colour):
    return (0.5 * texture(*SIZE, seed=seed) + 0.5 * torch.tensor(colour).view(1, 3, 1, 1)).clamp(
        0, 1
    )


def test_a_new_scene_is_a_cut_once():
    first, second = scene(1, (0.9, 0.4, 0.1)), scene(2, (0.1, 0.3, 0.8))
    assert is_cut(first, first, second, second, first) == [False, False, True, False, True]


@pytest.mark.parametrize("step", [(3, 0), (12, -6)])
def test_a_pan_is_no_cut(step):
    assert not any(is_cut(*panned(6, step, SIZE)))


def test_noise_and_a_fade_are_no_cuts():
    generator = torch.Generator().manual_seed(0)
    still = scene(1, (0.9, 0.4, 0.1))
    noisy = [(still + 0.03 * torch.randn(still.shape, generator=generator)).clamp(0, 1)] * 3
    assert not any(is_cut(still, *noisy))
    assert not any(is_cut(*(still * share for share in torch.linspace(1, 0, 12))))


def test_the_state_of_a_detector_goes_on():
    first, second = scene(1, (0.9, 0.4, 0.1)), scene(2, (0.1, 0.3, 0.8))
    one, other = CutDetector(), CutDetector()
    one(first)
    other.load_state(one.state())
    assert one(second) is other(second) is True
    other.reset()
    assert other(first) is False


# --- Moments ----------------------------------------------------------------------------------


def moments(mean, deviation=1.0):
    mean = torch.full((1, 2), float(mean))
    return Moments(mean, mean.square() + deviation**2)


def test_moments_are_a_mean_at_first_and_then_follow_slowly():
    smoothed, values = SmoothedMoments(0.75), [0.0, 0.2, 0.4, 0.6, 0.8]
    expected, share = 0.0, [1, 1 / 2, 1 / 3, 1 / 4, 1 / 4]
    for value, part in zip(values, share, strict=True):
        expected += part * (value - expected)
        found = smoothed(0, moments(value))
        torch.testing.assert_close(found.mean, torch.full((1, 2), expected))


def test_moments_of_another_style_are_taken_at_once():
    smoothed = SmoothedMoments(0.9)
    smoothed(0, moments(0))
    torch.testing.assert_close(smoothed(0, moments(5)), moments(5))
    torch.testing.assert_close(smoothed(0, moments(5, 20)), moments(5, 20))


def test_maps_are_apart_and_frozen_moments_stay():
    smoothed = SmoothedMoments(0.5)
    smoothed(0, moments(0))
    smoothed(1, moments(0.5))
    smoothed.is_frozen = True
    assert smoothed(0, moments(0.3)).mean[0, 0] == 0
    smoothed.is_frozen = False
    torch.testing.assert_close(smoothed(1, moments(0.7)).mean, torch.full((1, 2), 0.6))
    other = SmoothedMoments(0.5)
    other.load_state(smoothed.state())
    for number in (0, 1):
        torch.testing.assert_close(other(number, moments(1)), smoothed(number, moments(1)))
    smoothed.reset()
    assert smoothed.state() == {}


# --- Detail -----------------------------------------------------------------------------------


def test_lost_detail_is_as_strong_again_and_colours_stay():
    sharp = texture(40, 50, blur=0.7)
    soft = sharp - 0.25 * finest_detail(sharp)
    found = with_detail_of(soft, sharp, torch.ones(1, 1, 40, 50))
    energies = [float(finest_detail(x).square().mean()) for x in (sharp, soft, found)]
    assert energies[1] < 0.7 * energies[0]
    assert abs(energies[2] / energies[0] - 1) < 0.02
    torch.testing.assert_close(found.mean((2, 3)), soft.mean((2, 3)), atol=1e-3, rtol=0)


def test_nothing_changes_without_weight_and_an_even_picture_stays():
    sharp, even = texture(40, 50, blur=0.7), torch.full((1, 3, 40, 50), 0.3)
    soft = sharp - 0.25 * finest_detail(sharp)
    assert torch.equal(with_detail_of(soft, sharp, torch.zeros(1, 1, 40, 50)), soft)
    torch.testing.assert_close(with_detail_of(even, sharp, torch.ones(1, 1, 40, 50)), even)


def test_the_finest_detail_is_what_a_blur_of_1_2_1_takes():
    x = texture(9, 11).double()
    kernel = torch.tensor([1.0, 2, 1]).double()
    kernel = (kernel[:, None] * kernel / 16).expand(3, 1, 3, 3)
    padded = torch.nn.functional.pad(x, (1, 1, 1, 1), mode="replicate")
    blurred = torch.nn.functional.conv2d(padded, kernel, groups=3)
    torch.testing.assert_close(finest_detail(x), x - blurred)


def test_a_painting_lasts_fifty_frames_at_most():
    shares = [held_share(float(Fraction(k, 4))) for k in range(5)]
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert shares[-1] == pytest.approx(0.98)
