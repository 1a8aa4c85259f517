"""``impasto inspect``."""

import pytest
from PIL import Image

from impasto import images
from impasto.cli.main import run
from impasto.images.samples import PAIRS


def inspect(tmp_path, *words):
    photo = tmp_path / "photo.png"
    if not photo.exists():
        source = PAIRS["tuebingen-starry-night"].content_path
        images.write(photo, images.read(source, long_side=64).tensor)
    return run(["inspect", str(photo), "-o", str(tmp_path / "out.png"), "--quiet", *words])


def test_the_program_makes_a_sheet_of_each_kind(tmp_path):
    sizes = set()
    for words in (
        # First, since a sheet that is there already is one of the folder's pictures.
        ["--channel", "5", "--steps", "2", "--folder", str(tmp_path), "--count", "2"],
        ["--count", "3"],
        ["--against", str(tmp_path / "photo.png")],
    ):
        assert inspect(tmp_path, *words) == 0
        with Image.open(tmp_path / "out.png") as sheet:
            assert sheet.getextrema() != ((250, 250), (249, 249), (246, 246))
            sizes.add(sheet.size)
    assert len(sizes) == 3


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--layer", "relu9_1"], "relu9_1"),
        (["--channel", "64"], "0 to 63"),
        (["--folder", "."], "--channel"),
        (["--channel", "1", "--against", "x.png"], "--against"),
        (["--count", "0"], "--count"),
        (["--channel", "1", "--steps", "1", "--folder", "nowhere"], "nowhere"),
    ],
)
def test_a_mistake_gets_one_sentence(tmp_path, capsys, words, message):
    assert inspect(tmp_path, *words) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out.png").exists()
