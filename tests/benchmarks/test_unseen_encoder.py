"""The unseen encoder: its data, its loss, its file, and that a short training works."""

import hashlib
import math
from pathlib import Path

import pytest
import torch

import unseen_encoder
from helpers.random_inputs import smooth_picture
from impasto import images
from impasto.errors import InputDataError, WeightsError
from impasto.training.crops import is_held_out
from unseen_encoder import (
    CROP,
    UnseenEncoder,
    contrast,
    is_for_judge,
    open_unseen,
    read_pictures,
    retrieval,
    two_crops,
)


def test_its_pictures_are_half_of_all_and_none_that_methods_are_judged_on():
    paths = [Path(f"{number}.jpg") for number in range(4000)]
    own = [path for path in paths if is_for_judge(path)]
    assert len(own) == pytest.approx(2000, rel=0.05)
    assert not any(is_held_out(path) for path in own)


@pytest.mark.parametrize("size", [(300, 230), (230, 300)])
def test_two_crops_share_no_pixel(size):
    axis = 0 if size[0] > size[1] else 1
    halves = torch.arange(size[axis]) < size[axis] // 2
    plane = (halves[:, None] if axis == 0 else halves[None]).expand(size)
    picture = (200 * plane).to(torch.uint8).expand(3, *size)
    for seed in range(5):
        first, second = two_crops(picture, torch.Generator().manual_seed(seed))
        assert first.shape == second.shape == (3, CROP, CROP)
        assert second.max() == 0
        torch.testing.assert_close(first.amin((1, 2)), first.amax((1, 2)))  # a half is one colour
        assert 0.9 * 200 / 255 <= first.min() <= first.max() <= 1.1 * 200 / 255


def test_the_loss_by_python():
    random = torch.Generator().manual_seed(1)
    rows = torch.nn.functional.normalize(torch.randn(6, 4, generator=random), dim=1)
    expected, right = 0.0, 0
    for i in range(6):
        similarity = {j: float(rows[i] @ rows[j]) / 0.1 for j in range(6) if j != i}
        partner = (i + 3) % 6
        total = sum(math.exp(value) for value in similarity.values())
        expected -= math.log(math.exp(similarity[partner]) / total) / 6
        right += max(similarity, key=similarity.get) == partner
    loss, share = contrast(rows)
    assert loss.item() == pytest.approx(expected, rel=1e-5)
    assert share.item() == pytest.approx(right / 6)


def test_embeddings_have_length_one_and_do_not_know_places(unseen_file):
    encoder = open_unseen(unseen_file)
    picture = smooth_picture(96, 128, seed=1)
    embedding = encoder(picture)
    assert embedding.shape == (1, 128)
    assert embedding.norm().item() == pytest.approx(1, abs=1e-5)
    assert [tuple(each.shape) for each in encoder.maps(picture)] == [
        (1, 48, 24, 32), (1, 96, 12, 16), (1, 160, 6, 8),
    ]  # fmt: skip
    twice = encoder(torch.cat([picture, picture], dim=-1))  # the same everywhere but at the seam
    assert (twice * embedding).sum() > 0.95
    assert not any(parameter.requires_grad for parameter in encoder.parameters())


def test_other_files_are_refused(tmp_path, unseen_file):
    for content in (None, b"nothing", unseen_file.read_bytes()[:-100]):
        path = tmp_path / "x.safetensors"
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(WeightsError, match=r"x.safetensors is not a file .* train it first"):
            open_unseen(path)


def test_pictures_are_read_large_enough_and_broken_ones_left_out(tmp_path):
    images.write(tmp_path / "a.png", smooth_picture(60, 90, seed=1))
    (tmp_path / "b.png").write_bytes(b"broken")
    (read,) = read_pictures(sorted(tmp_path.iterdir()), long_side=80)
    assert min(read.shape[-2:]) == 2 * CROP
    assert read.dtype == torch.uint8
    with pytest.raises(InputDataError, match="None of 1 picture"):
        read_pictures([tmp_path / "b.png"], long_side=80)


def test_retrieval_of_pictures_of_one_colour_each_is_perfect(unseen_file):
    colours = torch.tensor([[200, 20, 20], [20, 200, 20], [20, 20, 200], [230, 230, 230]])
    pictures = [c.to(torch.uint8).view(3, 1, 1).expand(3, 240, 240) for c in colours]
    torch.manual_seed(1)
    assert retrieval(UnseenEncoder().eval(), pictures) == 1.0


def test_a_short_training_by_its_command(tmp_path, capsys):
    def name(number, digits):
        names = (f"{number}-{index}.png" for index in range(1000))
        return next(n for n in names if hashlib.sha256(n.encode()).hexdigest()[0] in digits)

    for kind in ("photos", "paintings"):
        for number in range(3):
            picture = smooth_picture(230, 240, seed=number)
            images.write(tmp_path / kind / name(number, "89abcdef"), picture)
        images.write(tmp_path / kind / name(9, "01"), smooth_picture(230, 240, seed=9))
    output = tmp_path / "unseen.safetensors"
    folders = ["--content", str(tmp_path / "photos"), "--style", str(tmp_path / "paintings")]
    code = unseen_encoder.main([*folders, "--steps", "2", "--pairs", "4", "-o", str(output)])
    assert code == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "3 style pictures, 1 photographs"
    assert [line.split()[0] for line in lines[1:3]] == ["0", "1"]
    assert lines[3] == "held-out paintings: the other half is nearest for 100 % of the crops of 1"
    trained, new = open_unseen(output), UnseenEncoder()
    assert trained.state_dict().keys() == new.state_dict().keys()
    assert trained.down[0][1].num_batches_tracked == 2
