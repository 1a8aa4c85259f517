"""Regions: reading, completing, and errors of one sentence from the command line."""

import numpy as np
import pytest
import torch
from PIL import Image

from helpers.random_inputs import smooth_picture
from impasto import images
from impasto.cli.main import run
from impasto.encoders.files import save_encoder
from impasto.errors import OptionError
from impasto.images.picture import Picture
from impasto.jobs.request_json import from_metadata
from impasto.painting.objective_builder import Style
from impasto.painting.painter import Painter
from impasto.recipes.recipe import Recipe
from impasto.regions.masks import parse_region
from impasto.regions.regions import REST, Region, complete, read_regions

SIZE = (64, 96)
LAYERS = "relu1_1=1,relu2_1=1,relu3_1=1"


def left(share=0.5, size=SIZE):
    """A mask (1, 1, H, W) of the left part."""
    mask = torch.zeros(1, 1, *size)
    mask[..., : round(share * size[1])] = 1
    return mask


def paint_mask(path, size=SIZE, level=255, columns=slice(0, 48)):
    grey = np.zeros(size, np.uint8)
    grey[:, columns] = level
    Image.fromarray(grey).save(path)


def paint_labels(path, size, *colours):
    """Upright stripes of flat colours."""
    labels = np.zeros((*size, 3), np.uint8)
    for index, colour in enumerate(colours):
        labels[:, round(index * size[1] / len(colours)) :] = colour
    Image.fromarray(labels).save(path)


RED, BLUE, GREEN = (255, 0, 0), (0, 0, 255), (0, 255, 0)


@pytest.fixture(scope="module")
def files(tmp_path_factory, encoder):
    """Pictures, masks and an encoder; the same for all tests, which only read them."""
    folder = tmp_path_factory.mktemp("regions")
    images.write(folder / "photo.png", smooth_picture(*SIZE, seed=1))
    images.write(folder / "a.png", smooth_picture(80, 72, seed=2))
    images.write(folder / "b.png", smooth_picture(64, 64, seed=3))
    save_encoder(folder / "tiny.safetensors", encoder, dtype=torch.float32)
    paint_mask(folder / "left.png")
    paint_mask(folder / "right.png", columns=slice(48, 96))
    paint_mask(folder / "grey.png", level=128)
    paint_mask(folder / "large.png", (128, 192), columns=slice(0, 96))
    paint_mask(folder / "black.png", level=0)
    paint_mask(folder / "square.png", (64, 64))
    paint_mask(folder / "part.png", (80, 72), columns=slice(0, 30))
    paint_labels(folder / "labels.png", SIZE, RED, BLUE)
    paint_labels(folder / "style-labels.png", (80, 72), BLUE, RED)
    paint_labels(folder / "three.png", SIZE, RED, BLUE, GREEN)
    paint_labels(folder / "square-labels.png", (64, 64), RED, BLUE)
    (folder / "text.png").write_text("not a picture")
    return folder


def texts(files, *regions):
    """Regions whose file names lie in the folder: ``name=mask[@style][:mask]``."""
    result = []
    for region in regions:
        for mark in "=@:":
            region = region.replace(mark, f"{mark}{files}/")
        result.append(region)
    return result


def read(files, *regions, **options):
    content = images.read(files / "photo.png")
    styles = [images.read(files / "a.png")]
    return read_regions(content, styles, regions=texts(files, *regions), **options)


# --- reading -------------------------------------------------------------------------------------


def test_no_regions(files):
    assert read(files) == ([], [])
    assert complete([], SIZE) == []


def test_uncovered_part_is_a_region(files):
    (sky, rest), notices = read(files, "sky=left.png@b.png")
    assert (sky.name, sky.keep, sky.style.size) == ("sky", False, (64, 64))
    assert (rest.name, rest.keep, rest.style, rest.style_mask) == (REST, False, None, None)
    assert torch.equal(sky.mask, left())
    assert torch.equal(rest.mask, 1 - left())
    assert notices == []


def test_no_region_for_an_empty_rest(files):
    regions, _ = read(files, "sky=left.png@b.png", "face=right.png")
    assert [(region.name, region.keep) for region in regions] == [("sky", False), ("face", True)]
    torch.testing.assert_close(regions[0].mask + regions[1].mask, torch.ones(1, 1, *SIZE))


def test_the_rest_has_the_rest_of_the_style(files):
    (sky, rest), _ = read(files, "sky=left.png:part.png")
    assert sky.style is None
    assert torch.equal(sky.style_mask, left(30 / 72, (80, 72)))
    assert torch.equal(rest.style_mask, 1 - sky.style_mask)


def test_soft_masks_sum_to_one(files):
    (sky, rest), _ = read(files, "sky=grey.png@b.png")
    assert float(sky.mask[..., 10].mean()) == pytest.approx(128 / 255)
    torch.testing.assert_close(sky.mask + rest.mask, torch.ones(1, 1, *SIZE))


def test_overlapping_regions_are_scaled():
    whole = torch.ones(1, 1, *SIZE)
    one, other = complete([Region("a", whole), Region("b", left())], SIZE)
    assert torch.equal(one.mask, 1 - left() / 2)
    assert torch.equal(other.mask, left() / 2)
    # Completed once more they are the same, as the painter does with what was read.
    assert all(
        torch.equal(first.mask, second.mask)
        for first, second in zip((one, other), complete([one, other], SIZE), strict=True)
    )


def test_feather_blurs_only_edges(files):
    (sky, rest), _ = read(files, "sky=left.png@b.png", blur=0.03)
    edge = sky.mask[0, 0, 0]
    assert (edge.diff() <= 1e-6).all()
    assert edge[:30].min() > 0.999
    assert edge[-30:].max() < 1e-3
    assert 0.3 < float(edge[46]) < 0.7 or 0.3 < float(edge[47]) < 0.7
    assert int(((edge > 0.05) & (edge < 0.95)).sum()) in range(6, 14)
    torch.testing.assert_close(sky.mask + rest.mask, torch.ones(1, 1, *SIZE))


def test_a_mask_of_another_size_is_resized(files):
    (sky, _), notices = read(files, "sky=large.png@b.png")
    assert sky.mask.shape == (1, 1, *SIZE)
    assert float(sky.mask.mean()) == pytest.approx(0.5, abs=0.01)
    assert notices == []


def test_label_pictures_name_regions_by_colour(files):
    content, style = images.read(files / "photo.png"), images.read(files / "a.png")
    regions, notices = read_regions(
        content, [style], mask=files / "labels.png", style_mask=files / "style-labels.png"
    )
    assert [region.name for region in regions] == ["#0000ff", "#ff0000"]
    blue, red = regions
    assert torch.equal(red.mask, left())
    assert torch.equal(blue.mask, 1 - left())
    # In the style picture they lie the other way round.
    assert torch.equal(blue.style_mask, left(size=(80, 72)))
    assert notices == []


@pytest.mark.parametrize(
    ("mask", "named"),
    [
        (torch.full((1, 1, *SIZE), float("nan")), "NaN"),
        (torch.full((1, 1, *SIZE), float("inf")), "infinite"),
        (torch.full((1, 1, *SIZE), -1.0), "down to -1"),
        (torch.zeros(1, 1, *SIZE), "zero everywhere"),
        (torch.ones(1, 1, 96, 64), "96×64 px"),
    ],
)
def test_invalid_masks_are_an_error(mask, named, encoder, content, style):
    recipe = Recipe(size=96, style_layers={"relu1_1": 1}, content_layers={"relu2_1": 1})
    with pytest.raises(OptionError, match=named):
        Painter(content, [style], recipe, regions=[Region("sky", mask)], encoder=encoder)


def test_invalid_style_masks_are_an_error(encoder, content, style):
    recipe = Recipe(size=96, style_layers={"relu1_1": 1}, content_layers={"relu2_1": 1})

    def paint(mask, count=1):
        region = Region("sky", left(), style_mask=mask)
        return Painter(content, [style] * count, recipe, regions=[region], encoder=encoder)

    assert paint(left(size=style.size))
    for mask in (
        torch.full((1, 1, *style.size), float("nan")),
        torch.zeros(1, 1, *style.size),
        torch.ones(1, 1, 30, 40),
    ):
        with pytest.raises(OptionError, match=r"NaN|zero everywhere|shape"):
            paint(mask)
    with pytest.raises(OptionError, match=r"sky has a mask of the style picture.* 2 styles"):
        paint(left(size=style.size), count=2)


def test_regions_need_an_encoder_with_a_geometry(content, style):
    with pytest.raises(OptionError, match="Regions need an encoder whose strides are known"):
        Painter(
            content, [style], Recipe(size=96), regions=[Region("sky", left())],
            encoder=lambda image, layers: dict.fromkeys(layers, image),
        )  # fmt: skip


def test_losses_are_named_after_regions(encoder, content, style, other_style):
    recipe = Recipe(size=96, style_layers={"relu1_1": 1}, content_layers={"relu2_1": 1})
    region = Region("sky", left(), Picture(other_style.tensor))
    painter = Painter(content, [Style(style)], recipe, regions=[region], encoder=encoder)
    step = next(iter(painter))
    styles = {"style.sky.relu1_1", "style.rest.relu1_1"}
    assert set(step.losses) == {"content.relu2_1", "structure", "pattern", "tv", *styles}


# --- the program ---------------------------------------------------------------------------------


def words(files, output, *options):
    return [
        "paint", str(files / "photo.png"), str(files / "a.png"), "-o", str(output),
        "--encoder", str(files / "tiny.safetensors"), "--precision", "float32", "--size", "96",
        "--scales", "2", "--steps", "8", "--final-steps", "4", "--style-layers", LAYERS,
        "--content-layers", "relu4_1=1", *options,
    ]  # fmt: skip


def test_label_pictures_from_the_command_line(files, tmp_path, capsys):
    def paint(name, *options):
        assert run(words(files, tmp_path / name, "--log", str(tmp_path / "l.csv"), *options)) == 0
        return images.read(tmp_path / name).tensor

    plain = paint("plain.png")
    masks = ["--mask", str(files / "labels.png"), "--style-mask", str(files / "style-labels.png")]
    guided = paint("guided.png", *masks)
    assert (guided - plain).abs().mean() > 0.01
    columns = (tmp_path / "l.csv").read_text().splitlines()[0]
    assert "style.#0000ff.relu1_1" in columns
    request = from_metadata(images.read_metadata(tmp_path / "guided.png"))
    assert request.mask == str(files / "labels.png")
    assert request.style_mask == str(files / "style-labels.png")
    capsys.readouterr()


def test_a_kept_region_from_the_command_line(files, tmp_path):
    output = tmp_path / "out.png"
    (face,) = texts(files, "face=left.png")
    assert run(words(files, output, "--region", face, "--quiet")) == 0
    painted, photo = (np.asarray(Image.open(path)) for path in (output, files / "photo.png"))
    assert (painted[:, :48] == photo[:, :48]).all()
    assert (painted[:, 48:] != photo[:, 48:]).mean() > 0.5
    assert from_metadata(images.read_metadata(output)).regions == (parse_region(face),)


def test_notices_are_printed_unless_quiet(files, tmp_path, capsys):
    paint_mask(files / "wide.png", (126, 192), columns=slice(0, 96))
    (region,) = texts(files, "sky=wide.png@b.png")
    assert run(words(files, tmp_path / "out.png", "--region", region)) == 0
    assert "it was stretched" in capsys.readouterr().err
    assert run(words(files, tmp_path / "out.png", "--region", region, "--quiet")) == 0
    assert capsys.readouterr().err == ""


WRONG = {
    "mask alone": (["--mask", "labels.png"], "--style-mask"),
    "style mask alone": (["--style-mask", "style-labels.png"], "--mask"),
    "mask and region": (
        ["--mask", "labels.png", "--style-mask", "style-labels.png", "--region", "a=left.png"],
        "not by both",
    ),
    "two styles and a mask": (
        ["--mask", "labels.png", "--style-mask", "style-labels.png", "--style", "b.png"],
        "one style picture",
    ),
    "colour in the photograph only": (
        ["--mask", "three.png", "--style-mask", "style-labels.png"],
        "#00ff00",
    ),
    "style labels of another aspect": (
        ["--mask", "labels.png", "--style-mask", "three.png"],
        "another shape",
    ),
    "another aspect": (
        ["--mask", "square-labels.png", "--style-mask", "style-labels.png"],
        "64×64",
    ),
    "region of another aspect": (["--region", "a=square.png@b.png"], "64×64"),
    "empty region": (["--region", "a=black.png@b.png"], "black everywhere"),
    "missing mask": (["--region", "a=none.png@b.png"], "none.png"),
    "missing style": (["--region", "a=left.png@none.png"], "none.png"),
    "mask that is no picture": (["--region", "a=text.png@b.png"], "text.png"),
    "two of a name": (["--region", "a=left.png", "--region", "a=right.png"], "name of its own"),
    "the name of the rest": (["--region", "rest=left.png"], "'rest'"),
    "no name": (["--region", "left.png"], "cannot be read"),
    "style mask of two styles": (
        ["--region", "a=left.png:part.png", "--style", "b.png"],
        "2 styles",
    ),
    "feather": (["--region", "a=left.png", "--feather", "2"], "--feather"),
    "strength": (["--strength", "2"], "--strength"),
    "strength below": (["--strength", "-0.5"], "--strength"),
    "strength nan": (["--strength", "nan"], "--strength"),
    "style scale": (["--style-scale", "0"], "--style-scale"),
    "one level": (["--style", "fine=b.png", "--only-fine"], "coarse"),
    "memory": (["--memory", "much"], "--memory"),
    "too little memory": (["--memory", "1MB"], "--memory"),
}


@pytest.mark.parametrize("case", WRONG)
def test_an_error_is_one_sentence_and_writes_no_picture(case, files, tmp_path, capsys, monkeypatch):
    options, named = WRONG[case]
    output = tmp_path / "out.png"
    line = words(files, output, *options)
    if "--only-fine" in line:  # then the common style is not there
        line = [word for word in line if word not in ("--only-fine", str(files / "a.png"))]
    monkeypatch.chdir(files)
    before = sorted(files.iterdir())
    assert run(line) == 2
    told = capsys.readouterr().err.strip()
    assert told.startswith("impasto: ")
    assert named in told
    assert "Traceback" not in told
    assert len(told.splitlines()) == 1
    assert not list(tmp_path.iterdir())
    assert sorted(files.iterdir()) == before


def test_colour_absent_from_the_photograph(files, tmp_path, capsys):
    paint_labels(tmp_path / "style-labels.png", (80, 72), RED, BLUE, GREEN)
    masks = [
        "--mask",
        str(files / "labels.png"),
        "--style-mask",
        str(tmp_path / "style-labels.png"),
    ]
    assert run(words(files, tmp_path / "out.png", *masks)) == 2
    output = capsys.readouterr().err
    assert "#00ff00" in output
    assert not (tmp_path / "out.png").exists()
