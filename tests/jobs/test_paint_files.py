"""``impasto paint``: the files of a run keep out of each other's way, and outlive Ctrl-C."""

import os
import signal
from dataclasses import replace

import pytest
import torch
from PIL import Image

from helpers.random_inputs import random_encoder, smooth_picture
from impasto import images
from impasto.cli.main import run
from impasto.encoders.files import save_encoder
from impasto.encoders.vgg import Architecture
from impasto.errors import ImageError
from impasto.images.picture import Picture
from impasto.jobs.checkpoints import load_checkpoint, save_checkpoint
from impasto.jobs.display import ProgressBar
from impasto.jobs.events import Progress
from impasto.objective.objective import Objective
from impasto.painting.painter import Painter
from impasto.painting.snapshots import FrameStore, Snapshots
from impasto.recipes.recipe import Recipe


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
    monkeypatch.setattr("impasto.cli.shared.run_to_file.run_request", None)  # never reached
    before = {path.name: path.read_bytes() for path in place.iterdir()}
    assert paint(*words) == 2
    assert sentence in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in place.iterdir()} == before


def test_a_side_that_the_format_has_no_room_for_is_told_before_painting(place, capsys, monkeypatch):
    webp = images.FORMATS[".webp"]
    monkeypatch.setitem(images.FORMATS, ".webp", replace(webp, max_side=63))
    monkeypatch.setattr(Painter, "__iter__", None)  # never reached
    assert paint("-o", "out.webp") == 2
    assert (
        "out.webp would be 64 × 48 pixels, but .webp allows at most 63 a side"
        in capsys.readouterr().err
    )


def test_texture_and_reconstruction_keep_what_they_read(place, capsys):
    small = [*OPTIONS[:2], "--quiet"]
    assert run(["texture", "painting.png", "-o", "painting.png", *small]) == 2
    layers = ["--layer", "relu2_1"]
    assert run(["reconstruct", "photo.png", "-o", "photo.png", *layers, *small]) == 2
    sentences = capsys.readouterr().err.splitlines()
    assert all("is read and would be replaced: name another -o." in told for told in sentences)


# --- what fails beside the picture ------------------------------------------------------------


def pixels_of(path):
    with Image.open(path) as picture:
        return picture.tobytes()


def test_an_animation_that_fails_costs_no_picture(place, capsys, monkeypatch):
    """And what it is made of is kept: it can be written elsewhere without painting again."""
    more = ["--snapshots", "4", "--snapshots-to"]
    save = Image.Image.save

    def fails(image, where, *rest, **options):
        if options.get("save_all"):
            raise RuntimeError("cannot encode this")
        save(image, where, *rest, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Image.Image, "save", fails)
        assert paint("-o", "out.png", *more, "growth.webp") == 2
    assert capsys.readouterr().err == (
        "impasto: out.png is saved, but growth.webp could not be written (cannot encode this): "
        "name a folder instead. --resume writes them again.\n"
    )
    assert images.read("out.png").size == (48, 64)
    before = pixels_of("out.png")
    monkeypatch.setattr(Objective, "gradient", None)  # never reached
    assert paint("-o", "out.png", *more, "growth.gif", "--resume") == 0
    assert frames_of("growth.gif") == 4
    assert pixels_of("out.png") == before
    assert not list(place.glob("*.checkpoint"))


def test_an_animation_without_room_is_told_before_painting(place, capsys, monkeypatch):
    webp = images.FORMATS[".webp"]
    monkeypatch.setitem(images.FORMATS, ".webp", replace(webp, max_side=63))
    monkeypatch.setattr(Painter, "__iter__", None)  # never reached
    assert paint("-o", "out.png", "--snapshots", "4", "--snapshots-to", "growth.webp") == 2
    assert (
        "growth.webp would be 64 × 48 pixels, but .webp allows at most 63"
        in capsys.readouterr().err
    )


@pytest.mark.parametrize("problem", [OSError(28, "No space left on device"), RuntimeError("full")])
def test_checkpoints_that_fail_cost_no_picture(place, capsys, monkeypatch, problem):
    """They are told of once, though each fails."""

    def fails(*_):
        raise problem

    monkeypatch.setattr("impasto.cli.shared.run_to_file.CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(torch, "save", fails)
    assert paint("-o", "out.png") == 0
    assert images.read("out.png").size == (48, 64)
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1
    assert told[0].startswith("impasto: out.png.checkpoint could not be written (")


def test_pictures_on_the_way_that_fail_cost_no_picture(place, capsys, monkeypatch):
    write = images.write

    def fails(path, *rest, **options):
        if "steps" in str(path):
            raise ImageError(f"{path} could not be written (full): free some space.")
        return write(path, *rest, **options)

    monkeypatch.setattr(images, "write", fails)
    assert paint("-o", "out.png", "--snapshots", "2") == 0
    assert images.read("out.png").size == (48, 64)
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_snapshots_have_the_alpha_and_the_recipe(place):
    alpha = torch.ones(1, 1, 48, 64)
    alpha[..., 32:] = 0
    images.write("cut.png", smooth_picture(48, 64, seed=5), alpha=alpha)
    assert paint("-o", "out.png", "--snapshots", "3", content="cut.png") == 0
    steps = sorted((place / "out-steps").iterdir())
    assert len(steps) == 3
    made = images.read_metadata("out.png")
    for path in steps:
        found = images.read(path).alpha
        assert found is not None
        assert found[..., : found.shape[-1] // 2 - 2].min() == 1
        assert found[..., found.shape[-1] // 2 + 2 :].max() == 0
        told = images.read_metadata(path)
        assert {told[key] == made[key] for key in ("request", "impasto")} == {True}
        assert path.name == f"step-{int(told['step']):05}.png"


# --- Ctrl-C and then --resume -----------------------------------------------------------------


def frames_of(path):
    with Image.open(path) as animation:
        return getattr(animation, "n_frames", 1)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_animation_goes_on_after_an_interruption(number, place, monkeypatch):
    show = ProgressBar.show

    def stop(bar, event):
        show(bar, event)
        if isinstance(event, Progress) and event.step == 5:
            os.kill(os.getpid(), number)

    more = ["--snapshots", "12", "--snapshots-to"]
    assert paint("-o", "whole.png", *more, "whole.webp") == 0
    with monkeypatch.context() as patch:
        patch.setattr(ProgressBar, "show", stop)
        assert paint("-o", "out.png", *more, "steps.webp") == 130
    assert 1 < frames_of("steps.webp") < frames_of("whole.webp")
    assert paint("-o", "out.png", *more, "steps.webp", "--resume") == 0
    assert (place / "steps.webp").read_bytes() == (place / "whole.webp").read_bytes()
    assert not list(place.glob("*.checkpoint"))


def test_reels_go_through_checkpoints(tmp_path, encoder):
    pictures = {n: images.to_pil(smooth_picture(20, 30, seed=n)) for n in (7, 3)}
    reel, other, empty = FrameStore(), FrameStore(), FrameStore()
    for number, picture in pictures.items():
        reel.add(number, picture)
    recipe = Recipe(size=64, scales=1, final_steps=2, content_layers={"relu4_1": 1.0})
    photo, style = (Picture(smooth_picture(48, 64, seed=seed)) for seed in (1, 2))
    painter = Painter(photo, [style], recipe, encoder=encoder)
    path = tmp_path / "a.checkpoint"
    save_checkpoint(path, painter, [], {"snapshots": reel})
    assert load_checkpoint(path, painter, {"snapshots": other, "report": empty}) == []
    assert other.steps == [3, 7]
    assert empty.steps == []
    for number, picture in pictures.items():
        assert other[number].tobytes() == picture.tobytes()


def test_a_folder_of_snapshots_has_no_reel(tmp_path, encoder):
    recipe = Recipe(size=64, scales=1, steps=2, final_steps=2, content_layers={"relu4_1": 1.0})
    photo, style = (Picture(smooth_picture(48, 64, seed=seed)) for seed in (1, 2))
    stages = Painter(photo, [style], recipe, encoder=encoder).stages
    snapshots = Snapshots(tmp_path / "steps", 2, stages)
    snapshots.take(2, photo.tensor)
    assert [path.name for path in snapshots.finish()] == ["step-00002.png"]
    assert snapshots.frames.steps == []
