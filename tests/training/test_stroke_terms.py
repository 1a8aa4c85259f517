"""Terms of the stroke network against closed forms and orders that people would agree on."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from helpers.random_inputs import smooth_picture
from impasto.training.stroke_terms import LatticeTerm, RangeTerm, SlicedPaletteTerm, WeaveTerm


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def palette(image: torch.Tensor, style: torch.Tensor, weight: float = 1.0) -> float:
    term = SlicedPaletteTerm(style, weight, generator())
    return float(term({"image": image})["palette"])


def test_a_palette_at_any_place_is_the_same():
    style = smooth_picture(64, 64, seed=1)
    shuffled = style.flatten(2)[:, :, torch.randperm(4096, generator=generator())].view_as(style)
    other = smooth_picture(64, 64, seed=2)
    assert palette(shuffled, style) < 0.01
    assert palette(other, style) > 5 * palette(shuffled, style)


def test_the_distance_of_two_single_colours_is_that_of_their_oklab_values():
    # Black and white differ by 1 in lightness alone: E (d · Δ)² · 3 = |Δ|², the spread is 0.01.
    black, white = torch.zeros(1, 3, 8, 8), torch.ones(1, 3, 8, 8)
    expected = torch.tensor(((1 - 0.002 ** (1 / 3)) ** 2) / 0.01).log1p()
    assert palette(black, white, weight=2.0) == pytest.approx(2 * float(expected), rel=0.05)


def test_hues_count_where_means_and_covariances_are_equal():
    # Two palettes with the same mean and covariance: four corners of a square, and its edges.
    four = torch.tensor([[1, 1], [1, -1], [-1, 1], [-1, -1]], dtype=torch.float32)
    turned = torch.tensor([[1, 0], [-1, 0], [0, 1], [0, -1]]) * 2**0.5
    pictures = [
        torch.stack([0.5 + 0.2 * p[:, 0], 0.5 + 0.2 * p[:, 1], torch.full((4,), 0.5)])
        .repeat(1, 16)
        .view(1, 3, 8, 8)
        for p in (four, turned)
    ]
    assert palette(pictures[1], pictures[0]) > 3 * palette(pictures[0], pictures[0]) + 0.01


def test_the_palettes_gradient_is_finite_beyond_the_range():
    image = (3 * torch.randn(1, 3, 16, 16, generator=generator())).requires_grad_(True)
    SlicedPaletteTerm(smooth_picture(16, 16, seed=1), 1.0, generator())({"image": image})[
        "palette"
    ].backward()
    assert image.grad is not None
    assert image.grad.isfinite().all()


def lattice(added: torch.Tensor) -> float:
    plain = smooth_picture(*added.shape[-2:], seed=3)
    return float(LatticeTerm(plain, 1.0)({"image": plain + added})["lattice"])


def strokes(unit: int, seed: int = 0) -> torch.Tensor:
    """Random paint whose units are of that many pixels, at any place."""
    noise = torch.randn(1, 3, 176 // unit, 176 // unit, generator=generator(seed))
    large = F.interpolate(noise, (176, 176), mode="bilinear")
    return 0.1 * large[..., unit // 2 : unit // 2 + 160, unit // 2 : unit // 2 + 160]


def marks(share: float) -> torch.Tensor:
    """The same mark in a share of the cells of 16 px."""
    mark = torch.zeros(1, 1, 16, 16)
    mark[..., 4:9, 6:8] = -0.2
    there = (torch.rand(1, 1, 10, 10, generator=generator(4)) < share).float()
    return F.interpolate(there, scale_factor=16) * mark.repeat(1, 1, 10, 10).expand(-1, 3, -1, -1)


@pytest.mark.parametrize("unit", [1, 4, 8])
def test_marks_on_a_lattice_count_and_strokes_do_not(unit):
    assert lattice(strokes(unit)) < 0.1 * lattice(marks(1.0))
    assert lattice(strokes(unit)) < 0.3 * lattice(marks(0.3))


def test_the_lattice_does_not_depend_on_the_strength_of_the_paint():
    assert lattice(marks(1.0)) == pytest.approx(lattice(0.5 * marks(1.0)), rel=0.01)
    assert lattice(torch.zeros(1, 3, 160, 160)) == pytest.approx(0, abs=1e-4)
    assert lattice(torch.zeros(1, 3, 12, 40)) == 0


def test_range_is_what_lies_outside():
    image = torch.tensor([-0.5, 0.0, 0.3, 1.0, 1.5, 2.0]).view(1, 1, 1, 6)
    loss = RangeTerm(2.0)({"image": image})["range"]
    assert float(loss) == pytest.approx(2 * (0.25 + 0.25 + 1) / 6)


def waves(period: float, size: int = 128) -> torch.Tensor:
    """A picture (1, 3, size, size) of diagonal waves around grey."""
    places = torch.arange(size) / period
    wave = torch.sin(2 * torch.pi * (places[:, None] + places) / 2**0.5)
    return 0.5 + 0.1 * wave.expand(1, 3, -1, -1)


def test_weaves_count_where_the_photograph_is_even():
    even = torch.full((1, 3, 128, 128), 0.5)
    term = WeaveTerm(even, 1.0)

    def loss(picture: torch.Tensor) -> float:
        return float(term({"image": picture})["weave"])

    assert loss(even) == 0
    generator = torch.Generator().manual_seed(0)
    noise = F.avg_pool2d(torch.rand(1, 3, 136, 136, generator=generator), 9, 1)
    noise = 0.5 + 0.1 / 2**0.5 * (noise - noise.mean()) / noise.std()  # the waves' energy
    for period in (8, 12, 16, 32):
        assert loss(waves(period)) > 20 * loss(noise)
        assert loss(0.5 + 0.01 * (waves(period) - 0.5)) < 0.1 * loss(waves(period))  # invisible
    busy = WeaveTerm(torch.rand(1, 3, 128, 128, generator=generator), 1.0)
    assert float(busy({"image": waves(8)})["weave"]) == 0
    small = torch.full((1, 3, 95, 128), 0.5)
    assert float(WeaveTerm(small, 1.0)({"image": small})["weave"]) == 0


def test_a_wave_repeats_at_its_period():
    """ρ of a wave at the lag d is cos(2π d · k): the mean of its excess, from a plain loop."""
    even = torch.full((1, 3, 96, 96), 0.5)
    places = torch.arange(96.0)
    wave = 0.5 + 0.2 * torch.cos(2 * torch.pi * places / 16).expand(1, 3, 96, -1)
    expected = []
    for down in range(-48, 49):
        for right in range(-48, 49):
            if WeaveTerm.NEAREST <= math.hypot(down, right) <= WeaveTerm.FARTHEST:
                rho = math.cos(2 * math.pi * right / 16)
                expected.append(max(0.0, rho - WeaveTerm.LIMIT) ** 2)
    found = float(WeaveTerm(even, 1.0)({"image": wave})["weave"])
    assert found == pytest.approx(sum(expected) / len(expected), rel=0.1)
