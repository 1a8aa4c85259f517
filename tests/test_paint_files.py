"""``impasto paint``: the files of a run keep out of each other's way, and outlive Ctrl-C."""

import os
import signal
from dataclasses import replace

import pytest
import torch
from PIL import Image

from conftest import random_encoder, smooth_picture
from impasto import images
from impasto.checkpoints import load_checkpoint, save_checkpoint
from impasto.cli.main import run
from impasto.cli.progress import PaintingBar
from impasto.encoder_files import save_encoder
from impasto.encoders import Architecture
from impasto.images import Picture
from impasto.painter import Painter
from impasto.recipes import Recipe
from impasto.snapshots import Reel, Snapshots


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder to be in: a photograph, a painting, a mask and a tiny encoder."""
    monkeypatch.chdir(tmp_path)
    for number, name in enumerate(("photo.png", "painting.png", "mask.png", "start.png")):
        images.write(tmp_path / name, smooth_picture(48, 64, seed=number))
    architecture = Architecture((4, 6, 8, 8, 8), (1, 1, 1, 1, 1), padding="reflect")
    save_encoder(tmp_path / "tiny.safetensors", random_encoder(architecture), dtype=torch.float32)
    return tmp_path


OPTIONS = [
    "--encoder", "tiny.safetensors", "--content-layers", "relu4_1", "--size", "64", "--scales", "2",
    "--steps", "6", "--final-steps", "6", "--memory", "2GB",
]  # fmt: skip


def paint(*words, content="photo.png"):
    return run(["paint", content, "painting.png", *words, *OPTIONS, "--quiet"])


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["-o", "photo.png"], "photo.png is read and would be replaced: name another -o."),
        (["-o", "painting.png"], "painting.png is read and would be replaced: name another -o."),
        (["-o", "mask.png", "--region", "sky=mask.png"], "mask.png is read and would be replaced"),
        (["-o", "start.png", "--init", "start.png"], "start.png is read and would be replaced"),
        (["-o", "out.png", "--log", "photo.png"], "would be replaced: name another --log."),
        (["-o", "out.png", "--log", "out.png"], "-o and --log name the same file out.png."),
        (["-o", "out.png", "--report", "./out.png"], "-o and --report name the same file out.png"),
        (["-o", "out.gif", "--snapshots", "2", "--snapshots-to", "out.gif"],
         "-o and --snapshots-to name the same file out.gif."),
        (["-o", "out.png", "--log", "a.html", "--report", "a.html"],
         "--log and --report name the same file a.html."),
        (["-o", "out.png", "--quality", "101"], "The quality is 101: choose 1 to 100."),
    ],
)  # fmt: skip
def test_no_file_takes_the_place_of_another(words, sentence, place, capsys, monkeypatch):
    monkeypatch.setattr("impasto.cli.paint.Painter", None)  # it is not come to
    before = {path.name: path.read_bytes() for path in place.iterdir()}
    assert paint(*words) == 2
    assert sentence in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in place.iterdir()} == before


def test_a_side_that_the_format_has_no_room_for_is_told_before_painting(place, capsys, monkeypatch):
    webp = images.FORMATS[".webp"]
    monkeypatch.setitem(images.FORMATS, ".webp", replace(webp, longest=63))
    monkeypatch.setattr(Painter, "__iter__", None)  # it is not come to
    assert paint("-o", "out.webp") == 2
    assert "out.webp would be 64 × 48 pixels and .webp holds 63 a side" in capsys.readouterr().err


def test_texture_and_reconstruction_keep_what_they_read(place, capsys):
    small = [*OPTIONS[:2], "--quiet"]
    assert run(["texture", "painting.png", "-o", "painting.png", *small]) == 2
    layers = ["--layer", "relu2_1"]
    assert run(["reconstruct", "photo.png", "-o", "photo.png", *layers, *small]) == 2
    sentences = capsys.readouterr().err.splitlines()
    assert all("is read and would be replaced: name another -o." in told for told in sentences)


# --- Ctrl-C and then --resume -----------------------------------------------------------------


def frames_of(path):
    with Image.open(path) as animation:
        return getattr(animation, "n_frames", 1)


def test_an_animation_goes_on_after_an_interruption(place, monkeypatch):
    show = PaintingBar.show

    def stop(bar, step):
        show(bar, step)
        if step.step == 5:
            os.kill(os.getpid(), signal.SIGINT)

    more = ["--snapshots", "12", "--snapshots-to"]
    assert paint("-o", "whole.png", *more, "whole.webp") == 0
    with monkeypatch.context() as patch:
        patch.setattr(PaintingBar, "show", stop)
        assert paint("-o", "out.png", *more, "steps.webp") == 130
    assert 1 < frames_of("steps.webp") < frames_of("whole.webp")
    assert paint("-o", "out.png", *more, "steps.webp", "--resume") == 0
    assert (place / "steps.webp").read_bytes() == (place / "whole.webp").read_bytes()
    assert not list(place.glob("*.checkpoint"))


def test_reels_go_through_checkpoints(tmp_path, encoder):
    pictures = {n: images.to_pil(smooth_picture(20, 30, seed=n)) for n in (7, 3)}
    reel, other, empty = Reel(), Reel(), Reel()
    for number, picture in pictures.items():
        reel.add(number, picture)
    recipe = Recipe(size=64, scales=1, final_steps=2, content_layers={"relu4_1": 1.0})
    photo, style = (Picture(smooth_picture(48, 64, seed=seed)) for seed in (1, 2))
    painter = Painter(photo, [style], recipe, encoder=encoder)
    path = tmp_path / "a.checkpoint"
    save_checkpoint(path, painter, [], {"snapshots": reel})
    assert load_checkpoint(path, painter, {"snapshots": other, "report": empty}) == []
    assert other.numbers == [3, 7]
    assert empty.numbers == []
    for number, picture in pictures.items():
        assert other[number].tobytes() == picture.tobytes()


def test_a_folder_of_snapshots_has_no_reel(tmp_path, encoder):
    recipe = Recipe(size=64, scales=1, steps=2, final_steps=2, content_layers={"relu4_1": 1.0})
    photo, style = (Picture(smooth_picture(48, 64, seed=seed)) for seed in (1, 2))
    stages = Painter(photo, [style], recipe, encoder=encoder).stages
    snapshots = Snapshots(tmp_path / "steps", 2, stages)
    snapshots.take(2, photo.tensor)
    assert [path.name for path in snapshots.finish()] == ["step-00002.png"]
    assert snapshots.reel.numbers == []
