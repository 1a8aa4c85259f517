"""``impasto stylize`` end to end: what a person types, and what they get."""

import shutil
import signal
import threading

import numpy as np
import pytest
import torch
from PIL import Image

import impasto
from helpers.pixels_of_files import pixels
from helpers.sentences import check_told
from helpers.tiny_networks import fixed_styles
from impasto import images
from impasto.cli.main import run
from impasto.colour.spaces import to_oklab
from impasto.images.samples import PAIRS
from impasto.jobs.request_json import from_metadata
from impasto.jobs.requests import StyleInput, StylizeRequest
from impasto.networks.files import save_network
from impasto.networks.model import IDENTITY

PAIR = PAIRS["tuebingen-starry-night"]
"""A photograph and a painting."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two small photographs, a painting, a broken picture, a model of two styles."""
    place = tmp_path_factory.mktemp("pictures")
    (place / "photos" / "more").mkdir(parents=True)
    small = images.read(PAIR.content_path, long_side=96).tensor
    images.write(place / "photos" / "a.png", small)
    images.write(place / "photos" / "more" / "b.jpg", small.flip(-1))
    images.write(place / "painting.png", images.read(PAIR.style_path, long_side=96).tensor)
    return place


def stylize(*words):
    return run(["stylize", *map(str, words), "--quiet"])


def test_a_picture_is_painted_with_how_it_was_made(folder, tmp_path, capsys):
    output = tmp_path / "new" / "out.png"
    words = [folder / "photos" / "a.png", "--style", folder / "painting.png", "-o", output]
    assert run(["stylize", *map(str, words)]) == 0
    assert pixels(output).shape == pixels(folder / "photos" / "a.png").shape
    request = from_metadata(images.read_metadata(output))
    assert request == StylizeRequest(
        str(folder / "photos" / "a.png"), (StyleInput(str(folder / "painting.png")),)
    )
    assert "painted in" in capsys.readouterr().out
    assert [path.name for path in output.parent.iterdir()] == ["out.png"]


def test_a_folder_keeps_its_names_and_broken_files_are_told_at_the_end(folder, tmp_path, capsys):
    photos = tmp_path / "photos"
    shutil.copytree(folder / "photos", photos)
    (photos / "broken.jpg").write_bytes(b"no picture")
    output = tmp_path / "out"
    assert stylize(photos, "--style", folder / "painting.png", "-o", output) == 2
    made = sorted(str(path.relative_to(output)) for path in output.rglob("*") if path.is_file())
    assert made == ["a.png", "more/b.jpg"]
    assert "broken.jpg" in capsys.readouterr().err


def test_what_is_painted_already_is_skipped_unless_asked_for(folder, tmp_path):
    words = [folder / "photos", "--style", folder / "painting.png", "-o", tmp_path / "out"]
    assert stylize(*words) == 0
    first, others = tmp_path / "out" / "a.png", list((tmp_path / "out").rglob("*.*"))
    before = {path: path.stat().st_mtime_ns for path in others}
    assert stylize(*words) == 0
    assert {path: path.stat().st_mtime_ns for path in others} == before
    first.write_bytes(b"mine")
    assert stylize(*words) == 2
    assert first.read_bytes() == b"mine"
    assert stylize(*words, "--overwrite") == 0
    assert pixels(first).shape[-1] == 3


def test_an_output_folder_inside_the_input_is_not_painted_again(folder, tmp_path):
    photos = tmp_path / "photos"
    shutil.copytree(folder / "photos", photos)
    words = [photos, "--style", folder / "painting.png", "-o", photos / "out"]
    assert stylize(*words) == 0
    assert stylize(*words) == 0
    assert len([path for path in (photos / "out").rglob("*") if path.is_file()]) == 2


def test_named_styles_mix_as_their_vectors(folder, tmp_path):
    model = fixed_styles("paint", "wave", "scream", IDENTITY)
    save_network(tmp_path / "two.safetensors", model, dtype=torch.float32)
    base = [folder / "photos" / "a.png", "--model", tmp_path / "two.safetensors"]
    base += ["--precision", "float32"]
    assert stylize(*base, "--style", "wave:0.3,scream:0.7", "-o", tmp_path / "mix.png") == 0
    mixed = 0.3 * model.styles["wave"] + 0.7 * model.styles["scream"]
    content = images.read(folder / "photos" / "a.png").tensor
    with torch.no_grad():
        expected = model.network(content, mixed[None])[0].permute(1, 2, 0).numpy()
    assert np.abs(pixels(tmp_path / "mix.png") - expected).max() < 0.51 / 255 + 1e-4


def test_strength_goes_from_the_photograph_to_the_style(folder, tmp_path):
    made = {}
    for strength in ("0", "0.5", "1"):
        output = tmp_path / f"{strength}.png"
        words = ["--style", folder / "painting.png", "--strength", strength, "-o", output]
        assert stylize(folder / "photos" / "a.png", *words) == 0
        made[strength] = pixels(output)
    whole = np.abs(made["1"] - made["0"]).mean()
    assert 0.1 * whole < np.abs(made["0.5"] - made["0"]).mean() < whole


def test_the_photographs_colours_are_kept(folder, tmp_path):
    output = tmp_path / "out.png"
    words = ["--style", folder / "painting.png", "--colour", "content", "-o", output]
    assert stylize(folder / "photos" / "a.png", *words) == 0
    now, before = (
        to_oklab(images.read(path).tensor)[:, 1:] for path in (output, folder / "photos" / "a.png")
    )
    assert float((now - before).abs().mean()) < 0.02


def test_a_region_has_its_own_style_and_a_kept_one_stays(folder, tmp_path):
    content = images.read(folder / "photos" / "a.png").tensor
    mask = torch.zeros_like(content)
    mask[..., : mask.shape[-1] // 2] = 1
    images.write(tmp_path / "left.png", mask)
    words = ["--style", folder / "painting.png", "-o", tmp_path / "out.png"]
    region = f"face={tmp_path / 'left.png'}"
    assert stylize(folder / "photos" / "a.png", *words, "--region", region) == 0
    made, left = images.read(tmp_path / "out.png").tensor, mask.shape[-1] // 2
    assert torch.equal(made[..., : left - 1], content[..., : left - 1])
    assert not torch.allclose(made[..., left + 1 :], content[..., left + 1 :], atol=0.05)


def test_a_saved_style_paints_as_its_picture(folder, tmp_path):
    saved = tmp_path / "style.safetensors"
    photo = folder / "photos" / "a.png"
    words = ["--style", folder / "painting.png", "--save-style", saved]
    assert stylize(photo, *words, "-o", tmp_path / "one.png") == 0
    assert stylize(photo, "--style", saved, "-o", tmp_path / "other.png") == 0
    assert np.array_equal(pixels(tmp_path / "one.png"), pixels(tmp_path / "other.png"))


def test_transparency_is_kept(folder, tmp_path):
    with Image.open(folder / "photos" / "a.png") as image:
        image.putalpha(Image.linear_gradient("L").resize(image.size))
        image.save(tmp_path / "clear.png")
    words = ["--style", folder / "painting.png", "-o", tmp_path / "out.png"]
    assert stylize(tmp_path / "clear.png", *words) == 0
    with Image.open(tmp_path / "out.png") as made, Image.open(tmp_path / "clear.png") as given:
        assert np.array_equal(np.asarray(made)[..., 3], np.asarray(given)[..., 3])


def test_the_python_call_paints_the_same(folder, tmp_path):
    words = ["--style", folder / "painting.png", "-o", tmp_path / "out.png"]
    assert stylize(folder / "photos" / "a.png", *words) == 0
    made = impasto.stylize(folder / "photos" / "a.png", folder / "painting.png")
    made.save(tmp_path / "again.png")
    assert np.array_equal(pixels(tmp_path / "out.png"), pixels(tmp_path / "again.png"))


def test_rerun_paints_it_again_from_its_file_alone(folder, tmp_path, capsys):
    words = ["--style", f"{folder / 'painting.png'}:2", f"{folder / 'photos' / 'more' / 'b.jpg'}:1"]
    words += ["--strength", "0.7", "--colour", "match", "--size", "80"]
    assert stylize(folder / "photos" / "a.png", *words, "-o", tmp_path / "one.png") == 0
    assert (
        run(["rerun", "--trust", str(tmp_path / "one.png"), "-o", str(tmp_path / "two.png")]) == 0
    )
    assert np.array_equal(pixels(tmp_path / "one.png"), pixels(tmp_path / "two.png"))
    capsys.readouterr()
    assert run(["rerun", str(tmp_path / "one.png"), "--show"]) == 0
    assert "--strength 0.7" in capsys.readouterr().out


def test_ctrl_c_stops_after_the_picture_in_hand(folder, tmp_path, monkeypatch):
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(4):
        shutil.copy(folder / "photos" / "a.png", photos / f"{number}.png")
    paint = impasto.Stylizer.paint

    def interrupted(*args, **options):
        signal.raise_signal(signal.SIGINT)
        return paint(*args, **options)

    assert threading.current_thread() is threading.main_thread()
    monkeypatch.setattr(impasto.Stylizer, "paint", interrupted)
    words = [photos, "--style", folder / "painting.png", "-o", tmp_path / "out"]
    assert stylize(*words) == 130
    assert len(list((tmp_path / "out").iterdir())) == 1
    monkeypatch.undo()
    assert stylize(*words) == 0
    assert len(list((tmp_path / "out").iterdir())) == 4


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--style", "rain"], "Unknown style 'rain'"),
        (["--style", "missing.jpg"], "missing.jpg"),
        (["--style", "PAINTING", "--strength", "2"], "0 to 1"),
        (["--style", "PAINTING", "--model", "nothing"], "Unknown model 'nothing'"),
        (["--style", "PAINTING", "--model", "compact.safetensors"], "compact.safetensors"),
        (["--style", "PAINTING:-1"], "above 0"),
        (["--style", "PAINTING", "--memory", "3kB"], "--memory"),
        (["--style", "PAINTING", "--quality", "0"], "1 to 100"),
        (["--style", "PAINTING", "--mask", "m.png"], "--style-mask"),
        (["--style", "PAINTING", "--save-style", "s.txt"], ".safetensors"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_gets_one_sentence(folder, tmp_path, capsys, options, told):
    words = [word.replace("PAINTING", str(folder / "painting.png")) for word in options]
    output = tmp_path / "out.png"
    assert stylize(folder / "photos" / "a.png", *words, "-o", output) == 2
    check_told(capsys, told)
    assert not output.exists()


@pytest.mark.parametrize(
    ("contents", "output", "told"),
    [
        (["photos/a.png"], "photos/a.png", "is read and would be replaced"),
        (["photos"], "out.png", "name a folder"),
        (["photos/a.png", "copy/a.png"], "out", "would both become"),
        (["empty"], "out", "holds no pictures"),
        (["photos/a.png"], "out.txt/x.xyz", "the extension '.xyz', which names no format"),
    ],
)
def test_places_that_cannot_be_written_to_are_told_first(folder, tmp_path, capsys, contents, output,
                                                         told):  # fmt: skip
    shutil.copytree(folder / "photos", tmp_path / "photos")
    shutil.copytree(folder / "photos", tmp_path / "copy")
    (tmp_path / "empty").mkdir()
    words = [tmp_path / content for content in contents]
    where = tmp_path / output
    code = stylize(*words, "--style", folder / "painting.png", "-o", where)
    assert code == 2
    assert told in capsys.readouterr().err
