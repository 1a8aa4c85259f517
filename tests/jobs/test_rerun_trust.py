"""Files elsewhere that a stranger's picture names: not touched unless they are trusted."""

import json

import pytest

from helpers.metadata import paint_metadata, stylize_metadata
from helpers.random_inputs import smooth_picture
from helpers.sentences import check_told
from helpers.touched import touched
from impasto import images
from impasto.cli.main import run
from impasto.images.samples import PAIRS
from impasto.jobs.requests import as_region_specs
from impasto.recipes.recipe import Recipe

NETWORK = [r"\\faraway\share\a.png", "//faraway/share/a.png", r"\\?\UNC\faraway\a.png"]
SMALL = {"size": 48}


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    images.write("photo.png", smooth_picture(48, 64, seed=1))
    images.write("painting.png", smooth_picture(48, 48, seed=2))
    images.write("../untold.png", smooth_picture(48, 48, seed=3))
    return tmp_path


def stranger(metadata):
    images.write("stranger.png", smooth_picture(8, 8, seed=3), metadata=metadata)


def again(*words):
    return run(["rerun", "stranger.png", "-o", "again.png", *words])


FILES = ["../untold.png", "{place}/untold.png", r"..\untold.png", "C:/untold.png", *NETWORK]
ENTRIES = ["content", "style", "mask", "region", "init", "encoder", "model"]
OLD_ENTRIES = ["old style", "old region"]  # of version 0.1.0


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("entry", ENTRIES + OLD_ENTRIES)
def test_it_is_neither_read_nor_looked_for(entry, name, place, capsys):
    name = name.format(place=place)
    if entry in ("encoder", "model"):
        name = name.replace(".png", ".safetensors")
    stranger(naming(entry, name))
    with touched() as names:
        assert again() == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "names files outside of this folder, and none has been read" in told
    assert "Add --trust" in told
    assert not elsewhere(names)
    assert not (place / "work" / "again.png").exists()


def elsewhere(names):
    """Those of the stranger's files among names that were touched.

    ``photo.png@NAME`` is a path below this folder: a region's text may be the name of a file.
    """
    theirs = [name for name in names if "untold" in name or "faraway" in name]
    return [name for name in theirs if not name.startswith("photo.png@")]


def naming(entry, name):
    """Metadata in which one entry names that file."""
    if entry == "content":
        return stylize_metadata(name, {"painting.png": 1.0}, SMALL)
    if entry == "style":
        return stylize_metadata("photo.png", {name: 1.0}, SMALL)
    if entry == "model":
        return stylize_metadata("photo.png", {"painting.png": 1.0}, SMALL | {"model": name})
    changes = {
        "mask": {"mask": name, "style_mask": "painting.png"},
        "region": {"regions": as_region_specs([f"sky=photo.png@{name}"])},
    }
    if entry in changes:
        return paint_metadata("photo.png", ["painting.png"], **changes[entry])
    if entry in OLD_ENTRIES:
        styles, regions = [name], []
        if entry == "old region":
            styles, regions = ["painting.png"], [f"sky=photo.png@{name}"]
        told = {"content": "photo.png", "recipe": Recipe(size=48).to_toml()}
        return told | {"style": json.dumps(styles), "regions": json.dumps(regions)}
    recipe = Recipe(**{entry: name})
    return paint_metadata("photo.png", ["painting.png"], recipe=recipe)


def test_trusted_files_are_listed_and_read(place, capsys):
    stranger(stylize_metadata("photo.png", {"../untold.png": 1.0}, SMALL))
    assert again("--trust") == 0
    assert "impasto: reads photo.png, ../untold.png\n" in capsys.readouterr().err
    assert images.read("again.png").size == (36, 48)


def test_they_are_listed_before_they_are_read(monkeypatch, capsys):
    stranger(stylize_metadata("photo.png", {"painting.png": 1.0}, SMALL))
    told = []
    monkeypatch.setattr(
        "impasto.cli.commands.rerun.stylize.run_one",
        lambda *_: told.append(capsys.readouterr().err) or 0,
    )
    assert again() == 0
    assert told == ["impasto: reads photo.png, painting.png\n"]


def test_trust_never_replaces_what_is_read(place, capsys):
    before = (place / "untold.png").read_bytes()
    stranger(stylize_metadata("photo.png", {"../untold.png": 1.0}, SMALL))
    words = ["rerun", "stranger.png", "--trust", "--overwrite", "-o", str(place / "untold.png")]
    assert run(words) == 2
    check_told(capsys, "is read and would be replaced")
    assert (place / "untold.png").read_bytes() == before


def test_files_given_in_their_place_need_no_trust(place):
    stranger(stylize_metadata("photo.png", {"../untold.png": 1.0}, SMALL))
    assert again("--style", str(place / "work" / "painting.png"), "--quiet") == 0


def test_samples_need_no_trust():
    pair = next(iter(PAIRS.values()))
    stranger(stylize_metadata(str(pair.content_path), {str(pair.style_path): 1.0}, SMALL))
    assert again("--quiet") == 0


@pytest.mark.parametrize("name", NETWORK)
def test_show_gallery_and_evaluation_do_not_touch_network_names(name, place, capsys):
    (place / "work" / "results").mkdir()
    for number, entry in enumerate(["content", "style", "region", *OLD_ENTRIES]):
        file = f"results/photo-painting-{number}.png"
        images.write(file, smooth_picture(48, 64, seed=4), metadata=naming(entry, name))
    references = ["--content", "photo.png", "--style", "painting.png", "--metrics", "tv"]
    with touched() as names:
        assert run(["rerun", "results/photo-painting-0.png", "--show"]) == 0
        assert run(["rerun", "results/photo-painting-4.png", "--show"]) == 0
        assert run(["gallery", "results"]) == 0
        run(["evaluate", "results", *references])
    capsys.readouterr()
    assert not elsewhere(names)
