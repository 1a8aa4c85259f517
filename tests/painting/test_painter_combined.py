"""All controls combined: in tiles, and bit-identical after an interruption."""

import itertools

import pytest
import torch

from helpers.quick_paintings import COLD, FAST, SIZE, WARM, finish, left
from impasto.colour.spaces import to_oklab
from impasto.errors import InputDataError
from impasto.jobs.checkpoints import load_checkpoint, save_checkpoint
from impasto.objective.objective import Objective
from impasto.objective.tiled import TiledObjective
from impasto.painting import cost_model
from impasto.painting.objective_builder import COARSE, FINE, Style
from impasto.painting.painter import Painter
from impasto.regions.regions import Region

# --- all together, in tiles ----------------------------------------------------------------------


@pytest.fixture
def tiny_tiles(monkeypatch):
    """A machine on which only tiles of 32 pixels fit."""
    monkeypatch.setattr(cost_model, "tile_side", lambda *_, **__: 32)


def combined(encoder, content, **changes):
    face = torch.zeros(1, 1, *SIZE)
    face[..., 40:, 60:] = 1
    regions = [Region("sun", left(), WARM), Region("face", face, keep=True)]
    recipe = FAST.replace(
        colour="luminance", content_layers={"relu3_1": 1}, feather=0.02, tv_weight=0.1, **changes
    ).replace(style_layers={"relu1_1": 1, "relu2_1": 1, "relu3_1": 1}, scales=1, steps=4)
    return Painter(content, [COLD], recipe, regions=regions, encoder=encoder)


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


def test_tiles_of_kept_regions_have_no_gradient(encoder, content, tiny_tiles):
    """Without a content term, no term has sums of a tile inside a kept region."""
    recipe = FAST.replace(content_weight=0, scales=1, steps=2, style_layers={"relu2_1": 1})
    regions = [Region("face", left(), keep=True)]
    painter = Painter(content, [COLD], recipe, regions=regions, encoder=encoder)
    picture = finish(painter)
    assert isinstance(painter.objective(SIZE), TiledObjective)
    assert torch.equal(picture[..., :48], content.tensor[..., :48])
    assert (picture != content.tensor)[..., 48:].any()


# --- again ---------------------------------------------------------------------------------------


def test_checkpoint_of_other_controls_is_an_error(encoder, content, tmp_path):
    def painter(regions=None, styles=None, **changes):
        regions = [Region("sun", left(), WARM)] if regions is None else regions
        return Painter(
            content, styles or [COLD], FAST.replace(**changes), regions=regions, encoder=encoder
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
        painter([Region("sun", 1 - left(), WARM)]),
        painter([Region("sun", half, WARM)]),
        painter([Region("sky", left(), WARM)]),
        painter([Region("sun", left(), COLD)]),
        painter([Region("sun", left(), keep=True)]),
        painter([Region("sun", left(), WARM, style_mask=left(WARM.size))]),
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


def test_resumed_painting_with_all_controls_is_identical(encoder, content, tmp_path):
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
