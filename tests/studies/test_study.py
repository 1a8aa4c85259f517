"""Studies, and sweeps read from text."""

import pytest

from impasto.errors import OptionError
from impasto.recipes.recipe import Recipe
from impasto.studies.study import STUDIES, Study, parse_sweep


def test_every_named_study_has_valid_cells():
    for study in STUDIES.values():
        assert len(study.cells) >= 2
    figure = STUDIES["gatys2015"]
    assert len(figure.cells) == 20
    assert [len(layers) for layers in figure.rows.values] == [1, 2, 3, 4, 5]
    assert figure.columns.values == pytest.approx([0.01, 0.1, 1, 10])
    ratios = ["0.01 (α/β = 1e-5)", "0.1 (α/β = 1e-4)", "1 (α/β = 1e-3)", "10 (α/β = 1e-2)"]
    assert list(figure.columns.names) == ratios


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("style-weight", "A sweep is"),
        ("style-weight=", "A sweep is"),
        ("stile-weight=1", "Did you mean 'style-weight'"),
        ("style-weight=much", "float"),
    ],
)
def test_an_invalid_sweep_is_refused(text, message):
    with pytest.raises(OptionError, match=message):
        parse_sweep(text)


def test_a_study_has_one_sweep_or_two():
    sweep = parse_sweep("tv-weight=1,2")
    with pytest.raises(OptionError, match="one entry or two"):
        Study(Recipe(), ())
    assert Study(Recipe(), (sweep,)).rows is None
