"""The program end to end: paint, rerun, demo, help and errors."""

import csv
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest
import torch
from PIL import Image

from helpers.sentences import check_told
from impasto import images
from impasto.cli.main import COMMANDS, run
from impasto.images.samples import PAIRS
from impasto.jobs.request_json import from_metadata

PAIR = PAIRS["tuebingen-starry-night"]
SMALL = ["--size", "96", "--smallest", "64", "--steps", "4", "--final-steps", "2"]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """A small photograph and a small painting."""
    folder = tmp_path_factory.mktemp("pictures")
    for name, source in (("photo.png", PAIR.content_path), ("painting.png", PAIR.style_path)):
        images.write(folder / name, images.read(source, long_side=128).tensor)
    return folder


def paint(pictures, output, *options):
    words = ["paint", str(pictures / "photo.png"), str(pictures / "painting.png")]
    return run([*words, "-o", str(output), *SMALL, *options])


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image)


def size(path):
    with Image.open(path) as image:
        return image.size


def test_paint_makes_a_picture_with_its_recipe(pictures, tmp_path, capsys):
    output = tmp_path / "new folder" / "out.png"
    assert paint(pictures, output, "--seed", "5") == 0
    assert size(output) == (96, 72)
    made = images.read_metadata(output)
    request = from_metadata(made)
    assert request.recipe.seed == 5
    assert request.content == str(pictures / "photo.png")
    told = capsys.readouterr()
    assert "96×72 px in" in told.out
    assert "GB of memory" in told.err
    assert list(output.parent.iterdir()) == [output]  # no checkpoint left behind


def test_painting_changes_the_picture_towards_the_style(pictures, tmp_path):
    output = tmp_path / "out.png"
    assert (
        paint(pictures, output, "--quiet", "--steps", "12", "--log", str(tmp_path / "l.csv")) == 0
    )
    content = images.read(pictures / "photo.png", long_side=96).tensor
    assert (images.read(output).tensor - content).abs().mean() > 0.02
    rows = list(csv.DictReader((tmp_path / "l.csv").read_text().splitlines()))
    last_stage = [row for row in rows if row["stage"] == rows[-1]["stage"]]
    assert float(last_stage[-1]["loss"]) < float(last_stage[0]["loss"])
    first, last = float(rows[0]["style.relu3_1"]), float(rows[-1]["style.relu3_1"])
    assert last < first


def test_same_seed_same_pixels(pictures, tmp_path):
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        options = ["--init", "noise", "--seed", seed, "--quiet"]
        assert paint(pictures, tmp_path / f"{name}.png", *options) == 0
    assert (pixels(tmp_path / "a.png") == pixels(tmp_path / "b.png")).all()
    assert (pixels(tmp_path / "a.png") != pixels(tmp_path / "c.png")).any()


def test_rerun_makes_the_same_picture(pictures, tmp_path, capsys):
    assert paint(pictures, tmp_path / "a.png", "--quiet", "--style-weight", "2") == 0
    assert (
        run(["rerun", "--trust", str(tmp_path / "a.png"), "-o", str(tmp_path / "b.png"), "--quiet"])
        == 0
    )
    assert (pixels(tmp_path / "a.png") == pixels(tmp_path / "b.png")).all()
    capsys.readouterr()
    assert run(["rerun", str(tmp_path / "b.png"), "--show"]) == 0
    assert "style_weight = 2.0" in capsys.readouterr().out


def test_a_recipe_can_be_a_file(pictures, tmp_path):
    (tmp_path / "mine.toml").write_text('style_loss = "gram"\noptimizer = "adam"\nseed = 3\n')
    output = tmp_path / "out.jpg"
    assert paint(pictures, output, "--quiet", "--recipe", str(tmp_path / "mine.toml")) == 0
    recipe = from_metadata(images.read_metadata(output)).recipe.to_toml()
    assert 'style_loss = "gram"' in recipe
    assert "size = 96" in recipe


def test_json_describes_the_result(pictures, tmp_path, capsys):
    output = tmp_path / "out.png"
    assert paint(pictures, output, "--json", "--snapshots", "2") == 0
    outcome = json.loads(capsys.readouterr().out)
    assert outcome["finished"] is True
    assert outcome["width"] == 96
    assert outcome["recipe"]["steps"] == 4
    assert len(outcome["snapshots"]) == 2
    assert set(outcome["losses"]) >= {"loss", "content.relu4_2", "style.relu1_1"}


def test_quiet_prints_nothing(pictures, tmp_path, capsys):
    assert paint(pictures, tmp_path / "out.png", "--quiet") == 0
    told = capsys.readouterr()
    assert told.out == told.err == ""


def test_snapshots_as_an_animation(pictures, tmp_path):
    film = tmp_path / "film.gif"
    options = ["--quiet", "--snapshots", "3", "--snapshots-to", str(film)]
    assert paint(pictures, tmp_path / "out.png", *options) == 0
    with Image.open(film) as animation:
        assert animation.n_frames == 3
        assert animation.size == (96, 72)


def test_alpha_is_kept(pictures, tmp_path):
    picture = images.read(pictures / "photo.png")
    alpha = torch.zeros(1, 1, *picture.size)
    alpha[..., :40] = 1
    images.write(tmp_path / "cut.png", picture.tensor, alpha=alpha)
    words = ["paint", str(tmp_path / "cut.png"), str(pictures / "painting.png"), "--quiet"]
    assert run([*words, "-o", str(tmp_path / "out.png"), *SMALL]) == 0
    opacity = pixels(tmp_path / "out.png")[..., 3]
    assert opacity[:, :25].min() == 255
    assert opacity[:, 40:].max() == 0


def test_two_styles_in_shares(pictures, tmp_path):
    painting = str(pictures / "painting.png")
    wave = str(PAIRS["lighthouse-great-wave"].style_path)
    content = str(pictures / "photo.png")
    made = {}
    for name, styles in (
        ("one", [painting]),
        ("mostly", [f"{painting}:0.9999", f"{wave}:0.0001"]),
        ("even", [f"{painting}:1", f"{wave}:1"]),
    ):
        output = tmp_path / f"{name}.png"
        assert run(["paint", content, *styles, "-o", str(output), "--quiet", *SMALL]) == 0
        made[name] = pixels(output).astype(float)
    near = np.abs(made["one"] - made["mostly"]).mean()
    far = np.abs(made["one"] - made["even"]).mean()
    assert near < 0.3 * far


WRONG = {
    "missing content": (["no.png", "S", "-o", "O"], "no.png"),
    "missing style": (["C", "no.png", "-o", "O"], "no.png"),
    "unknown extension": (["C", "S", "-o", "out.xyz"], ".png"),
    "unknown encoder": (["C", "S", "-o", "O", "--encoder", "vgg91"], "vgg19"),
    "unknown recipe": (["C", "S", "-o", "O", "--recipe", "gatys"], "gatys2015"),
    "unknown layer": (["C", "S", "-o", "O", "--style-layers", "relu9_1=1"], "relu1_1"),
    "negative weight": (["C", "S", "-o", "O", "--style-weight", "-1"], "--style-weight"),
    "nan weight": (["C", "S", "-o", "O", "--tv-weight", "nan"], "--tv-weight"),
    "no steps": (["C", "S", "-o", "O", "--steps", "-1"], "--steps"),
    "tiny size": (["C", "S", "-o", "O", "--size", "8"], "--size"),
    "weight zero": (["C", "S:0", "-o", "O"], "above 0"),
    "weights for some": (["C", "S:1", "S", "-o", "O"], "every style"),
    "missing init": (["C", "S", "-o", "O", "--init", "no.png"], "no.png"),
    "no snapshots": (["C", "S", "-o", "O", "--snapshots", "0"], "--snapshots"),
    "snapshots nowhere": (["C", "S", "-o", "O", "--snapshots-to", "x.gif"], "--snapshots"),
    "bomb": (["C", "S", "-o", "O", "--max-pixels", "100"], "--max-pixels"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_mistake_is_reported_in_one_sentence(case, pictures, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words, named = WRONG[case]
    places = {"C": pictures / "photo.png", "S": pictures / "painting.png", "O": "out.png"}
    words = [str(places.get(w, w)).replace("S:", f"{places['S']}:") for w in words]
    assert run(["paint", *words]) == 2
    check_told(capsys, named)
    assert not list(tmp_path.iterdir())


def test_a_broken_checkpoint_is_kept_and_reported_in_one_sentence(pictures, tmp_path, capsys):
    checkpoint = tmp_path / "out.png.checkpoint"
    checkpoint.write_bytes(b"broken")
    assert paint(pictures, tmp_path / "out.png", "--resume") == 2
    check_told(capsys, "start without --resume")
    assert list(tmp_path.iterdir()) == [checkpoint]


def test_an_invalid_number_names_the_flag(pictures, tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        paint(pictures, tmp_path / "out.png", "--style-weight", "much")
    assert stopped.value.code == 2
    assert "--style-weight" in capsys.readouterr().err


def test_an_older_picture_survives_a_mistake(pictures, tmp_path):
    output = tmp_path / "out.png"
    output.write_bytes(b"precious")
    assert paint(pictures, output, "--encoder", "nothing") == 2
    assert output.read_bytes() == b"precious"


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_an_example(command, capsys):
    with pytest.raises(SystemExit) as stopped:
        run([command, "-h"])
    assert stopped.value.code == 0
    assert f"impasto {command}" in capsys.readouterr().out


def test_help_is_quick_and_lists_the_commands():
    words = [sys.executable, "-m", "impasto", "-h"]
    seconds = []
    for _ in range(3):
        before = os.times()
        told = subprocess.run(words, capture_output=True, text=True, check=True).stdout
        # Of the processor, so that other work on the machine does not count.
        seconds.append(os.times().children_user - before.children_user)
    assert all(command in told for command in COMMANDS)
    assert min(seconds) < 0.5


def test_unknown_command(capsys):
    with pytest.raises(SystemExit) as stopped:
        run(["pant"])
    assert stopped.value.code == 2
    assert "paint" in capsys.readouterr().err


def test_an_interrupted_and_resumed_run_gives_the_same_picture(pictures, tmp_path):
    words = ["paint", str(pictures / "photo.png"), str(pictures / "painting.png")]
    options = ["--size", "160", "--smallest", "96", "--steps", "60", "--final-steps", "30"]
    whole, broken = tmp_path / "whole.png", tmp_path / "broken.png"
    assert run([*words, "-o", str(whole), *options, "--quiet"]) == 0

    command = [sys.executable, "-m", "impasto", *words, "-o", str(broken), *options]
    # As many threads as this process has here: sums are rounded in another order on more.
    own = {**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())}
    pipes = {"stderr": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "env": own}
    with subprocess.Popen(command, **pipes) as it:
        while "memory" not in it.stderr.readline():  # the plan: painting begins
            assert it.poll() is None
        process = psutil.Process(it.pid)  # by its own time: others may have the cores
        begun = sum(process.cpu_times()[:2])
        while it.poll() is None and sum(process.cpu_times()[:2]) < begun + 0.6:
            time.sleep(0.02)
        it.send_signal(signal.SIGINT)
        told, _ = it.communicate(timeout=60)
    assert it.returncode == 130
    assert "--resume" in told
    assert size(broken)[0] >= 96  # the best so far is saved
    assert (tmp_path / "broken.png.checkpoint").exists()

    assert run([*words, "-o", str(broken), *options, "--quiet", "--resume"]) == 0
    assert (pixels(broken) == pixels(whole)).all()
    assert not (tmp_path / "broken.png.checkpoint").exists()


def test_demo_paints_its_pairs_and_a_sheet(tmp_path, capsys):
    assert run(["demo", "-o", str(tmp_path), "--size", "64", "--quiet"]) == 0
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"contact-sheet.jpg", *(f"{name}.png" for name in PAIRS)}
    assert size(tmp_path / "contact-sheet.jpg")[0] > 600
    told = capsys.readouterr().out
    assert all(str(tmp_path / name) in told for name in names)
