"""Warnings and interruptions are printed as sentences; other packages add commands."""

import re

import pytest

from helpers.random_inputs import smooth_picture
from impasto import images
from impasto.cli import main
from impasto.cli.main import run


@pytest.mark.parametrize("function", ["_parser", "_built_in"])
def test_ctrl_c_at_the_very_start(function, capsys, monkeypatch):
    """While the parser is built, or just after."""

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(main, function, interrupted)
    assert run(["features", "a.png"]) == 130
    assert capsys.readouterr().err == "impasto: stopped.\n"


@pytest.fixture
def odd_profile(tmp_path, monkeypatch):
    """A picture with an invalid colour profile."""
    monkeypatch.chdir(tmp_path)
    images.to_pil(smooth_picture(48, 64, seed=1)).save("odd.png", icc_profile=b"nonsense")


@pytest.mark.usefixtures("odd_profile")
@pytest.mark.filterwarnings("default")
def test_a_warning_is_a_line_without_path_and_code(capsys):
    assert run(["inspect", "odd.png", "-o", "maps.png"]) == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("impasto: The colour profile in odd.png cannot be used and was ignored")


@pytest.mark.usefixtures("odd_profile")
@pytest.mark.filterwarnings("default")
def test_quiet_prints_no_warnings(capsys):
    assert run(["inspect", "odd.png", "-o", "maps.png", "--quiet"]) == 0
    printed = capsys.readouterr()
    assert printed.out == printed.err == ""


# --- commands of other packages -------------------------------------------------------------------


@pytest.fixture
def installed_package(tmp_path, monkeypatch):
    """An installed package that adds a command."""
    (tmp_path / "guest_command.py").write_text(
        "SUMMARY = 'count the letters of a name'\n"
        "def configure(parser):\n    parser.add_argument('name')\n"
        "def run(args):\n    print(len(args.name))\n    return 0\n"
    )
    info = tmp_path / "guest-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: guest\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[impasto.commands]\ncount = guest_command\n")
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.usefixtures("installed_package")
def test_a_package_adds_a_command(capsys):
    assert run(["count", "monet"]) == 0
    assert capsys.readouterr().out == "5\n"
    with pytest.raises(SystemExit):
        run(["-h"])
    assert re.search(r"count +from guest_command\n", capsys.readouterr().out)


@pytest.mark.usefixtures("installed_package")
def test_built_in_commands_do_not_search_packages(monkeypatch):
    monkeypatch.setattr(main, "_external_commands", None)
    with pytest.raises(SystemExit):
        run(["paint", "-h"])
