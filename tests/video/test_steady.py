"""Steady painting: less flicker, no drift, no blur, nothing held across a cut."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from helpers.tiny_networks import fixed_styles
from helpers.videos import panned, texture
from impasto.errors import OptionError
from impasto.metrics.edges import luma
from impasto.onepass.stylizer import Stylizer
from impasto.video.detail import finest_detail
from impasto.video.frame import Frame
from impasto.video.painters import FrameByFrame, Look
from impasto.video.steady import SteadyPainter, steadied

SIZE = (48, 64)


class NoisyPainter:
    """Paints a frame with noise of its own at each call: nothing but flicker."""

    segment_frames = 24

    def __init__(self, strength: float = 0.1, brightness: float = 0.0) -> None:
        self.strength, self.brightness, self.calls = strength, brightness, 0

    def __call__(self, frame: Frame) -> Tensor:
        self.calls += 1
        generator = torch.Generator().manual_seed(self.calls)
        grain = torch.randn(frame.image.shape, generator=generator)
        return (frame.image + self.brightness + self.strength * grain).clamp(0, 1)

    def reset(self) -> None:
        self.calls = 0

    def state(self) -> dict[str, Tensor]:
        return {"calls": torch.tensor(self.calls)}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        self.calls = int(state["calls"])


def frames(pictures) -> list[Frame]:
    return [
        Frame(picture, Fraction(n, 25), Fraction(1, 25), n) for n, picture in enumerate(pictures)
    ]


def painted(painter, pictures) -> list[Tensor]:
    with torch.inference_mode():
        return [painter(frame) for frame in frames(pictures)]


def change(pictures, step=(0, 0)) -> float:
    """Mean squared change from frame to frame, the pan undone; without the border."""
    right, down = step
    total = 0.0
    for before, after in pairwise(pictures[4:]):
        moved = torch.roll(before, (down, right), (-2, -1))
        total += float((after - moved)[..., 8:-8, 8:-8].square().mean())
    return total / (len(pictures) - 5)


def network_painter(steady: float) -> SteadyPainter:
    stylizer = Stylizer(["one"], model=fixed_styles("paint", "one"))
    painter = steadied(FrameByFrame(stylizer, lambda seconds: Look(stylizer.vector)), steady)
    assert isinstance(painter, SteadyPainter)
    return painter


@pytest.mark.parametrize("step", [(2, 0), (1, -1)])
def test_flicker_of_a_pan_is_a_fraction_and_detail_as_strong(step):
    film = panned(12, step, SIZE)
    single, steady = painted(NoisyPainter(), film), painted(SteadyPainter(NoisyPainter(), 1), film)
    assert change(steady, step) < 0.15 * change(single, step)
    energies = [float(finest_detail(x[-1]).square().mean()) for x in (single, steady)]
    assert energies[1] > 0.9 * energies[0]


def test_more_steady_means_less_flicker_and_zero_none():
    film = panned(10, (1, 0), SIZE)
    single = painted(NoisyPainter(), film)
    changes = [change(painted(SteadyPainter(NoisyPainter(), s), film), (1, 0)) for s in (0, 0.5, 1)]
    assert changes == sorted(changes, reverse=True)
    assert changes[1] < 0.5 * changes[0]
    none = painted(SteadyPainter(NoisyPainter(), 0), film)
    for frame, other in zip(none, single, strict=True):
        torch.testing.assert_close(frame, other, atol=1e-6, rtol=0)


def test_the_same_frame_gives_the_same_painting():
    film = panned(4, (2, 1), SIZE)
    found = painted(network_painter(1), [*film, film[-1], film[-1]])
    assert torch.equal(found[-1], found[-2])
    assert torch.equal(found[-2], found[-3])
    assert not torch.equal(found[0], found[1])


def test_a_still_does_not_drift_in_300_frames():
    """The noise of a camera, which is another in each frame, neither brightens nor darkens it."""
    still, generator = texture(32, 32, blur=1.0), torch.Generator().manual_seed(0)
    noise = [0.02 * torch.randn(still.shape, generator=generator) for _ in range(300)]
    found = painted(network_painter(1), [(still + grain).clamp(0, 1) for grain in noise])
    means = torch.stack([luma(frame).mean() for frame in found])
    assert float(means[50:].max() - means[50:].min()) < 1 / 255
    assert float((found[-1] - found[50]).abs().mean()) < 0.05


def test_nothing_is_held_across_a_cut():
    first = texture(*SIZE, seed=1) * torch.tensor([1, 0.4, 0.1]).view(1, 3, 1, 1)
    second = texture(*SIZE, seed=2) * torch.tensor([0.1, 0.4, 1]).view(1, 3, 1, 1)
    found = painted(network_painter(1), [first] * 3 + [second])
    assert torch.equal(found[-1], painted(network_painter(1), [second])[0])


@pytest.mark.parametrize("step", [(0, 0), (1, 0)])
def test_a_painting_of_other_colours_is_not_held(step):
    """A style that changes over time arrives, whether the clip stands still or not."""
    inner = NoisyPainter(0.0)
    painter, film = SteadyPainter(inner, 1), frames([0.4 * x for x in panned(40, step, SIZE)])
    with torch.inference_mode():
        first = painter(film[0])
        inner.brightness = 0.5
        last = [painter(frame) for frame in film[1:]][-1]
        fresh = inner(film[-1])
    assert abs(float((last - first).mean())) > 0.3
    assert float((last - fresh).abs().mean()) < 0.02


def test_frames_of_another_size_begin_anew():
    found = painted(SteadyPainter(NoisyPainter(), 1), [texture(32, 40), texture(40, 32)])
    assert [frame.shape[-2:] for frame in found] == [(32, 40), (40, 32)]


@pytest.mark.parametrize(
    "make", [lambda: network_painter(1), lambda: SteadyPainter(NoisyPainter(), 1)]
)
def test_a_state_goes_on_to_the_same_frames(make):
    film = frames(panned(7, (2, -1), SIZE))
    one, other = make(), make()
    with torch.inference_mode():
        for frame in film[:4]:
            one(frame)
        other.load_state({name: value.clone() for name, value in one.state().items()})
        for frame in film[4:]:
            assert torch.equal(one(frame), other(frame))


def test_reset_forgets():
    film, painter = panned(3, (1, 1), SIZE), network_painter(1)
    first = painted(painter, film)
    painter.reset()
    for frame, again in zip(first, painted(painter, film), strict=True):
        assert torch.equal(frame, again)


@pytest.mark.parametrize("steady", [-0.1, 1.5, float("nan")])
def test_other_values_are_refused(steady):
    with pytest.raises(OptionError, match="steady is 0 to 1, not"):
        SteadyPainter(NoisyPainter(), steady)
