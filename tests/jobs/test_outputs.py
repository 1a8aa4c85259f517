"""What is made beside the picture: snapshots and estimates; and how to stop it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from helpers.sentences import sentence
from impasto import images
from impasto.encoders.vgg import Encoder
from impasto.errors import ImageError, ImpastoError, OptionError
from impasto.images.picture import Picture
from impasto.painting.cost_model import encoder_bytes
from impasto.painting.estimate import estimate
from impasto.painting.painter import Painter
from impasto.painting.pyramid import Stage
from impasto.painting.snapshots import Snapshots
from impasto.recipes.recipe import Recipe

STAGES = (Stage((8, 12), 6), Stage((16, 24), 4))
"""Ten steps."""


def grey(number: int) -> Tensor:
    """The picture of step ``number``: a grey of its own, at the size of its stage."""
    height, width = STAGES[0 if number <= 6 else 1].size
    return torch.full((1, 3, height, width), number / 10)


def take_all(path: Path, count: int) -> list[Path]:
    snapshots = Snapshots(path, count, STAGES)
    for number in range(1, 11):
        snapshots.take(number, grey(number))
    return snapshots.finish()


# --- snapshots -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "numbers"),
    [(1, [10]), (2, [5, 10]), (3, [3, 7, 10]), (5, [2, 4, 6, 8, 10]), (10, list(range(1, 11)))],
)
def test_snapshots_in_a_folder(tmp_path, count, numbers):
    made = take_all(tmp_path / "steps", count)
    assert [path.name for path in made] == [f"step-{number:05}.png" for number in numbers]
    assert sorted(path.name for path in (tmp_path / "steps").iterdir()) == [p.name for p in made]
    for path, number in zip(made, numbers, strict=True):
        picture = images.read(path)
        assert picture.size == grey(number).shape[-2:]
        torch.testing.assert_close(picture.tensor, grey(number), atol=1 / 255, rtol=0)


def test_no_more_snapshots_than_steps(tmp_path):
    assert len(take_all(tmp_path / "steps", 1000)) == 10


@pytest.mark.parametrize("name", ["growth.gif", "growth.webp", "new/growth.GIF"])
@pytest.mark.parametrize("count", [1, 4])
def test_snapshots_as_an_animation(tmp_path, name, count):
    path = tmp_path / name
    assert take_all(path, count) == [path]
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    with Image.open(path) as animation:
        assert getattr(animation, "n_frames", 1) == count
        for index, number in enumerate([10] if count == 1 else [2, 5, 8, 10]):
            animation.seek(index)
            frame = np.asarray(animation.convert("RGB"))
            assert frame.shape == (16, 24, 3)
            assert abs(frame.mean() - 25.5 * number) < 4


def test_an_animation_takes_about_three_seconds(tmp_path):
    (path,) = take_all(tmp_path / "growth.gif", 5)
    durations = []
    with Image.open(path) as animation:
        for index in range(5):
            animation.seek(index)
            durations.append(animation.info["duration"])
        assert animation.info["loop"] == 0
    assert durations == [600, 600, 600, 600, 1500]


def test_an_older_animation_is_replaced(tmp_path):
    for name in ("old.gif", "old.GIF"):
        (tmp_path / name).write_bytes(b"old")
        assert take_all(tmp_path / name, 2) == [tmp_path / name]


@pytest.mark.parametrize("count", [0, -3])
def test_snapshots_are_counted_from_one(tmp_path, count):
    with pytest.raises(OptionError, match=f"snapshots must be 1 or more, not {count}"):
        Snapshots(tmp_path, count, STAGES)


def test_snapshots_that_cannot_be_written_are_refused_at_once(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.gif").mkdir()
    for name in ("file", "file/growth.gif", "folder.gif"):
        with pytest.raises(ImpastoError, match=r"is a fi?|is a folder"):
            Snapshots(tmp_path / name, 3, STAGES)


def test_an_animation_without_room_for_the_size_is_refused_at_once(tmp_path):
    big = (Stage((32, 16400), 3),)
    with pytest.raises(
        ImageError, match=r"16400 × 32 .* \.webp allows at most 16383 a side: name a folder"
    ):
        Snapshots(tmp_path / "big.webp", 3, big)
    assert Snapshots(tmp_path / "big.gif", 3, big)
    assert Snapshots(tmp_path / "big", 3, big)


@pytest.mark.parametrize(
    "problem", [RuntimeError("no room"), ValueError("no room"), OSError(28, "no")]
)
def test_what_the_writer_of_animations_raises_is_one_sentence(tmp_path, monkeypatch, problem):
    def save(*_, **__):
        raise problem

    snapshots = Snapshots(tmp_path / "growth.webp", 3, STAGES)
    snapshots.take(10, grey(10))
    with monkeypatch.context() as patch:
        patch.setattr(Image.Image, "save", save)
        said = sentence(ImageError, snapshots.finish)
    assert said.startswith(f"{tmp_path / 'growth.webp'} could not be written (no")
    assert list(tmp_path.iterdir()) == []
    assert snapshots.finish() == [tmp_path / "growth.webp"]  # nothing of it was lost


@pytest.mark.parametrize("name", ["steps", "growth.gif", "growth.webp"])
def test_snapshots_are_as_opaque_as_the_content(tmp_path, name):
    """The right half is not to be seen, at whatever size and of the same colour as the left one."""
    alpha = torch.ones(1, 1, 32, 48)
    alpha[..., 24:] = 0
    snapshots = Snapshots(tmp_path / name, 2, STAGES, alpha=alpha)
    for number in (5, 10):
        snapshots.take(number, grey(number))
    opacities = []
    for path in snapshots.finish():
        with Image.open(path) as picture:
            for index in range(getattr(picture, "n_frames", 1)):
                picture.seek(index)
                opacities.append(np.asarray(picture.convert("RGBA"))[..., 3])
    assert [opacity.shape for opacity in opacities] == (
        [(8, 12), (16, 24)] if name == "steps" else [(16, 24)] * 2
    )
    for opacity in opacities:
        half = opacity.shape[1] // 2
        assert opacity[:, : half - 2].min() == 255
        assert opacity[:, half + 2 :].max() == 0


def test_snapshots_of_a_folder_know_how_they_were_made(tmp_path):
    snapshots = Snapshots(tmp_path / "steps", 2, STAGES, metadata={"recipe": "seed = 4"})
    snapshots.take(5, grey(5))
    (path,) = snapshots.finish()
    assert images.read_metadata(path) == {"recipe": "seed = 4", "step": "5"}


def test_nothing_taken_nothing_made(tmp_path):
    assert Snapshots(tmp_path / "growth.gif", 3, STAGES).finish() == []
    assert list(tmp_path.iterdir()) == []


# --- estimates -----------------------------------------------------------------------------------


def painter(encoder: Encoder, size: int, **changes: object) -> Painter:
    recipe = Recipe(content_layers={"relu4_1": 1}, size=size, smallest=64, **changes)  # type: ignore[arg-type]
    picture = Picture(torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0)))
    return Painter(picture, [picture], recipe, encoder=encoder)


def test_memory_grows_with_pixels(encoder):
    small, large = (estimate(painter(encoder, size)).bytes for size in (64, 256))
    # Sixteen times the pixels, beside what any process takes, and the encoder.
    fixed = 350e6 + encoder_bytes(encoder)
    assert large - fixed == pytest.approx(16 * (small - fixed))
    assert small > 350e6


MEASURE = """
import resource, torch
from impasto.encoders.vgg import Architecture, Encoder
from impasto.painting.estimate import estimate
from impasto.images.picture import Picture
from impasto.painting.painter import Painter
from impasto.recipes.recipe import Recipe
torch.set_num_threads(2)
encoder = Encoder(Architecture({widths}, (2, 2, 4, 4, 1), padding="reflect")).frozen()
content, style = (Picture(torch.rand(1, 3, 768, 768)) for _ in range(2))
recipe = Recipe(size=768, scales=1, steps=3, optimizer="{optimizer}")
painter = Painter(content, [style], recipe, encoder=encoder)
told = estimate(painter).bytes
list(painter)
print(told, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in other units elsewhere")
@pytest.mark.parametrize("widths", [(16, 32, 64, 128, 128), (64, 128, 256, 512, 512)])
@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_memory_is_as_estimated(widths, optimizer):
    program = MEASURE.format(widths=widths, optimizer=optimizer)
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    told, measured = map(float, answer.stdout.split())
    assert 1 / 2.5 < (told - 350e6) / (measured - 350e6) < 2.5


def test_the_encoder_of_the_estimate_is_any_function():
    def pixels(image: Tensor, layers: list[str]) -> dict[str, Tensor]:
        return dict.fromkeys(layers, image)

    assert estimate(painter(pixels, 64)).bytes > 350e6  # type: ignore[arg-type]
