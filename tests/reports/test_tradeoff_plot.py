"""Content loss against style loss."""

from impasto.reports.tradeoff_plot import Point, tradeoff_plot


def test_the_plot_is_drawn_of_any_losses():
    for values in ([(1, 1), (1, 1)], [(0, 0), (1e-9, 1e9)], [(0.1 * i, 1) for i in range(40)]):
        points = [Point(f"A{i}", 0, *value) for i, value in enumerate(values, 1)]
        drawn = tradeoff_plot(points)
        assert drawn.startswith("<svg")
        assert all(f">A{i}</text>" in drawn for i in range(1, len(values) + 1))
        assert drawn == tradeoff_plot(points)
