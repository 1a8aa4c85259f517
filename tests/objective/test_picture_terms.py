"""Terms that compare a picture with another: closed forms, and the same in tiles."""

from __future__ import annotations

import torch

from helpers.random_inputs import smooth_picture
from impasto.losses.regular_patterns import excess, power_of_cells, uniformity
from impasto.objective import picture_terms
from impasto.objective.objective import Objective
from impasto.objective.picture_terms import PatternTerm, TemporalTerm
from impasto.objective.terms import TotalVariation
from impasto.objective.tiled import TiledObjective
from impasto.objective.tiles import whole_tile
from impasto.weights.open import open_encoder


def pictures():
    random = torch.Generator().manual_seed(0)
    image, moved = torch.rand(2, 1, 3, 12, 10, generator=random, dtype=torch.float64)
    return image, moved, torch.rand(1, 1, 12, 10, generator=random, dtype=torch.float64)


def test_the_temporal_term_is_the_mean_of_trusted_squares():
    image, moved, trust = pictures()
    loss = TemporalTerm(moved, trust, 7.0)({"image": image})
    wanted = 0.0
    for channel in range(3):
        for y in range(12):
            for x in range(10):
                off = float(image[0, channel, y, x] - moved[0, channel, y, x])
                wanted += 7.0 * float(trust[0, 0, y, x]) * off * off / (3 * 12 * 10)
    torch.testing.assert_close(loss, {"temporal": torch.tensor(wanted, dtype=torch.float64)})


def test_its_gradient_is_none_where_nothing_is_trusted():
    image, moved, trust = pictures()
    trust[..., :5] = 0
    objective = Objective([TemporalTerm(moved, trust, 7.0)], open_encoder("compact"))
    losses, gradient = objective.gradient(image)
    assert losses.keys() == {"temporal"}
    torch.testing.assert_close(gradient, 2 * 7.0 * trust * (image - moved) / 360)
    assert not gradient[..., :5].any()


def test_a_term_is_added_to_an_objective_whole_or_in_tiles():
    image, moved, trust = pictures()
    encoder = open_encoder("compact")
    plain = Objective([TotalVariation(2.0)], encoder)
    term = TemporalTerm(moved, trust, 7.0)
    wanted = Objective([TotalVariation(2.0), term], encoder).gradient(image)
    tiled = TiledObjective(plain, encoder, [whole_tile((12, 10))])
    assert plain.gradient(image)[0].keys() == {"tv"}
    for losses, gradient in (plain.plus(term).gradient(image),):
        assert losses == wanted[0]
        torch.testing.assert_close(gradient, wanted[1])
    assert isinstance(tiled.plus(term), TiledObjective)
    assert [t.layers for t in tiled.plus(term)._picture_terms] == [("image",), ("image",)]


# --- patterns ---------------------------------------------------------------------------------


def test_patterns_are_those_of_the_cells_that_count(monkeypatch):
    photograph = smooth_picture(120, 80, seed=1).double()
    photograph[..., 60:, :] = 0.5
    picture = smooth_picture(120, 80, seed=2).double().requires_grad_(True)
    uniform = uniformity(photograph, step=24)[0]
    assert 0 < int((uniform < 0.01).sum()) < uniform.numel()  # some do not count
    excesses = excess(*power_of_cells(picture, step=24)).mean(1)[0]
    whole = (torch.where(uniform > 0.01, uniform, 0) * excesses).mean()
    (expected,) = torch.autograd.grad(whole, picture)
    for cells in (1, 5, 256):
        monkeypatch.setattr(picture_terms, "_CELLS", cells)
        loss = PatternTerm(photograph, 3.0)({"image": picture})["pattern"]
        (found,) = torch.autograd.grad(loss, picture)
        torch.testing.assert_close(loss, 3 * whole)
        torch.testing.assert_close(found, 3 * expected)
        with torch.no_grad():  # by the definition, without the gradient that is written out
            loss = PatternTerm(photograph, 3.0)({"image": picture})["pattern"]
        torch.testing.assert_close(loss, 3 * whole)


def test_the_gradient_of_patterns_is_that_of_finite_differences():
    photograph = torch.full((1, 3, 34, 33), 0.5, dtype=torch.float64)
    term = PatternTerm(photograph, 100.0)
    random = torch.rand(1, 3, 34, 33, generator=torch.Generator().manual_seed(0)).double()
    picture = random.requires_grad_(True)
    assert torch.autograd.gradcheck(
        lambda image: term({"image": image})["pattern"], picture, fast_mode=True
    )


def test_a_picture_smaller_than_a_cell_has_no_patterns():
    small = smooth_picture(31, 80, seed=1)
    assert float(PatternTerm(small, 1.0)({"image": small})["pattern"]) == 0
