"""Loss curves."""

import math

import pytest

from impasto.reports.loss_curves import loss_curves, losses_by_term


def history(steps):
    """A made-up loss history over two sizes."""
    return [
        {"stage": 1 + (i >= steps // 2), "step": i, "height": 48, "width": 64 * (1 + (i >= 5)),
         "seconds": 0.1 * i, "loss": 1 / (i + 1), "style.relu1_1": 0.5 / (i + 1),
         "style.relu2_1": 0.25 / (i + 1), "tv": 0.25 / (i + 1)}
        for i in range(steps)
    ]  # fmt: skip


def test_layers_of_a_term_are_summed_and_late_terms_start_late():
    rows = history(4)
    rows[3]["laplacian"] = 0.5
    found = losses_by_term(rows)
    assert found["style"] == pytest.approx([0.75 / (i + 1) for i in range(4)])
    assert math.isnan(found["laplacian"][2])
    assert found["laplacian"][3] == 0.5
    assert set(found) == {"loss", "style", "tv", "laplacian"}


@pytest.mark.parametrize("steps", [1, 2, 300])
def test_curves_are_drawn_of_any_history(steps):
    drawn = loss_curves(history(steps))
    assert drawn.startswith("<svg")
    assert ">style</text>" in drawn.replace("<!-- style -->", "")
    assert drawn == loss_curves(history(steps))
