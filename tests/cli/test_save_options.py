"""``--depth`` and ``--metadata``, and unusual inputs and outputs, of all commands that paint."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import ExifTags, Image

from helpers.random_inputs import smooth_picture
from helpers.sentences import check_told
from impasto import images
from impasto.cli.main import run

FAST = ["--size", "64", "--steps", "1", "--final-steps", "1", "--quiet"]

COMMANDS = {
    "paint": ["paint", "photo.jpg", "painting.png", *FAST],
    "stylize": ["stylize", "photo.jpg", "--style", "painting.png", "--quiet"],
    "reconstruct": ["reconstruct", "photo.jpg", "--layer", "relu1_1", *FAST],
}
TEXTURE = ["texture", "painting.png", *FAST]


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.Artist] = "Anna"
    exif[ExifTags.IFD.GPSInfo] = {1: "N", 2: (52.0, 3.0, 1.0)}
    photo = images.to_pil(smooth_picture(40, 56, seed=1))
    photo.save("photo.jpg", exif=exif, dpi=(300, 300), quality=95)
    images.write("painting.png", smooth_picture(40, 48, seed=2))
    return tmp_path


def location(path: str) -> dict[int, object]:
    with Image.open(path) as image:
        return image.getexif().get_ifd(ExifTags.IFD.GPSInfo)


@pytest.mark.parametrize("command", COMMANDS)
def test_16_bits_with_the_photographs_metadata(command):
    for ending, keep in ((".tif", "keep"), (".png", "keep-location")):
        output = f"out{ending}"
        assert run([*COMMANDS[command], "-o", output, "--depth", "16", "--metadata", keep]) == 0
        picture = images.read(output)
        assert picture.size[0] > picture.size[1]  # upright
        assert picture.info.tags[ExifTags.Base.Artist] == "Anna"
        assert picture.info.dpi == pytest.approx((300, 300), abs=0.01)
        assert bool(location(output)) == (keep == "keep-location")
    stored = tifffile.imread("out.tif")
    assert stored.dtype == np.uint16
    assert len(np.unique(stored % 257)) > 100


def test_textures_of_16_bits():
    assert run([*TEXTURE, "-o", "out.tif", "--depth", "16"]) == 0
    assert tifffile.imread("out.tif").dtype == np.uint16


@pytest.mark.parametrize("command", [*COMMANDS, "texture"])
def test_formats_without_16_bits_are_refused_before_any_work(command, place, capsys):
    words = COMMANDS.get(command, TEXTURE)
    assert run([*words, "-o", "out.jpg", "--depth", "16"]) == 2
    check_told(capsys, "out.jpg would have --depth 16, but .jpg holds 8 bits: choose one of .png")
    assert not (place / "out.jpg").exists()


def test_rerun_saves_in_either_way(capsys):
    assert run([*COMMANDS["stylize"], "-o", "out.png"]) == 0
    words = ["rerun", "out.png", "-o", "again.tif", "--quiet"]
    assert run([*words, "--depth", "16", "--metadata", "keep"]) == 0
    assert tifffile.imread("again.tif").dtype == np.uint16
    assert images.read("again.tif").info.tags[ExifTags.Base.Artist] == "Anna"


@pytest.mark.parametrize("command", ["paint", "stylize"])
def test_a_picture_of_another_depth_is_not_the_one_asked_for(command, capsys):
    words = [*COMMANDS[command], "-o", "out.png"]
    assert run(words) == 0
    before = Path("out.png").read_bytes()
    assert run([*words, "--depth", "16"]) == 2
    check_told(capsys, "out.png exists already and was made in another way")
    assert Path("out.png").read_bytes() == before
    assert run([*words, "--depth", "16", "--overwrite"]) == 0
    deep = Path("out.png").read_bytes()
    assert run([*words, "--depth", "16"]) == 0
    assert run(words) == 2
    assert Path("out.png").read_bytes() == deep


# --- names of outputs -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("out.heic", "out.heic has the extension '.heic', which names no format: choose one of"),
        ("out.jxl", "out.jxl has the extension '.jxl'"),
        ("out.jpgg", "Did you mean out.jpg? If it is to be a folder, make the folder first."),
        ("out.tifff", "Did you mean out.tiff?"),
        ("-", "- is no file, and pictures are not written to standard output"),
    ],
)
def test_an_unknown_extension_is_no_folder(output, said, place, capsys):
    before = sorted(place.rglob("*"))
    assert run(["stylize", "photo.jpg", "--style", "painting.png", "-o", output]) == 2
    check_told(capsys, said)
    assert sorted(place.rglob("*")) == before


def test_snapshots_to_an_unknown_extension(place, capsys):
    for name in ("growth.mov", "growth.webmm", "growth.tif"):
        words = [*COMMANDS["paint"], "-o", "out.png", "--snapshots", "1", "--snapshots-to", name]
        assert run(words) == 2
        check_told(
            capsys,
            f"{name} names neither a folder nor an animation: give a folder, or a file that ends "
            "in .gif, .webp, .png or .mp4.",
        )
        assert not (place / name).exists()


def test_folders_may_have_points_in_their_names(place):
    (place / "made.jpgs").mkdir()
    for folder in ("2026.05", "v1.2", "made.jpgs"):
        assert (
            run(["stylize", "photo.jpg", "--style", "painting.png", "-o", folder, "--quiet"]) == 0
        )
        assert (place / folder / "photo.jpg").exists()


# --- folders --------------------------------------------------------------------------------------


def test_all_formats_of_a_folder_are_painted_and_the_rest_is_told(place, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    folder = place / "in"
    folder.mkdir()
    picture = images.to_pil(smooth_picture(32, 40, seed=3))
    for name in ("a.jpg", "b.jfif", "c.avif", "e.jp2", "f.tga", "g.ppm", ".hidden.png"):
        picture.save(folder / name)
    (folder / "__MACOSX").mkdir()
    shutil.copy(folder / "a.jpg", folder / "__MACOSX" / "a.jpg")
    (folder / "._a.jpg").write_bytes(b"\x00\x05\x16\x07")
    for name in ("d.HEIC", "h.mp4", "notes.txt"):
        (folder / name).write_bytes(b"...")
    assert run(["stylize", "in", "--style", "painting.png", "-o", "out"]) == 2
    assert sorted(path.name for path in (place / "out").iterdir()) == [
        "a.jpg", "b.png", "c.png", "e.png", "f.png", "g.png"
    ]  # fmt: skip
    told = capsys.readouterr()
    assert "6 pictures painted" in told.out
    assert told.err.strip().endswith(
        "in/d.HEIC is not read: pip install '.[heic]' in the clone, or save as PNG."
    )
    assert "mp4" not in told.err


# --- masks ----------------------------------------------------------------------------------------


def test_a_mask_with_transparency(capsys):
    """White on a transparent ground is a mask of what is white, as image editors save it."""
    paint = ["paint", "painting.png", "photo.jpg", *FAST, "--region"]
    mask = np.zeros((40, 48, 4), np.uint8)
    mask[:20] = 255
    mask[20:, :, :3] = 255  # white, but invisible
    Image.fromarray(mask).save("alpha.png")
    Image.fromarray(mask[..., 3]).save("grey.png")
    for name in ("alpha", "grey"):
        assert run([*paint, f"sky={name}.png", "-o", f"{name}-out.png"]) == 0
    one, other = (images.read(f"{name}-out.png").tensor for name in ("alpha", "grey"))
    assert (one - other).abs().max() == 0
    mask[..., :3] = 0
    Image.fromarray(mask).save("black.png")
    assert run([*paint, "sky=black.png", "-o", "out.png"]) == 2
    check_told(capsys, "The mask black.png is black wherever it is visible: paint its region white")


def test_a_mask_that_is_white_everywhere_is_told(capsys):
    Image.new("L", (48, 40), 255).save("white.png")
    words = [word for word in COMMANDS["paint"] if word != "--quiet"]
    words[1:3] = ["painting.png", "photo.jpg"]
    assert run([*words, "--region", "sky=white.png", "-o", "out.png"]) == 0
    told = "The mask white.png is white everywhere: its region is the whole picture."
    assert told in capsys.readouterr().err
