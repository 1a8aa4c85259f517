"""Measurements that are kept, and weights of style pictures."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from helpers.random_inputs import smooth_picture
from impasto import images
from impasto.errors import InputDataError
from impasto.images.picture import list_pictures
from impasto.training.crops import Crops, step_generator
from impasto.training.style_measurements import StyleMeasurements, concatenated
from impasto.training.style_weights import read_style_weights


def test_a_picture_with_a_key_is_measured_once():
    asked = []

    def measure(picture):
        asked.append(picture)
        return {"layer": {"mean": picture.mean((2, 3)) / 3}, "read image": {"mean": picture}}

    kept, picture = StyleMeasurements(measure), torch.rand(1, 3, 4, 4)
    first, second = kept(picture, (7, 1)), kept(picture, (7, 1))
    assert len(asked) == len(kept) == 1
    # Rounded the first time, too, so that a resumed training is the same.
    assert torch.equal(first["layer"]["mean"], second["layer"]["mean"])
    exact = measure(picture)["layer"]["mean"]
    torch.testing.assert_close(first["layer"]["mean"], exact, rtol=1e-3, atol=1e-4)
    # Few numbers, of which small differences are taken later: kept exactly.
    assert torch.equal(second["read image"]["mean"], picture)
    assert kept(picture)["layer"]["mean"].dtype == torch.float32
    assert len(kept) == 1


def summaries(picture):
    return {
        "full relu1_1": {"mean": picture.mean((2, 3)), "gram": picture[:, :, 0]},
        "read image": {"mean": picture.sum((2, 3))},
    }


def test_a_folder_keeps_measurements_for_the_next_process(tmp_path):
    picture, asked = torch.rand(1, 3, 4, 4), []
    first = StyleMeasurements(summaries, tmp_path / "kept")
    made = first(picture, (3, 1))
    again = StyleMeasurements(lambda picture: asked.append(1), tmp_path / "kept")
    read = again(picture, (3, 1))
    assert not asked
    assert {name: sorted(each) for name, each in read.items()} == {
        "full relu1_1": ["gram", "mean"],
        "read image": ["mean"],
    }
    for name, summary in made.items():
        for kind, value in summary.items():
            assert torch.equal(read[name][kind], value)


def test_a_broken_file_is_measured_again_and_a_full_disk_does_not_matter(tmp_path):
    picture = torch.rand(1, 3, 4, 4)
    kept = StyleMeasurements(summaries, tmp_path)
    made = kept(picture, (0, 0))
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:-3])
    again = StyleMeasurements(summaries, tmp_path)(picture, (0, 0))
    assert torch.equal(again["read image"]["mean"], made["read image"]["mean"])
    (tmp_path / "file").write_text("no folder")
    without = StyleMeasurements(summaries, tmp_path / "file" / "kept")
    assert torch.equal(without(picture, (0, 0))["read image"]["mean"], made["read image"]["mean"])
    assert len(without) == 1


def test_measurements_of_a_batch():
    one, two = ({"x": {"mean": torch.full((1, 2), value)}} for value in (1.0, 2.0))
    assert concatenated([one, two])["x"]["mean"].tolist() == [[1, 1], [2, 2]]


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    for number, name in enumerate(("wave", "hokusai-1", "texture-2")):
        images.write(
            tmp_path / f"{name}.png", smooth_picture(70, 70, seed=number) * (number + 1) / 4
        )
    return list_pictures(tmp_path)


def test_weights_say_how_often_pictures_are_drawn(pictures, tmp_path):
    (tmp_path / "w.txt").write_text("# comment\n\n*hokusai* 3\ntexture-* 0.5\n*-1* 9\n")
    weigh = read_style_weights(tmp_path / "w.txt")
    assert [weigh(path) for path in pictures] == [3, 0.5, 1]
    crops, even = Crops(pictures, 64, weigh=weigh), Crops(pictures, 64)
    assert crops.name != even.name
    drawn = [crops.draw_of_few(1, step_generator(0, step))[0][0] for step in range(600)]
    shares = [drawn.count(index) / 600 for index in range(3)]
    for share, weight in zip(shares, (3, 0.5, 1), strict=True):
        assert share == pytest.approx(weight / 4.5, abs=0.06)


@pytest.mark.parametrize(
    "text", ["hokusai", "*hokusai* much", "*hokusai* 0", "*hokusai* -1", "*hokusai* inf", " 2"]
)
def test_lines_of_another_form_are_refused(tmp_path, text):
    (tmp_path / "w.txt").write_text(f"a 1\n{text}\n")
    with pytest.raises(InputDataError, match=r"w\.txt, line 2: expected a pattern"):
        read_style_weights(tmp_path / "w.txt")


def test_a_weights_file_that_cannot_be_read(tmp_path):
    (tmp_path / "w.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputDataError, match="cannot be read as text"):
        read_style_weights(tmp_path / "w.txt")
    with pytest.raises(InputDataError, match="cannot be read as text"):
        read_style_weights(tmp_path / "absent.txt")


def test_few_crops_are_the_same_in_every_step(pictures):
    crops = Crops(pictures, 64)
    seen = {}
    for step in range(60):
        key, crop = crops.draw_of_few(2, step_generator(1, step))
        assert crop.shape == (1, 3, 64, 64)
        assert torch.equal(seen.setdefault(key, crop), crop)
    assert len(seen) == 6
