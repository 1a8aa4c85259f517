"""The judges on pictures whose order is known: photograph, style, noise."""

import math

import pytest
import torch

from helpers.random_inputs import smooth_picture
from impasto.images.picture import Picture
from impasto.losses.content import content_loss
from impasto.losses.statistics import style_error
from impasto.training.validation import Pair, score_painting
from impasto.weights.open import open_encoder
from judging.judges import BETTER, PIXELS, open_judges

STYLE = ("vgg_gram", "vgg_moments", "teacher_gram", "teacher_moments", "unseen_gram",
         "unseen_moments", "unseen_embed", "palette")  # fmt: skip


def striped(height, width):
    """A style: diagonal stripes of two colours."""
    down, across = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    stripes = ((down + across) % 9 < 4).float()
    colours = torch.tensor([[0.9, 0.7, 0.1], [0.1, 0.1, 0.5]])
    plane = stripes[..., None] * colours[0] + (1 - stripes[..., None]) * colours[1]
    return plane.permute(2, 0, 1)[None]


@pytest.fixture(scope="module")
def pair():
    return Pair(Picture(smooth_picture(104, 112, seed=1)), Picture(striped(104, 112)))


@pytest.fixture(scope="module")
def judges(unseen_file):
    return open_judges("compact", "compact", unseen_file)


def judged(judges, painted, pair):
    return {key: value for judge in judges for key, value in judge.measure(painted, pair).items()}


@pytest.fixture(scope="module")
def rows(judges, pair):
    random = torch.Generator().manual_seed(5)
    content, style = pair.content.tensor, pair.style.tensor
    noise = torch.rand(content.shape, generator=random)
    pictures = {"photograph": content, "style": style, "noise": noise,
                "half": (content + style) / 2}  # fmt: skip
    return {name: judged(judges, picture, pair) for name, picture in pictures.items()}


def test_every_figure_is_announced_and_described(judges, rows):
    announced = [figure for judge in judges for figure in judge.figures]
    assert len(set(announced)) == len(announced)
    assert set(announced) == set(BETTER)
    # The style is in colour, so black and white is no question.
    assert set(rows["half"]) == set(announced) - {"chroma"}
    assert all(math.isfinite(value) for row in rows.values() for value in row.values())


def test_the_style_itself_has_no_error_of_style(rows):
    for figure in STYLE:
        assert rows["style"][figure] == pytest.approx(0, abs=1e-5), figure
        for other in ("photograph", "noise"):
            assert rows[other][figure] > 1e-3, (figure, other)
        assert rows["half"][figure] < rows["photograph"][figure], figure


def test_the_photograph_itself_has_all_of_the_content(rows):
    assert rows["photograph"]["content"] == 0
    assert rows["photograph"]["structure"] == pytest.approx(1)
    assert rows["photograph"]["lattice8"] == rows["photograph"]["lattice16"] == 0
    for other in ("style", "noise", "half"):
        assert rows[other]["content"] > 0.05, other
        assert rows[other]["structure"] < 0.9, other
    assert rows["half"]["content"] < rows["style"]["content"]


def test_figures_of_the_teacher_are_those_of_training(judges, rows, pair):
    half = (pair.content.tensor + pair.style.tensor) / 2
    score = score_painting(open_encoder("compact"), half, pair.content.tensor, pair.style.tensor)
    assert rows["half"]["teacher_gram"] == pytest.approx(score.style, rel=1e-5)
    assert rows["half"]["content"] == pytest.approx(score.content, rel=1e-5)


def test_vgg_figures_are_means_over_three_layers(rows, pair):
    encoder, layers = open_encoder("compact"), ("relu1_1", "relu2_1", "relu3_1")
    half = (pair.content.tensor + pair.style.tensor) / 2
    ours, theirs = encoder(half, layers), encoder(pair.style.tensor, layers)
    for kind in ("gram", "moments"):
        errors = [style_error(kind, ours[name], theirs[name]).item() for name in layers]
        assert rows["half"][f"vgg_{kind}"] == pytest.approx(sum(errors) / 3, rel=1e-4)
    assert content_loss(ours["relu3_1"], theirs["relu3_1"]).item() > 0


def test_lattices_dots_and_shades_raise_their_own_figures():
    content = 0.5 + 0.02 * smooth_picture(128, 128, seed=1)
    pair = Pair(Picture(content), Picture(striped(128, 128)))
    plain = PIXELS.measure(content, pair)
    dots = content.clone()
    dots[..., 5::16, 7::16] += 0.3
    weave = content + 0.05 * (-1.0) ** torch.arange(128)
    shade = content + 0.3 * torch.linspace(-1, 1, 128)
    for picture, figure, least in ((dots, "lattice16", 100), (dots, "lattice8", 50),
                                   (weave, "pattern", 1), (shade, "uneven", 1)):  # fmt: skip
        found = PIXELS.measure(picture.clamp(0, 1), pair)
        assert found[figure] > plain[figure] + least, figure
        if figure in ("pattern", "uneven"):
            assert found["lattice16"] < 20


def test_pictures_too_small_for_a_lattice_have_the_other_figures():
    small = Picture(smooth_picture(64, 96, seed=1))
    found = PIXELS.measure(small.tensor, Pair(small, Picture(striped(64, 64))))
    assert set(PIXELS.figures) - set(found) == {"lattice16", "chroma"}  # a colourful style


def test_chroma_is_judged_where_the_style_is_black_and_white():
    content = smooth_picture(96, 96, seed=1)
    grey = striped(96, 96).mean(1, keepdim=True).expand(1, 3, 96, 96)
    pair = Pair(Picture(content), Picture(grey))
    expected = 255 * (content.amax(1) - content.amin(1)).mean().item()
    assert PIXELS.measure(content, pair)["chroma"] == pytest.approx(expected, rel=1e-5)
    assert PIXELS.measure(grey, pair)["chroma"] == 0


def test_targets_that_are_kept_are_those_of_the_pair(unseen_file, pair):
    (judge,) = (j for j in open_judges("compact", None, None) if j.name == "vgg")
    painted = smooth_picture(104, 112, seed=8)
    first = judge.measure(painted, pair)
    other = judge.measure(painted, Pair(pair.content, Picture(1 - pair.style.tensor)))
    assert other != first
    assert judge.measure(painted, pair) == first


def test_encoders_that_are_not_given_are_left_out(unseen_file):
    assert [judge.name for judge in open_judges(None, None, None)] == ["pixels"]
    assert [judge.name for judge in open_judges("compact", None, unseen_file)] == [
        "vgg", "unseen", "pixels",
    ]  # fmt: skip
