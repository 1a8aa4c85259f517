"""Estimates against paintings on a simulated clock, which only targets and evaluations move."""

import time

import pytest
import torch

from helpers.random_inputs import smooth_picture
from impasto.errors import ImageError
from impasto.images.picture import Picture
from impasto.jobs.events import Progress
from impasto.objective.objective import Objective
from impasto.painting.estimate import estimate, keep_speed, kind_of_painting, known_forecast
from impasto.painting.objective_builder import ObjectiveBuilder
from impasto.painting.pace import Pace
from impasto.painting.painter import Painter
from impasto.painting.speed import load_speed
from impasto.painting.texture import TexturePainter
from impasto.recipes.recipe import Recipe


class Clock:
    """Seconds that pass by the cost of what is computed.

    Attributes:
        step: Height and width → seconds of an evaluation.
        start: Height and width → seconds of the targets.
        load: Factor on both.
    """

    def __init__(self, step, start):
        self.step, self.start, self.load, self.now = step, start, 1.0, 0.0

    def __call__(self):
        return self.now

    def work(self, seconds):
        self.now += self.load * seconds


@pytest.fixture
def simulate(monkeypatch, cache):
    """Starts a clock with given costs; the cache is empty."""

    def simulate(step, start):
        clock = Clock(step, start)
        monkeypatch.setattr(time, "perf_counter", clock)
        objective, gradient = ObjectiveBuilder.objective, Objective.gradient

        def built(builder, size):
            clock.work(clock.start(size[0] * size[1]))
            return objective(builder, size)

        def evaluated(self, image):
            clock.work(clock.step(image.shape[-2] * image.shape[-1]))
            return gradient(self, image)

        monkeypatch.setattr(ObjectiveBuilder, "objective", built)
        monkeypatch.setattr(Objective, "gradient", evaluated)
        return clock

    return simulate


def painter(encoder, size=160, **changes):
    recipe = Recipe(content_layers={"relu4_1": 1}, size=size, **{"final_steps": 30, **changes})
    content, style = (Picture(smooth_picture(size // 2, size, seed=seed)) for seed in (1, 2))
    return Painter(content, [style], recipe, encoder=encoder)


def run(work, forecast):
    """Seconds of all steps, and (share of the time, time left, true time left) after each."""
    pace, began, seen = Pace(work.stages, forecast), time.perf_counter(), []
    for step in work:
        pace.add(step.stage, step.step, step.seconds)
        seen.append((step.seconds, pace.seconds_left))
    total = time.perf_counter() - began
    keep_speed(work, pace, total)
    return total, [(seconds / total, left, total - seconds) for seconds, left in seen]


COSTS = {
    "proportional": (lambda p: p / 1e5, lambda p: p / 2e5),
    "overhead": (lambda p: 0.3 + p / 1e5, lambda p: 0.5 + p / 1e5),
    # As maps outgrow the caches of a processor.
    "growing": (lambda p: 0.02 + p / 1e5 * (1 + p / 150_000), lambda p: p / 1e5),
}
CHANGES = {
    "adam": {"optimizer": "adam"},
    "one size": {"scales": 1, "steps": 50},
    "pixels": {"preconditioning": 0.0, "steps": 12},
    "large strokes": {"style_scale": 4.0},
}


@pytest.mark.parametrize(
    ("costs", "changes"),
    [*((costs, "default") for costs in COSTS), *(("growing", name) for name in CHANGES)],
)
def test_the_first_estimate_the_next_and_the_time_left(encoder, simulate, costs, changes):
    simulate(*COSTS[costs])
    work = painter(encoder, **CHANGES.get(changes, {}))
    first = estimate(work)
    total, progress = run(work, first.forecast)
    assert 1 / 1.5 < first.seconds / total < 1.5
    late = [(share, left, true) for share, left, true in progress if share >= 0.25]
    assert [row for row in late if abs(row[1] - row[2]) > 0.25 * row[2] + 0.02 * total] == []
    # The machine is known now.
    again = estimate(painter(encoder, **CHANGES.get(changes, {})))
    assert again.seconds == pytest.approx(total, rel=0.05)
    known = known_forecast(painter(encoder, **CHANGES.get(changes, {})))
    assert known.seconds(work.stages) == pytest.approx(total, rel=0.05)


def test_a_busy_machine_is_noticed_before_the_start(encoder, simulate):
    clock = simulate(*COSTS["overhead"])
    work = painter(encoder)
    idle, _ = run(work, estimate(work).forecast)
    clock.load = 3.0
    assert estimate(painter(encoder)).seconds == pytest.approx(3 * idle, rel=0.1)
    clock.load = 1.0  # what was measured while it was busy does not stay
    assert estimate(painter(encoder)).seconds == pytest.approx(idle, rel=0.05)


def test_a_run_on_a_busy_machine_hardly_spoils_what_is_known(encoder, simulate):
    clock = simulate(*COSTS["overhead"])
    work = painter(encoder)
    idle, _ = run(work, estimate(work).forecast)
    clock.load = 2.0
    work = painter(encoder)
    run(work, estimate(work).forecast)
    clock.load = 1.0
    assert estimate(painter(encoder)).seconds < 1.4 * idle


def test_faster_code_is_learned_from_one_run(encoder, simulate):
    clock = simulate(*COSTS["growing"])
    work = painter(encoder)
    run(work, estimate(work).forecast)
    clock.load = 1 / 1.4
    work = painter(encoder)
    total, _ = run(work, estimate(work).forecast)
    assert estimate(painter(encoder)).seconds == pytest.approx(total, rel=0.05)


def test_a_larger_painting_is_estimated_from_smaller_ones(encoder, simulate):
    simulate(*COSTS["overhead"])
    small = painter(encoder, 160)
    run(small, estimate(small).forecast)
    large = painter(encoder, 320)
    told = estimate(large).seconds
    assert 1 / 1.2 < told / run(large, known_forecast(large))[0] < 1.2


def test_an_estimate_takes_little_of_the_painting(encoder, simulate):
    clock = simulate(lambda p: p / 1e5, lambda p: p / 1e5)
    work = painter(encoder, 512, scales=1, steps=60)
    before = clock.now
    told = estimate(work).seconds
    first = clock.now - before
    assert first < 0.2 * told
    run(work, known_forecast(work))
    before = clock.now
    estimate(painter(encoder, 512, scales=1, steps=60))
    assert clock.now - before < 0.25 * first


def test_a_large_style_is_tried_at_a_small_size(encoder, simulate):
    tried = []
    simulate(lambda p: 0.01, lambda p: tried.append(p) or 0.01)
    estimate(painter(encoder, style_scale=8.0))
    assert min(tried) <= 64 * 64


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_an_estimate_changes_no_pixel(encoder, optimizer):
    plain, estimated = (painter(encoder, 96, optimizer=optimizer, steps=2) for _ in range(2))
    estimate(estimated)
    for work in (plain, estimated):
        list(work)
    assert plain.picture.equal(estimated.picture)


def test_textures_that_tile_are_tried_at_sizes_that_do(encoder, simulate):
    simulate(*COSTS["overhead"])
    picture = Picture(smooth_picture(64, 64, seed=1))
    recipe = Recipe(content_layers={"relu4_1": 1}, steps=12, final_steps=14, size=224)
    work = TexturePainter([picture], (160, 224), recipe, tileable=True, encoder=encoder)
    told = estimate(work).seconds
    assert 1 / 1.5 < told / run(work, known_forecast(work))[0] < 1.5


def test_a_trial_without_memory_is_left_to_the_painting(encoder, cache, monkeypatch):
    for error in (RuntimeError("could not create a primitive"), MemoryError()):

        def failing(builder, size, error=error):
            raise error

        monkeypatch.setattr(ObjectiveBuilder, "objective", failing)
        assert estimate(painter(encoder, 96)).seconds > 0
    monkeypatch.setattr(ObjectiveBuilder, "objective", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        estimate(painter(encoder, 96))


def test_a_mistake_found_by_a_trial_is_told_before_the_estimate(encoder, cache, monkeypatch):
    def failing(builder, size):
        raise ImageError("too small for relu5_1")

    monkeypatch.setattr(ObjectiveBuilder, "objective", failing)
    with pytest.raises(ImageError, match="too small for relu5_1"):
        estimate(painter(encoder, 96))


def test_short_paintings_are_not_kept(encoder, simulate):
    simulate(lambda p: 1e-4, lambda p: 1e-4)
    work = painter(encoder, 96)
    run(work, known_forecast(work))
    assert not load_speed(kind_of_painting(work)).steps.points


def test_kinds_of_painting(encoder):
    changes = [{}, {"optimizer": "adam"}, {"style_loss": "sliced"}, {"tv_weight": 0.0},
               {"style_scale": 2.0}, {"precision": "float32"}]  # fmt: skip
    kinds = [kind_of_painting(painter(encoder, 96, **change)) for change in changes]
    assert len(set(kinds)) == len(changes)
    assert kind_of_painting(painter(encoder, 128, seed=3)) == kinds[0]


def test_the_progress_of_a_run_has_the_time_left(tmp_path, encoder, simulate):
    """Through the door: from the events of a request."""
    from impasto import images
    from impasto.encoders.files import save_encoder
    from impasto.jobs.requests import PaintRequest, StyleInput
    from impasto.jobs.run import RunOptions
    from impasto.jobs.run import run as run_request

    simulate(*COSTS["overhead"])
    work = painter(encoder, 128)
    for name, picture in (("a", work.content), ("b", work.styles[0].picture)):
        images.write(tmp_path / f"{name}.png", picture.tensor)
    save_encoder(tmp_path / "tiny.safetensors", encoder, dtype=torch.float32)
    # Of noise, the last steps with forms need searches along the line, which no one can foresee.
    recipe = work.recipe.replace(
        encoder=str(tmp_path / "tiny.safetensors"), precision="float32", structure_weight=0.0
    )
    paths = [str(tmp_path / name) for name in ("a.png", "b.png")]
    request = PaintRequest(paths[0], (StyleInput(paths[1]),), recipe)
    events = list(run_request(request, RunOptions(estimate=True)))
    steps = [event for event in events if isinstance(event, Progress)]
    total = steps[-1].seconds
    assert events[0].seconds == pytest.approx(total, rel=0.2)
    for event in steps:
        if event.seconds >= 0.25 * total:
            true = total - event.seconds
            assert abs(event.seconds_left - true) < 0.2 * true + 0.02 * total
