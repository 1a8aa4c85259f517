"""What a result was painted from: by its metadata, or by its name."""

from pathlib import Path

import pytest

from helpers.metadata import paint_metadata, stylize_metadata
from helpers.random_inputs import smooth_picture
from impasto.errors import ImageError, InputDataError
from impasto.evaluation.matching import (
    PictureIndex,
    find_references,
    picture_files,
    resize_to_result,
)
from impasto.images.picture import Picture
from impasto.jobs.provenance import Provenance, read_provenance

# --- What a file says of itself -------------------------------------------------------------------


def test_the_origin_of_a_painting_is_read_back():
    metadata = paint_metadata("photos/a.jpg", ["b.jpg", "c d.png"], [0.7, 0.3], ["coarse", ""])
    expected = (("b.jpg", 0.7), ("c d.png", 0.3))
    assert read_provenance(metadata) == Provenance("photos/a.jpg", expected)
    of_version_0_1_0 = {"content": "a.jpg", "style": '["fine=b:1.jpg", "c.jpg:0.3"]'}
    expected = (("b:1.jpg", 1), ("c.jpg", 0.3))
    assert read_provenance(of_version_0_1_0) == Provenance("a.jpg", expected)


def test_the_origin_of_a_one_pass_picture_is_read_back():
    metadata = stylize_metadata("a.jpg", {"wave": 1.0, "b.jpg:2": 0.5}, {}) | {"seconds": "1.25"}
    assert read_provenance(metadata) == Provenance("a.jpg", (("wave", 1.0), ("b.jpg:2", 0.5)), 1.25)


@pytest.mark.parametrize(
    "metadata",
    [
        {}, {"style": "not JSON"}, {"style": "7"}, {"style": "[1, 2]"}, {"style": '{"a": "b"}'},
        {"style": "[" * 10**5}, {"seconds": "soon"}, {"seconds": "nan"}, {"seconds": "-1"},
        {"style": '{"a": true}'},
    ],
)  # fmt: skip
def test_what_has_another_form_is_not_told(metadata):
    assert read_provenance(metadata) == Provenance()


# --- Matching -------------------------------------------------------------------------------------


def index_of(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return PictureIndex(folder)


@pytest.fixture
def indexes(tmp_path):
    """Contents and styles, of which two have a - in their name."""
    contents = index_of(tmp_path / "photos", "cat.jpg", "old-town.png", "trip/cat-nap.jpg")
    return contents, index_of(tmp_path / "paintings", "wave.jpg", "night-sky.jpg")


def stems(found):
    return found.content.stem, found.style.stem


def painted_from(content, *styles):
    return paint_metadata(content, list(styles))


@pytest.mark.parametrize(
    ("name", "metadata", "expected"),
    [
        ("x.png", painted_from("somewhere/cat.jpg", "else/wave.jpg"), ("cat", "wave")),
        ("x.png", painted_from("cat.tif", "wave"), ("cat", "wave")),
        ("x.png", painted_from("C:\\pictures\\cat.jpg", "wave.jpg"), ("cat", "wave")),
        (
            "x.png",
            stylize_metadata("cat-nap.jpg", {"night-sky": 1.0}, {}),
            ("cat-nap", "night-sky"),
        ),
        ("cat-wave.png", {}, ("cat", "wave")),
        ("old-town-night-sky.jpg", {}, ("old-town", "night-sky")),
        ("cat-wave.png", painted_from("gone.jpg", "gone.jpg"), ("cat", "wave")),
        ("cat-wave.png", painted_from("old-town.png", "night-sky.jpg"), ("old-town", "night-sky")),
    ],
)
def test_a_result_finds_its_content_and_style(name, metadata, expected, indexes):
    assert stems(find_references(Path(name), metadata, *indexes)) == expected


@pytest.mark.parametrize(
    ("name", "metadata", "words"),
    [
        ("x.png", {}, "does not say what it was painted from"),
        ("cat.png", {}, "neither CONTENT-STYLE nor"),  # with two styles it could be either
        ("x.png", painted_from("dog.jpg", "wave.jpg"), "painted from dog.jpg, which is not in"),
        (
            "x.png",
            painted_from("cat.jpg", "fog.jpg"),
            "in the style of fog.jpg, which is not in",
        ),
        ("x.png", {"content": "cat.jpg"}, "does not say which style"),
        ("x.png", {"style": '["wave.jpg"]'}, "does not say what it was painted from"),
        ("x.png", painted_from("cat.jpg", "wave.jpg", "fog.jpg"), "mixes 2 styles (wave.jpg, fog"),
    ],
)
def test_a_result_without_a_match_gets_a_reason(name, metadata, words, indexes):
    with pytest.raises(InputDataError) as caught:
        find_references(Path(name), metadata, *indexes)
    assert words in str(caught.value)
    assert str(caught.value).startswith(name)


def test_one_name_for_two_pictures(tmp_path):
    contents = index_of(tmp_path / "photos", "cat.jpg", "other/cat.jpg", "dog.jpg", "dog.png")
    styles = index_of(tmp_path / "paintings", "wave.jpg")
    for metadata in (painted_from("cat.jpg", "wave.jpg"), painted_from("dog.tif", "wave.jpg")):
        with pytest.raises(InputDataError, match="rename one of them"):
            find_references(Path("x.png"), metadata, contents, styles)
    exactly = painted_from(str(tmp_path / "photos/other/cat.jpg"), "wave.jpg")
    found = find_references(Path("x.png"), exactly, contents, styles)
    assert found.content == tmp_path / "photos/other/cat.jpg"
    assert (
        stems(find_references(Path("x"), painted_from("dog.png", "wave.jpg"), contents, styles))[0]
        == "dog"
    )


def test_a_name_that_could_be_two_pairs(tmp_path):
    contents = index_of(tmp_path / "photos", "a.jpg", "a-b.jpg")
    styles = index_of(tmp_path / "paintings", "b-c.jpg", "c.jpg")
    with pytest.raises(InputDataError, match=r"named after a.jpg and b-c.jpg or after a-b.jpg and"):
        find_references(Path("a-b-c.png"), {}, contents, styles)


def test_single_contents_and_styles(tmp_path, indexes):
    contents, styles = indexes
    wave, cat = PictureIndex(styles.find("wave.jpg")), PictureIndex(contents.find("cat.jpg"))
    assert stems(find_references(Path("cat-nap.png"), {}, contents, wave)) == ("cat-nap", "wave")
    assert stems(find_references(Path("night-sky.png"), {}, cat, styles)) == ("cat", "night-sky")
    assert stems(find_references(Path("anything.png"), {}, cat, wave)) == ("cat", "wave")
    with pytest.raises(InputDataError, match=r"which is not .*cat\.jpg"):
        find_references(Path("x.png"), painted_from("dog.jpg", "wave.jpg"), cat, wave)


def test_an_index_needs_pictures(tmp_path):
    (tmp_path / "notes.txt").write_text("none")
    for place, words in ((tmp_path, "holds no pictures"), (tmp_path / "no", "no folder or file")):
        with pytest.raises(InputDataError, match=words):
            PictureIndex(place)
    assert picture_files(tmp_path / "notes.txt") == [tmp_path / "notes.txt"]  # its reader complains


def test_a_content_is_resized_to_its_result():
    content = Picture(smooth_picture(60, 90, seed=1), path=Path("photo.png"))
    assert resize_to_result(content, (40, 60)).size == (40, 60)
    assert resize_to_result(content, (41, 60)).size == (41, 60)  # a rounded side
    assert resize_to_result(content, (208, 304)).size == (208, 304)
    for size in ((60, 40), (44, 60), (60, 60)):
        with pytest.raises(ImageError, match="was not painted from the other"):
            resize_to_result(content, size)
