"""What the program prints beside its results: sentences, and nothing of Python's own."""

import pytest

from helpers.random_inputs import smooth_picture
from impasto import images
from impasto.cli import main
from impasto.cli.main import run


@pytest.mark.parametrize("where", ["_parser", "_module"])
def test_ctrl_c_at_the_very_start(where, capsys, monkeypatch):
    """While the parser is made, which imports torch, or just after."""

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(main, where, interrupted)
    assert run(["features", "a.png"]) == 130
    assert capsys.readouterr().err == "impasto: stopped.\n"


@pytest.fixture
def odd(tmp_path, monkeypatch):
    """A picture with a colour profile that is none."""
    monkeypatch.chdir(tmp_path)
    images.to_pil(smooth_picture(48, 64, seed=1)).save("odd.png", icc_profile=b"nonsense")


@pytest.mark.usefixtures("odd")
@pytest.mark.filterwarnings("default")
def test_a_warning_is_a_line_without_path_and_code(capsys):
    assert run(["inspect", "odd.png", "-o", "maps.png"]) == 0
    (told,) = capsys.readouterr().err.splitlines()
    assert told.startswith("impasto: The colour profile in odd.png cannot be used and was ignored")


@pytest.mark.usefixtures("odd")
@pytest.mark.filterwarnings("default")
def test_quiet_tells_no_warnings(capsys):
    assert run(["inspect", "odd.png", "-o", "maps.png", "--quiet"]) == 0
    told = capsys.readouterr()
    assert told.out == told.err == ""
