"""Controls: what each does to the picture, measured on the picture."""

import itertools
import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import impasto
from conftest import smooth_picture
from impasto import images, memory
from impasto.areas import Area
from impasto.checkpoints import load_checkpoint, save_checkpoint
from impasto.cli.main import run
from impasto.colour import METHODS, SPACES, to_oklab
from impasto.encoder_files import save_encoder
from impasto.encoders import Encoder
from impasto.errors import InputDataError, OptionError
from impasto.goals import COARSE, FINE, Goal, Style
from impasto.images import Picture
from impasto.losses.means import gram_matrix
from impasto.masks import MODES, layer_masks
from impasto.memory import parse_bytes
from impasto.models import open_encoder
from impasto.objective import Objective, TiledObjective
from impasto.painter import Painter
from impasto.recipes import Recipe
from impasto.samples import PAIRS

SIZE = (64, 96)
LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")

FAST = Recipe(
    size=96,
    scales=2,
    steps=15,
    final_steps=10,
    style_layers=dict.fromkeys(LAYERS, 0.25),
    content_layers={"relu4_1": 1.0},
    content_weight=0.01,
    tv_weight=0.0,
)


def stripes(size, period, upright, dark, bright):
    """A picture of sine stripes between two colours."""
    axis = torch.arange(size[1 if upright else 0]) * (2 * math.pi / period)
    wave = (axis.sin() + 1) / 2
    plane = wave.expand(size) if upright else wave[:, None].expand(size)
    ends = torch.tensor([dark, bright]).view(2, 3, 1, 1)
    return Picture(torch.lerp(ends[:1], ends[1:], plane))


WARM = stripes((72, 80), 6, upright=True, dark=(0.5, 0.1, 0.0), bright=(1.0, 0.8, 0.3))
COLD = stripes((80, 64), 10, upright=False, dark=(0.0, 0.1, 0.4), bright=(0.5, 0.8, 0.9))


def left(size=SIZE):
    """A mask of the left half."""
    mask = torch.zeros(1, 1, *size)
    mask[..., : size[1] // 2] = 1
    return mask


def finish(painter):
    for _ in painter:
        pass
    return painter.picture


@pytest.fixture
def paint(encoder, content):
    """The finished picture of one or more styles, with areas and changes to the recipe."""

    def paint(styles, areas=(), **changes):
        recipe = FAST.replace(**changes)
        return finish(Painter(content, styles, recipe, areas=areas, encoder=encoder))

    return paint


def gram_distances(encoder, picture, style, maps=None):
    """Layer → the distance of Gram matrices, in units of the style's."""
    ours, theirs = encoder(picture, LAYERS), encoder(style, LAYERS)
    found = {}
    for layer in LAYERS:
        target = gram_matrix(theirs[layer], None)
        gram = gram_matrix(ours[layer], None if maps is None else maps[layer])
        found[layer] = float((gram - target).norm() / target.norm())
    return found


def total(distances):
    return sum(distances.values())


# --- where ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_each_region_is_painted_after_its_own_style(encoder, paint, mode):
    picture = paint([COLD], [Area("sun", left(), WARM)], mask_mode=mode)
    for where, own, other in ((left(), WARM, COLD), (1 - left(), COLD, WARM)):
        maps = layer_masks(where, encoder, LAYERS, mode)
        near = gram_distances(encoder, picture, own.tensor, maps)
        far = gram_distances(encoder, picture, other.tensor, maps)
        assert all(near[layer] < 0.6 * far[layer] for layer in LAYERS)


def test_a_region_is_painted_after_its_part_of_the_style(encoder, paint):
    """One style picture, warm above and cold below; the photograph's left is to be warm."""
    both = torch.cat([WARM.tensor[..., :40, :64], COLD.tensor[..., :40, :]], dim=2)
    above = torch.zeros(1, 1, 80, 64)
    above[..., :40, :] = 1
    areas = [Area("a", left(), style_where=above), Area("b", 1 - left(), style_where=1 - above)]
    picture = paint([Picture(both)], areas)
    red, blue = (picture[0, 0] - picture[0, 2]).split(48, dim=1)
    assert red.mean() > 0.15
    assert blue.mean() < -0.05


@pytest.mark.parametrize("colour", ["style", "content", "luminance", "match"])
def test_a_kept_region_is_the_photograph(paint, content, colour):
    picture = paint([WARM], [Area("face", left(), keep=True)], colour=colour, steps=3)
    assert torch.equal(picture[..., :48], content.tensor[..., :48])
    assert (picture - content.tensor)[..., 48:].abs().mean() > 0.02


def test_soft_masks_blend(encoder, content):
    ramp = torch.linspace(0, 1, 96).expand(1, 1, *SIZE).contiguous()
    painter = Painter(content, [WARM], FAST, areas=[Area("face", ramp, keep=True)], encoder=encoder)
    picture = finish(painter)
    blend = ramp * content.tensor + (1 - ramp) * painter.image
    torch.testing.assert_close(picture, blend, atol=1e-5, rtol=0)
    away = (picture - content.tensor).abs().mean((0, 1, 2))
    assert away[:24].mean() > away[24:72].mean() > away[72:].mean()


def test_everything_kept_is_the_photograph(paint, content):
    picture = paint([WARM], [Area("all", torch.ones(1, 1, *SIZE), keep=True)], tv_weight=1.0)
    torch.testing.assert_close(picture, content.tensor, atol=1e-6, rtol=0)


def test_a_region_weighs_the_same_large_or_small(encoder, content):
    """Its loss is that of its mean, not of its sum."""
    narrow = torch.zeros(1, 1, *SIZE)
    narrow[..., :16] = 1
    flat = Picture(torch.full((1, 3, *SIZE), 0.4))
    found = []
    for where in (narrow, left()):
        areas = [Area("a", where, WARM), Area("b", 1 - where, WARM)]
        goal = Goal(flat, [Style(WARM)], FAST, encoder, areas=areas)
        found.append(goal.objective(SIZE).gradient(flat.tensor)[0])
    # But for what reflection at the border does to a flat picture: nothing.
    assert found[0] == pytest.approx(found[1], rel=1e-3)


# --- whose colours -------------------------------------------------------------------------------


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("colour", ["content", "luminance"])
def test_the_contents_chroma_is_kept(paint, content, colour, space):
    picture = paint([WARM], colour=colour, colour_space=space)
    chosen = SPACES[space]
    ours, theirs = chosen.to(picture), chosen.to(content.tensor)
    wished = chosen.back(torch.cat([ours[:, :1], theirs[:, 1:]], dim=1))
    inside = ((wished > 1e-3) & (wished < 1 - 1e-3)).all(1)[0]
    assert inside.float().mean() > 0.4
    chroma = ((ours - theirs)[0, 1:] / chosen.white)[:, inside]
    assert chroma.abs().max() < 1e-3
    assert ((ours - theirs)[0, 0] / chosen.white)[inside].abs().mean() > 0.02
    # Where sRGB has not such a colour it is a greyer one, never a more colourful one.
    saturation = ours[:, 1:].norm(dim=1), theirs[:, 1:].norm(dim=1)
    assert ((saturation[0] - saturation[1]) / chosen.white).max() < 1e-3


def test_full_style_colours_have_not_the_contents_chroma(paint, content):
    """The test above can fail."""
    ours, theirs = to_oklab(paint([WARM])), to_oklab(content.tensor)
    assert (ours - theirs)[:, 1:].abs().mean() > 0.03


def test_luminance_is_painted_in_greys(encoder, content, tmp_path):
    images.write(tmp_path / "start.png", WARM.tensor)
    for init in ("content", "noise", "noisy-content", str(tmp_path / "start.png")):
        recipe = FAST.replace(colour="luminance", init=init)
        first = Painter(content, [WARM], recipe, encoder=encoder).image
        assert (first - first.mean(1, keepdim=True)).abs().max() < 1e-3


@pytest.fixture(scope="module")
def sample():
    """A photograph, a painting, and the encoder that comes with the program."""
    pair = PAIRS["tuebingen-starry-night"]
    photo, style = (
        images.read(path, long_side=96) for path in (pair.content_path, pair.style_path)
    )
    return photo, style, open_encoder("compact", "own")


def palette(picture, where=None):
    """Mean (3,) and covariance (3, 3) of a picture's colours, counted by a mask if there is one."""
    colours = picture[0].flatten(1)
    shares = torch.ones_like(colours[0]) if where is None else where.flatten()
    mean = (colours * shares).sum(1) / shares.sum()
    return mean, torch.cov(colours, aweights=shares, correction=0)


@pytest.fixture(scope="module")
def styled(sample):
    photo, style, judge = sample
    return finish(Painter(photo, [style], MATCHED.replace(colour="style"), encoder=judge))


MATCHED = Recipe(size=96, precision="float32", scales=1, steps=10, colour="match")


@pytest.mark.parametrize("method", METHODS)
def test_matched_colours_are_the_contents(sample, styled, method):
    photo, style, judge = sample
    recipe = MATCHED.replace(colour_match=method)
    matched = finish(Painter(photo, [style], recipe, encoder=judge))
    wanted, ours, others = (palette(picture) for picture in (photo.tensor, matched, styled))
    for near, far, target in zip(ours, others, wanted, strict=True):
        assert (near - target).norm() < 0.5 * (far - target).norm()


@pytest.fixture(scope="module")
def two_halves():
    """A photograph, reddish on the left and bluish on the right."""
    tint = torch.tensor([0.3, 0.0, -0.3]).view(1, 3, 1, 1) * (left() - 0.5)
    return Picture(0.4 + 0.2 * smooth_picture(*SIZE, seed=1) + tint)


@pytest.mark.parametrize("where", [left(), torch.linspace(0, 1, 96).expand(1, 1, *SIZE)])
@pytest.mark.parametrize("method", ["cholesky", "pca", "monge-kantorovich"])
def test_the_style_of_a_region_gets_the_colours_of_the_region(
    two_halves, style, other_style, encoder, where, method
):
    recipe = FAST.replace(colour="match", colour_match=method)
    areas = [Area("sun", where, style), Area("sky", 1 - where)]
    painter = Painter(two_halves, [other_style], recipe, areas=areas, encoder=encoder)
    for ours, wanted in (
        (painter._areas[0].style, palette(two_halves.tensor, where)),
        (painter._styles[0].picture, palette(two_halves.tensor)),  # of no region alone
    ):
        mean, covariance = palette(ours.tensor)
        torch.testing.assert_close(mean, wanted[0], atol=1e-4, rtol=0)
        torch.testing.assert_close(covariance, wanted[1], atol=5e-3 * wanted[1].max(), rtol=0)


def test_a_region_is_painted_in_the_colours_of_the_region(two_halves, encoder):
    areas = [Area("sun", left(), WARM), Area("sky", 1 - left(), COLD)]
    recipe = FAST.replace(colour="match", content_weight=0)
    painter = Painter(two_halves, [COLD], recipe, areas=areas, encoder=encoder)
    whole, _ = palette(two_halves.tensor)
    picture = finish(painter)
    for where in (left(), 1 - left()):
        (mean, _), (wanted, _) = palette(picture, where), palette(two_halves.tensor, where)
        assert (mean - wanted).norm() < 0.25 * (whole - wanted).norm()


# --- which stroke --------------------------------------------------------------------------------


def centroid(picture):
    """The mean frequency of a picture's brightness along its rows, cycles a pixel."""
    rows = picture.mean(1)[0]
    rows = rows - rows.mean(1, keepdim=True)
    power = torch.fft.rfft(rows).abs().square().mean(0)
    return float((power * torch.fft.rfftfreq(rows.shape[1])).sum() / power.sum())


def test_style_scale_moves_the_stroke_frequency(sample):
    lines = stripes((96, 96), 8, upright=True, dark=(0.1, 0.1, 0.1), bright=(0.9, 0.9, 0.9))
    noise = Picture(0.5 + 0.2 * (smooth_picture(96, 96, seed=5) - 0.5))
    recipe = FAST.replace(content_weight=0, init="noise", scales=1, steps=30)
    frequencies = {}
    for scale in (0.5, 1.0, 2.0):
        painter = Painter(noise, [lines], recipe.replace(style_scale=scale), encoder=sample[2])
        frequencies[scale] = centroid(finish(painter))
    assert frequencies[0.5] > 1.25 * frequencies[1.0] > 1.25 * 1.25 * frequencies[2.0]


def test_levels_take_coarse_and_fine_from_different_styles(encoder, paint):
    for coarse, fine in ((WARM, COLD), (COLD, WARM)):
        picture = paint(
            [Style(coarse, level=COARSE), Style(fine, level=FINE)], init="noise", content_weight=0
        )
        to_coarse = gram_distances(encoder, picture, coarse.tensor)
        to_fine = gram_distances(encoder, picture, fine.tensor)
        for layer in LAYERS:
            near, far = to_fine[layer], to_coarse[layer]
            if encoder.stride(layer) > 2:
                near, far = far, near
            assert near < 0.9 * far


def test_levels_in_one_call_as_on_the_command_line(files):
    options = {"recipe": FAST, "encoder": str(files / "tiny.safetensors"), "precision": "float32"}
    content, (warm, cold) = files / "photo.png", (files / "warm.png", files / "cold.png")
    levels, shares = [COARSE, FINE, ""], [0.5, 0.3, 0.2]
    painting = impasto.paint(content, [warm, cold, warm], levels=levels, shares=shares, **options)
    written = [f"coarse={warm}:0.5", f"fine={cold}:0.3", f"{warm}:0.2"]
    assert json.loads(painting.sources["style"]) == written
    # The file of a picture from the command line says the same, and it is the same picture.
    (files / "fast.toml").write_text(FAST.to_toml())
    words = ["--recipe", str(files / "fast.toml"), "--precision", "float32", "--quiet"]
    words += ["--encoder", str(files / "tiny.safetensors"), "-o", str(files / "levels.png")]
    assert run(["paint", str(content), *written, *words]) == 0
    assert images.read_metadata(files / "levels.png")["style"] == painting.sources["style"]
    again = images.read(files / "levels.png").tensor
    torch.testing.assert_close(painting.tensor, again, atol=0.51 / 255, rtol=0)
    others = [impasto.paint(content, [warm, cold, warm], levels=other, shares=shares, **options)
              for other in (None, [FINE, COARSE, ""])]  # fmt: skip
    assert all((other.tensor - painting.tensor).abs().mean() > 0.01 for other in others)


def test_levels_in_one_call_that_do_not_fit(files):
    warm = files / "warm.png"
    for levels, message in (
        ([COARSE], "2 styles need as many levels, not 1"),
        ([COARSE, "corse"], "Unknown level of a style 'corse'"),
        ([COARSE, COARSE], "No style is given for the fine level"),
    ):
        with pytest.raises(OptionError, match=message):
            impasto.paint(files / "photo.png", [warm, warm], levels=levels, recipe=FAST)


def test_levels_that_do_not_fit(encoder, content):
    def paint(*styles, **changes):
        Painter(content, styles, FAST.replace(**changes), encoder=encoder)

    for level, other in ((FINE, COARSE), (COARSE, FINE)):
        with pytest.raises(OptionError, match=rf"^No style is given for the {other} level"):
            paint(Style(WARM, level=level))
        paint(Style(WARM, level=level), Style(COLD))  # one for all layers fills in
    with pytest.raises(OptionError, match=r"Unknown level of a style 'corse'.*coarse"):
        paint(Style(WARM), Style(COLD, level="corse"))
    with pytest.raises(OptionError, match=r"coarse level, but none of --style-layers \(relu1_1\)"):
        paint(Style(WARM, level=COARSE), Style(COLD, level=FINE), style_layers={"relu1_1": 1})
    with pytest.raises(OptionError, match="Levels need"):
        Painter(content, [Style(WARM, level=FINE)], FAST, encoder=lambda image, layers: {})


# --- how much ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def by_strength(sample):
    """A photograph painted at five strengths, and the encoder that judges it."""
    photo, style, judge = sample
    recipe = Recipe(size=96, precision="float32", steps=30, final_steps=15)
    pictures = {
        strength: finish(Painter(photo, [style], recipe.replace(strength=strength), encoder=judge))
        for strength in (0, 0.25, 0.5, 0.75, 1)
    }
    return photo, pictures, judge


def feature_distance(judge, one, other, unit):
    layers = [f"relu{block}_1" for block in range(1, 6)]
    ours, theirs, units = (judge(picture, layers) for picture in (one, other, unit))
    squares = [
        float((ours[n] - theirs[n]).square().mean() / units[n].square().mean()) for n in layers
    ]
    return math.sqrt(sum(squares))


def test_strength_zero_is_the_photograph(by_strength):
    photo, pictures, _ = by_strength
    torch.testing.assert_close(pictures[0], photo.tensor, atol=2 / 255, rtol=0)


@pytest.mark.parametrize("colour", ["content", "luminance", "match"])
def test_strength_zero_is_the_photograph_in_any_colours(paint, content, colour):
    picture = paint([WARM], colour=colour, strength=0, tv_weight=1.0)
    torch.testing.assert_close(picture, content.tensor, atol=2 / 255, rtol=0)


def test_strength_rises_in_even_steps(by_strength):
    photo, pictures, judge = by_strength
    away = [feature_distance(judge, p, photo.tensor, photo.tensor) for p in pictures.values()]
    steps = [b - a for a, b in itertools.pairwise(away)]
    between = [
        feature_distance(judge, a, b, photo.tensor)
        for a, b in itertools.pairwise(pictures.values())
    ]
    assert min(steps) > 0
    assert max(steps) < 2 * min(steps)
    assert max(between) < 4 * min(between)


# --- all together, in tiles ----------------------------------------------------------------------


@pytest.fixture
def tiny_tiles(monkeypatch):
    """A machine on which only tiles of 32 pixels fit."""
    monkeypatch.setattr(memory, "tile_side", lambda encoder, layers, size, budget: 32)


def combined(encoder, content, **changes):
    face = torch.zeros(1, 1, *SIZE)
    face[..., 40:, 60:] = 1
    areas = [Area("sun", left(), WARM), Area("face", face, keep=True)]
    recipe = FAST.replace(
        colour="luminance", content_layers={"relu3_1": 1}, feather=0.02, tv_weight=0.1, **changes
    ).replace(style_layers={"relu1_1": 1, "relu2_1": 1, "relu3_1": 1}, scales=1, steps=6)
    return Painter(content, [COLD], recipe, areas=areas, encoder=encoder)


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_masks_tiles_and_luminance_together(encoder, content, monkeypatch, request, optimizer):
    whole = combined(encoder, content, optimizer=optimizer)
    assert isinstance(whole.objective(SIZE), Objective)
    expected = finish(whole)
    request.getfixturevalue("tiny_tiles")
    tiled = combined(encoder, content, optimizer=optimizer)
    assert isinstance(tiled.objective(SIZE), TiledObjective)
    torch.testing.assert_close(finish(tiled), expected, atol=2e-3, rtol=0)
    chroma = to_oklab(expected) - to_oklab(content.tensor)
    assert chroma[:, 1:, 40:, 60:].abs().max() < 1e-6


def test_tiles_of_what_is_kept_have_nothing_to_say(encoder, content, tiny_tiles):
    """Without a content term, no term looks at a tile that lies in a kept region."""
    recipe = FAST.replace(content_weight=0, scales=1, steps=2, style_layers={"relu2_1": 1})
    areas = [Area("face", left(), keep=True)]
    painter = Painter(content, [COLD], recipe, areas=areas, encoder=encoder)
    picture = finish(painter)
    assert isinstance(painter.objective(SIZE), TiledObjective)
    assert torch.equal(picture[..., :48], content.tensor[..., :48])
    assert (picture != content.tensor)[..., 48:].any()


class Cramped:
    """Wraps ``Encoder.forward``: no picture of more than some pixels fits into memory."""

    def __init__(self, monkeypatch, most):
        self.most, forward = most, Encoder.forward

        def cramped(encoder, image, layers):
            if image.requires_grad and image.shape[-2] * image.shape[-1] > self.most:
                raise RuntimeError(
                    "[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: "
                    "you tried to allocate 123 bytes.\nError code 12"
                )
            return forward(encoder, image, layers)

        monkeypatch.setattr(Encoder, "forward", cramped)


LARGE = FAST.replace(
    size=192, scales=1, steps=3, content_layers={"relu2_1": 1}, style_layers={"relu2_1": 1}
)


def test_too_little_memory_leads_to_smaller_tiles_and_one_note(encoder, monkeypatch):
    photo = Picture(smooth_picture(128, 192, seed=1))
    expected = finish(Painter(photo, [WARM], LARGE, encoder=encoder))
    Cramped(monkeypatch, 150 * 150)
    painter = Painter(photo, [WARM], LARGE, encoder=encoder)
    notes = [step.note for step in painter]
    assert notes == ["Not enough memory: going on in tiles of 128 px.", "", ""]
    torch.testing.assert_close(painter.picture, expected, atol=1e-3, rtol=0)


def test_too_little_memory_for_any_tile_is_one_error(encoder, monkeypatch):
    photo = Picture(smooth_picture(128, 192, seed=1))
    Cramped(monkeypatch, 0)
    with pytest.raises(InputDataError, match=r"not enough memory for 192×128 px.*--size") as caught:
        finish(Painter(photo, [WARM], LARGE, encoder=encoder))
    assert "\n" not in str(caught.value)


def test_other_errors_are_not_taken_for_it(encoder, content, monkeypatch):
    def broken(encoder, image, layers):
        raise RuntimeError("the shapes do not fit")

    monkeypatch.setattr(Encoder, "forward", broken)
    with pytest.raises(RuntimeError, match="the shapes do not fit"):
        finish(Painter(content, [WARM], FAST, encoder=encoder))


# --- again ---------------------------------------------------------------------------------------


def test_a_checkpoint_fits_no_other_controls(encoder, content, tmp_path):
    def painter(areas=None, styles=None, **changes):
        areas = [Area("sun", left(), WARM)] if areas is None else areas
        return Painter(
            content, styles or [COLD], FAST.replace(**changes), areas=areas, encoder=encoder
        )

    path = tmp_path / "out.png.checkpoint"
    first = painter()
    for _ in itertools.islice(first, 3):
        pass
    save_checkpoint(path, first, [])
    half = torch.ones(1, 1, *SIZE) / 2
    levels = [Style(COLD, level=COARSE), Style(COLD, level=FINE)]
    others = [
        painter([]),
        painter([Area("sun", 1 - left(), WARM)]),
        painter([Area("sun", half, WARM)]),
        painter([Area("sky", left(), WARM)]),
        painter([Area("sun", left(), COLD)]),
        painter([Area("sun", left(), keep=True)]),
        painter([Area("sun", left(), WARM, style_where=left(WARM.size))]),
        painter(styles=levels),
        painter(styles=levels[::-1]),
        painter(colour="luminance"),
        painter(colour="match"),
        painter(colour="match", colour_match="histogram"),
        painter(strength=0.5),
        painter(style_scale=0.5),
        painter(mask_mode="inside"),
    ]
    assert len({other.fingerprint() for other in others}) == len(others)
    for other in others:
        with pytest.raises(InputDataError, match="belongs to another painting"):
            load_checkpoint(path, other)
    assert load_checkpoint(path, painter()) == []


def test_goes_on_to_the_bit_with_all_controls(encoder, content, tmp_path):
    changes = {"strength": 0.6, "final_steps": 4}
    expected = finish(combined(encoder, content, **changes))
    first = combined(encoder, content, **changes)
    for _ in itertools.islice(first, 4):
        pass
    path = tmp_path / "out.png.checkpoint"
    save_checkpoint(path, first, [])
    second = combined(encoder, content, **changes)
    load_checkpoint(path, second)
    assert torch.equal(finish(second), expected)


@pytest.fixture
def files(tmp_path, encoder, content):
    """Pictures, masks and an encoder."""
    images.write(tmp_path / "photo.png", content.tensor)
    images.write(tmp_path / "warm.png", WARM.tensor)
    images.write(tmp_path / "cold.png", COLD.tensor)
    images.write(tmp_path / "left.png", left().expand(1, 3, -1, -1))
    labels = torch.cat([left(), 1 - left(), torch.zeros(1, 1, *SIZE)], dim=1)
    images.write(tmp_path / "labels.png", labels)
    theirs = left(WARM.size)
    images.write(tmp_path / "s.png", torch.cat([theirs, 1 - theirs, 0 * theirs], dim=1))
    save_encoder(tmp_path / "tiny.safetensors", encoder, dtype=torch.float32)
    return tmp_path


CONTROLS = {
    "regions": ["cold.png", "--region", "sun=left.png@warm.png", "--feather", "0.02"],
    "kept": ["cold.png", "--region", "face=left.png"],
    "labels": ["warm.png", "--mask", "labels.png", "--style-mask", "s.png"],
    "levels": ["coarse=warm.png", "--style", "fine=cold.png"],
    "weighted levels": ["coarse=warm.png:0.7", "fine=cold.png:1", "fine=warm.png:0.2"],
    "luminance": ["cold.png", "--colour", "luminance", "--colour-space", "cielab"],
    "match": ["cold.png", "--colour", "match", "--colour-match", "histogram"],
    "strength and scale": ["cold.png", "--strength", "0.4", "--style-scale", "0.5"],
}


@pytest.mark.parametrize("case", CONTROLS)
def test_rerun_makes_the_same_picture(case, files, monkeypatch, capsys):
    monkeypatch.chdir(files)
    options = [
        "--encoder", "tiny.safetensors", "--precision", "float32", "--size", "96", "--scales", "1",
        "--steps", "4", "--style-layers", "relu1_1=1,relu2_1=1,relu3_1=1",
        "--content-layers", "relu3_1=1", "--quiet",
    ]  # fmt: skip
    assert run(["paint", "photo.png", "cold.png", "-o", "plain.png", *options]) == 0
    assert run(["paint", "photo.png", *CONTROLS[case], "-o", "a.png", *options]) == 0
    assert run(["rerun", "a.png", "-o", "b.png", "--quiet"]) == 0
    plain, one, again = (
        np.asarray(Image.open(files / name)) for name in ("plain.png", "a.png", "b.png")
    )
    assert (one == again).all()
    assert (one != plain).mean() > 0.1
    capsys.readouterr()
    assert run(["rerun", "a.png", "--show"]) == 0
    shown = capsys.readouterr().out
    for word in CONTROLS[case]:
        if word.endswith(".png"):
            assert json.dumps(word).strip('"') in shown


# --- --memory ------------------------------------------------------------------------------------


@given(
    st.integers(1, 10**6),
    st.sampled_from(["", "k", "m", "g", "t"]),
    st.sampled_from(["", "b", "ib"]),
    st.sampled_from(["", " "]),
    st.booleans(),
)
def test_sizes_of_memory(number, prefix, suffix, gap, upper):
    base = 1024 if suffix == "ib" and prefix else 1000
    expected = number * base ** " kmgt".index(prefix or " ")
    text = f"{number}{gap}{prefix}{suffix}"
    if suffix == "ib" and not prefix:
        with pytest.raises(OptionError, match="--memory takes a size such as 2GB"):
            parse_bytes(text)
    elif expected < 2 * memory.BASE_BYTES:
        with pytest.raises(OptionError, match="--memory must be 700MB or more"):
            parse_bytes(text)
    else:
        assert parse_bytes(text.upper() if upper else text) == pytest.approx(expected)


@given(st.text(max_size=12))
def test_any_text_is_a_size_or_one_error(text):
    told, amount = "", math.inf
    try:
        amount = parse_bytes(text)
    except OptionError as error:
        told = str(error)
    assert amount >= 2 * memory.BASE_BYTES
    assert not told or told.startswith("--memory ")
    assert "\n" not in told


@pytest.mark.parametrize("text", ["", "GB", "-2GB", "2 GB 3", "1,5GB", "2PB", "nan", "inf", "2e9"])
def test_what_is_no_size_of_memory(text):
    with pytest.raises(OptionError, match="--memory takes a size such as 2GB or 800MB, not"):
        parse_bytes(text)


def test_fractions_of_a_unit():
    assert parse_bytes("1.5g") == 1.5e9
    assert parse_bytes("2GiB") == 2**31


def test_less_memory_never_means_larger_tiles():
    encoder = open_encoder("compact", "own")
    layers = ("relu1_1", "relu4_1")
    sides = [memory.tile_side(encoder, layers, (3000, 4000), 2.0**n) for n in range(20, 45)]
    assert sides[0] == memory.SIDES[-1]
    assert sides[-1] is None
    known = [side for side in sides if side is not None]
    assert known == sorted(known)
    assert len(set(known)) > 4
