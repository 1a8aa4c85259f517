"""The scatter plot."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from impasto.evaluation.matching import References
from impasto.evaluation.pareto_plot import draw_scatter, write_scatter
from impasto.evaluation.results import EvaluatedResult


def rows_of(**methods):
    pair = References(Path("c.png"), Path("s.png"))
    return [
        EvaluatedResult(method, Path(f"{method}/{number}.png"), pair, figures)
        for method, found in methods.items()
        for number, figures in enumerate(found)
    ]


def test_the_plot_takes_any_names_and_values(tmp_path):
    random = np.random.default_rng(1)
    names = [
        "plain",
        "$a_b^{$",
        "_hidden",
        "long " * 20,
        "x" * 80,
        "漢字",
        "<b>",
        "\\frac",
        "9",
        "10",
    ]
    for spread in (1, 1000):
        found = [
            [{"content": x, "gram": x * y + 1e-4} for x, y in random.random((5, 2)) ** spread]
            for _ in names
        ]
        write_scatter(tmp_path / "s.png", rows_of(**dict(zip(names, found, strict=True))))
    write_scatter(tmp_path / "one.png", rows_of(only=[{"content": 0.0, "gram": 0.0}]))
    with Image.open(tmp_path / "s.png") as image:
        assert image.size == (1080, 720)


def test_the_legend_names_every_method_and_covers_no_point():
    found = {name: [{"content": 0.1, "gram": 0.2}] * 3 for name in ("_a", "b" * 50, "c", "d")}
    figure = draw_scatter(rows_of(**found))
    figure.draw_without_rendering()
    (legend,), (axes,) = figure.legends, figure.axes
    texts = [text.get_text().replace("\n", "") for text in legend.get_texts()]
    assert texts == [" _a (3)", "b" * 50 + " (3)", "c (3)", "d (3)"]
    box = legend.get_window_extent()
    assert not axes.get_tightbbox().overlaps(box)
    assert box.x1 <= figure.bbox.x1
    sizes = [len(points.get_offsets()) for points in axes.collections]
    assert sizes.count(3) == 4
    assert axes.collections[-1].get_offsets().tolist() == [pytest.approx([0.1, 0.2])]  # a mean
