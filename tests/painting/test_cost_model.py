"""The memory plan: what is counted, what is refused, and what is bounded."""

import pytest
import torch

from helpers.quick_paintings import FAST, finish
from helpers.random_inputs import smooth_picture
from impasto.errors import OptionError
from impasto.images.picture import Picture
from impasto.losses.statistics import STATISTICS
from impasto.objective.terms import SummaryTerm
from impasto.painting import cost_model, objective_builder
from impasto.painting.objective_builder import style_side
from impasto.painting.painter import Painter
from impasto.recipes.recipe import Recipe
from impasto.regions.regions import Region
from impasto.runtime.memory import BASE_BYTES

LAYERS = {"style_layers": {"relu1_1": 1, "relu3_1": 1}, "content_layers": {"relu3_1": 1}}


def painter(encoder, *, size=400, memory=None, style_size=(300, 400), regions=(), **changes):
    recipe = Recipe(**{**LAYERS, "size": size, "scales": 1, "steps": 2, **changes})
    content = Picture(smooth_picture(size * 3 // 4, size, seed=1))
    style = Picture(smooth_picture(*style_size, seed=2))
    return Painter(content, [style], recipe, regions=regions, encoder=encoder, memory=memory)


def peak(*args, **changes):
    work = painter(*args, **changes)
    return work.objective_builder.peak_bytes(work.stages[-1].size) - BASE_BYTES


def stripes(count, height=300, width=400):
    rows = torch.arange(height) * count // height
    masks = [
        (rows == index).float()[None, None, :, None].repeat(1, 1, 1, width)
        for index in range(count)
    ]
    return [Region(f"r{index}", mask) for index, mask in enumerate(masks)]


def test_everything_that_is_held_counts(encoder):
    plain = peak(encoder)
    pixels = 300 * 400
    # The style picture itself; it is compared at the size of the painting.
    larger = peak(encoder, style_size=(600, 800)) - plain
    assert larger == pytest.approx(12 * 3 * pixels)
    assert peak(encoder, style_scale=2.0) - plain >= 12 * 3 * pixels  # or more: its features
    assert peak(encoder, colour="luminance") - plain >= 12 * pixels
    masks = peak(encoder, regions=stripes(3)) - plain
    assert masks > 3 * 4 * pixels
    assert peak(encoder, optimizer="adam") < plain


@pytest.mark.parametrize("statistic", STATISTICS)
def test_statistics_count_and_regions_more(encoder, statistic):
    plain = peak(encoder, style_loss="gram")
    assert peak(encoder, style_loss=statistic) >= plain
    one, four = (peak(encoder, style_loss=statistic, regions=stripes(n)) for n in (2, 8))
    values = 300 * 400 * (4 + 8 / 16)  # channels of relu1_1 and relu3_1
    assert four - one >= 6 * 8 * values


def test_statistics_that_keep_everything_count_more(encoder):
    order = [peak(encoder, style_loss=name) for name in ("gram", "mmd-rbf", "sliced")]
    assert order == sorted(set(order))


def test_too_little_is_refused_with_the_least_that_does(encoder):
    with pytest.raises(OptionError, match=r"400×300 px take at least 0\.\d GB of memory") as caught:
        painter(encoder, memory=BASE_BYTES)
    least = caught.value.allowed
    work = painter(encoder, memory=least)
    assert work.objective_builder.peak_bytes(work.stages[-1].size) <= least
    with pytest.raises(OptionError, match="memory"):
        painter(encoder, memory=0.99 * least)


def test_the_longest_side_is_the_last_that_a_budget_allows(encoder):
    memory = painter(encoder).objective_builder._memory
    assert memory.longest_side(memory.least) == 400
    assert memory.longest_side(BASE_BYTES) == 0
    budget = BASE_BYTES + 3 * (memory.least - BASE_BYTES)
    work = painter(encoder, memory=budget)
    side = work.objective_builder.longest_side()
    assert 600 < side < 1000
    assert memory.enlarged(side / 400).least <= budget < memory.enlarged((side + 2) / 400).least
    painter(encoder, size=side, memory=budget)  # is not refused


@pytest.mark.parametrize("factor", [1.0, 1.1, 1.5, 2.0, 4.0])
def test_a_plan_is_never_above_its_budget(encoder, factor):
    least = painter(encoder, size=1000).objective_builder._memory.least
    work = painter(encoder, size=1000, memory=factor * least)
    size = work.stages[-1].size
    assert work.objective_builder.peak_bytes(size) <= factor * least


def test_what_cannot_be_tiled_needs_the_whole(encoder):
    plans = [
        painter(encoder, size=1000, style_loss=name).objective_builder._memory
        for name in ("gram", "sliced")
    ]
    assert [plan.can_tile for plan in plans] == [True, False]
    assert plans[1].least == plans[1].peak(plans[1].size, None)
    assert plans[0].least < plans[0].peak(plans[0].size, None)


def test_a_canvas_is_refused_before_it_is_made():
    with pytest.raises(OptionError, match=r"30000×20000 px take at least 180.4 GB"):
        cost_model.check_canvas((20000, 30000), "lbfgs", 16e9)
    cost_model.check_canvas((1000, 1000), "lbfgs", 16e9)
    with pytest.raises(OptionError, match="900000000 pixels, and at most 200000000"):
        cost_model.check_pixels((30000, 30000), 200_000_000)


# --- styles are enlarged within bounds ------------------------------------------------------------


@pytest.mark.parametrize(
    ("own", "long_side", "scale", "expected"),
    [
        (400, 512, 1.0, 512),  # as large as the painting, whatever its own size
        (400, 4096, 1.0, 4096),
        (400, 4096, 0.5, 2048),
        (400, 512, 2.0, 1024),
        (400, 512, 20.0, 1600),  # four times its own
        (4000, 512, 20.0, 10240),
        (100, 512, 20.0, 512),
    ],
)
def test_the_side_of_a_style(own, long_side, scale, expected):
    assert style_side((own // 2, own), long_side, Recipe(style_scale=scale)) == expected


# --- many regions ---------------------------------------------------------------------------------


def test_regions_on_their_rectangles_have_the_same_losses(encoder, monkeypatch):
    regions = stripes(10, 96, 128)
    content = Picture(smooth_picture(96, 128, seed=1))

    def losses(limit):
        monkeypatch.setattr(objective_builder, "CROPPED_FROM", limit)
        work = Painter(content, [Picture(smooth_picture(96, 96, seed=2))],
                       Recipe(**LAYERS, size=128, scales=1, steps=1, precision="float32"),
                       regions=regions, encoder=encoder)  # fmt: skip
        objective = work.objective((96, 128))
        cropped = [term._crop for term in objective.terms if isinstance(term, SummaryTerm)]
        assert cropped == [limit < 10] * 10
        builder = work.objective_builder
        return (
            objective.gradient(content.tensor),
            builder.peak_bytes((96, 128)),
            builder._region_areas(),
        )

    (plain, gradient), whole_peak, whole_areas = losses(100)
    (found, found_gradient), peak, areas = losses(8)
    assert found == pytest.approx(plain, rel=1e-4)
    torch.testing.assert_close(found_gradient, gradient, atol=1e-6, rtol=1e-3)
    assert peak < whole_peak
    assert (areas, whole_areas) == (pytest.approx(1.0), 10)


def test_many_regions_in_tiles(encoder, monkeypatch):
    monkeypatch.setattr(cost_model, "tile_side", lambda *_, **__: 64)
    content = Picture(smooth_picture(96, 128, seed=1))
    recipe = FAST.replace(size=128, scales=1, steps=3, precision="float32", **LAYERS)
    pictures = []
    for limit in (8, 100):
        monkeypatch.setattr(objective_builder, "CROPPED_FROM", limit)
        work = Painter(content, [Picture(smooth_picture(96, 96, seed=2))], recipe,
                       regions=stripes(10, 96, 128), encoder=encoder)  # fmt: skip
        pictures.append(finish(work))
    torch.testing.assert_close(*pictures, atol=5e-3, rtol=0)
