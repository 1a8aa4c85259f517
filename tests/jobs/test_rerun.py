"""``impasto rerun`` of strangers' pictures: they set what a picture looks like, nothing else."""

from __future__ import annotations

import json

import pytest

from helpers.metadata import paint_metadata, stylize_metadata
from helpers.random_inputs import smooth_picture
from helpers.sentences import check_told
from impasto import images
from impasto.cli.main import run


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    images.write("photo.png", smooth_picture(48, 64, seed=1))
    images.write("painting.png", smooth_picture(48, 48, seed=2))
    return tmp_path


def stranger(metadata):
    images.write("stranger.png", smooth_picture(8, 8, seed=3), metadata=metadata)


def files(place):
    return {path.name: path.read_bytes() for path in place.iterdir() if path.is_file()}


def test_it_says_what_it_reads(capsys):
    stranger(stylize_metadata("photo.png", {"painting.png": 1.0}, {"size": 64}))
    assert run(["rerun", "stranger.png", "-o", "again.png"]) == 0
    assert "impasto: reads photo.png, painting.png\n" in capsys.readouterr().err
    assert images.read("again.png").size == (48, 64)


def test_old_metadata_cannot_write_other_files(place, capsys):
    (place / "precious.safetensors").write_text("precious")
    options = {"save_style": "precious.safetensors", "overwrite": True, "strength": 0.5}
    told = {
        "content": "photo.png",
        "style": '{"painting.png": 1.0}',
        "stylize": json.dumps(options),
    }
    stranger(told)
    before = files(place)
    assert run(["rerun", "stranger.png", "-o", "again.png", "--quiet"]) == 0
    after = files(place)
    assert after.pop("again.png")
    assert after == before


def test_the_picture_that_is_read_is_never_replaced(place, capsys):
    for told in (
        stylize_metadata("photo.png", {"painting.png": 1.0}, {}),
        paint_metadata("photo.png", ["painting.png"]),
    ):
        stranger(told)
        before = files(place)
        for output in ("stranger.png", "./stranger.png", "photo.png", "painting.png"):
            assert run(["rerun", "stranger.png", "-o", output]) == 2
            check_told(capsys, "is read and would be replaced")
        assert files(place) == before


def test_nothing_is_fetched(monkeypatch, tmp_path, capsys):
    from impasto.recipes.recipe import Recipe

    monkeypatch.setenv("IMPASTO_CACHE", str(tmp_path / "cache"))
    stranger(paint_metadata("photo.png", ["painting.png"], recipe=Recipe(encoder="vgg19")))
    assert run(["rerun", "stranger.png", "-o", "again.png", "--quiet"]) == 2
    check_told(capsys, "fetch them with `impasto models fetch vgg19` first")


def test_control_characters_do_not_reach_the_terminal(capsys):
    stranger(stylize_metadata("a\x1b[2Jb.png", {"wave": 1.0}, {}))
    assert run(["rerun", "stranger.png", "--show"]) == 0
    assert "\x1b" not in capsys.readouterr().out


def test_nor_in_error_messages(capsys):
    stranger(paint_metadata("a\x1b]0;title\x07.jpg", ["painting.png"]))
    assert run(["rerun", "stranger.png", "-o", "again.png"]) == 2
    error = capsys.readouterr().err
    assert "There is no file a\\x1b]0;title\\x07.jpg" in error
    assert all(line.isprintable() for line in error.splitlines())


@pytest.mark.parametrize("told", [{"request": "{"}, {"stylize": "7"}, {"recipe": "size = 1"}])
def test_broken_requests_are_one_sentence(told, capsys):
    stranger(told)
    assert run(["rerun", "stranger.png", "-o", "again.png"]) == 2
    check_told(capsys, "has a request that cannot be used")


def test_the_request_as_a_command_and_as_a_program(place, capsys):
    stranger(paint_metadata("photo.png", ["painting.png"]))
    before = files(place)
    assert run(["rerun", "stranger.png", "--as", "command", "--size", "64"]) == 0
    command = capsys.readouterr().out
    assert command.startswith("impasto paint photo.png painting.png")
    assert "--size=64" in command
    assert command.endswith(" -o stranger-again.png\n")
    assert run(["rerun", "stranger.png", "--as", "python", "-o", "out.png"]) == 0
    program = capsys.readouterr().out
    assert "impasto.paint(" in program
    assert program.endswith("\nresult.save('out.png')\n")
    assert files(place) == before


def test_a_request_without_a_command_is_told(capsys):
    stranger(paint_metadata("photo\n.png", ["painting.png"]))
    assert run(["rerun", "stranger.png", "--as", "command"]) == 2
    check_told(capsys, "--as python")
