"""The warping error: warping, occlusion and flow against loops and closed forms, and the CLI."""

import csv
import json
import re
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from helpers.random_inputs import smooth_picture
from impasto import images
from impasto.cli.main import run
from impasto.errors import ImageError, InputDataError, OptionError
from impasto.evaluation.matching import Match
from impasto.evaluation.video import Film, flow, in_order
from impasto.metrics.temporal import WARPING, WARPING_CONTENT, occluded, warp, warping_error

SMALL = ["--metrics", "tv"]


def noise(seed, *shape):
    random = torch.Generator().manual_seed(seed)
    return torch.rand(*shape, generator=random, dtype=torch.float64)


def uniform(right, down, size, batch=1):
    """A flow that is the same everywhere."""
    return torch.tensor([right, down], dtype=torch.float64).view(1, 2, 1, 1).expand(batch, 2, *size)


def texture(height, width, seed=0, blur=2.0):
    """(1, 3, H, W) in [0, 1]: blurred noise, with detail everywhere."""
    grain = np.random.default_rng(seed).random((height, width, 3))
    found = cv2.GaussianBlur(grain, (0, 0), blur)
    found = (found - found.min()) / (found.max() - found.min())
    return torch.from_numpy(found).float().permute(2, 0, 1)[None]


def panned(frames, step, size=(48, 64), seed=0):
    """A film in which a large picture moves by ``step`` = (right, down) from frame to frame."""
    (right, down), (height, width) = step, size
    large = texture(height + frames * abs(down), width + frames * abs(right), seed)
    film = []
    for number in range(frames):
        x, y = (a * (frames - 1 - number) if a > 0 else -a * number for a in step)
        film.append(large[..., y : y + height, x : x + width])
    return film


# --- Warping --------------------------------------------------------------------------------------


def warped_by_loop(picture, flow):
    _, height, width = picture.shape
    out = np.zeros_like(picture)
    for y in range(height):
        for x in range(width):
            px = min(max(x + flow[0, y, x], 0), width - 1)
            py = min(max(y + flow[1, y, x], 0), height - 1)
            left, top = min(int(px), width - 2), min(int(py), height - 2)
            a, b = px - left, py - top
            out[:, y, x] = (1 - b) * (
                (1 - a) * picture[:, top, left] + a * picture[:, top, left + 1]
            ) + b * (
                (1 - a) * picture[:, top + 1, left] + a * picture[:, top + 1, left + 1]
            )  # fmt: skip
    return out


@pytest.mark.parametrize("size", [(9, 13), (8, 5), (2, 3)])
def test_warping_is_bilinear(size):
    picture, flow = noise(1, 2, 3, *size), 8 * noise(2, 2, 2, *size) - 4
    expected = [warped_by_loop(*pair) for pair in zip(picture.numpy(), flow.numpy(), strict=True)]
    found = warp(picture, flow)
    np.testing.assert_allclose(found, np.stack(expected), atol=1e-12)
    assert warp(picture.float(), flow.float()).dtype == torch.float32


@pytest.mark.parametrize("step", [(5, 0), (0, -3), (-2, 7), (0, 0)])
@pytest.mark.parametrize("size", [(32, 64), (45, 61)])
def test_a_shift_by_whole_pixels_leaves_nothing(step, size):
    before, frame = panned(2, step, size)
    assert step == (0, 0) or not torch.equal(before, frame)
    flows = uniform(*step, size), -uniform(*step, size)
    error = warping_error(frame, before, *flows)
    assert error.shape == (1,)
    if size == (32, 64):  # places between −1 and 1 are exact where sides are powers of two
        assert error.item() == 0
    assert error.item() < 1e-15
    if step != (0, 0):
        assert warping_error(frame, before, *(0 * side for side in flows)).item() > 1e-3


def test_a_shift_by_half_pixels_leaves_little():
    large = texture(64, 96, blur=6)
    before, frame = F.avg_pool2d(large, 2), F.avg_pool2d(large[..., 1:, 1:], 2)  # moved by −½, −½
    before = before[..., :-1, :-1]
    flows = uniform(-0.5, -0.5, (31, 47)), uniform(0.5, 0.5, (31, 47))
    right, wrong = warping_error(frame, before, *flows), warping_error(frame, before, *flows[::-1])
    assert 0 < right.item() < 3e-5
    assert wrong.item() > 30 * right.item()


# --- Occlusion ------------------------------------------------------------------------------------


def occluded_by_loop(forward, backward):
    _, height, width = backward.shape
    forth = warped_by_loop(forward, backward)
    out = np.zeros((height, width), dtype=bool)
    for y in range(height):
        for x in range(width):
            back, there = backward[:, y, x], forth[:, y, x]
            miss = ((there + back) ** 2).sum()
            is_hidden = miss > 0.01 * ((there**2).sum() + (back**2).sum()) + 0.5
            slope = sum(
                ((backward[:, b, a] - back) ** 2).sum()
                for a, b in ((x + 1, y), (x, y + 1))
                if a < width and b < height
            )
            is_edge = slope > 0.01 * (back**2).sum() + 0.002
            px, py = x + back[0], y + back[1]
            is_outside = not (-0.5 <= px <= width - 0.5 and -0.5 <= py <= height - 0.5)
            out[y, x] = is_hidden or is_edge or is_outside
    return out


@pytest.mark.parametrize("strength", [0.3, 2.0, 8.0])
def test_occlusion_is_as_ruder_et_al_have_it(strength):
    smooth = [F.interpolate(noise(s, 2, 2, 3, 4) - 0.5, (18, 26), mode="bicubic") for s in (3, 4)]
    forward, backward = smooth[0] * strength, 0.3 * smooth[1] * strength - smooth[0] * strength
    found = occluded(forward, backward)
    expected = [
        occluded_by_loop(*pair) for pair in zip(forward.numpy(), backward.numpy(), strict=True)
    ]
    assert found.dtype == torch.bool
    assert (found[:, 0].numpy() == np.stack(expected)).all()
    assert 0 < found.double().mean() < 1


def test_what_a_moving_square_uncovers_is_occluded():
    """A square of 12 px moves by 4 px to the right."""
    forward, backward = torch.zeros(2, 1, 2, 32, 40).unbind()
    forward[:, 0, 10:22, 8:20] = 4
    backward[:, 0, 10:22, 12:24] = -4
    found = occluded(forward, backward)[0, 0]
    expected = torch.zeros(32, 40, dtype=torch.bool)
    expected[10:22, 8:12] = True  # uncovered
    expected[10:22, [11, 23]] = True  # motion boundaries: the pixels before a step of the flow
    expected[[9, 21], 12:24] = True
    assert (found == expected).all()
    before, frame = torch.rand(2, 1, 3, 32, 40).unbind()
    frame = torch.where(expected, frame, warp(before, backward))
    assert warping_error(frame, before, forward, backward).item() == pytest.approx(0, abs=1e-12)


def test_what_comes_from_outside_is_occluded():
    flow = uniform(-2.4, 0, (16, 16))
    assert occluded(-flow, flow)[0, 0].sum(0).tolist() == [16, 16, *[0] * 14]
    nowhere = uniform(-20, 0, (16, 16))
    picture = noise(1, 1, 3, 16, 16)
    assert warping_error(picture, picture, -nowhere, nowhere).isnan().all()


# --- The error ------------------------------------------------------------------------------------


def test_flicker_gives_twice_its_variance():
    """Frames of one scene, each brighter or darker by a normal draw of deviation σ."""
    deviation, count = 0.05, 4001
    random = np.random.default_rng(5).normal(0, deviation, count)
    scene = 0.5 * noise(1, 1, 3, 8, 8) + 0.25
    frames = scene + torch.from_numpy(random).view(-1, 1, 1, 1)
    still = uniform(0, 0, (8, 8), count - 1)
    error = warping_error(frames[1:], frames[:-1], still, still)
    np.testing.assert_allclose(error, np.diff(random) ** 2, atol=1e-15)
    assert error.mean().item() == pytest.approx(2 * deviation**2, rel=0.08)


def test_frames_and_flows_have_one_size():
    picture, still = noise(1, 1, 3, 8, 8), uniform(0, 0, (8, 8))
    assert warping_error(torch.ones(1, 3, 8, 8), torch.zeros(1, 3, 8, 8), still, still).item() == 1
    with pytest.raises(OptionError, match=r"\(8, 8\), \(8, 9\).*must have the same size"):
        warping_error(picture, noise(1, 1, 3, 8, 9), still, still)


# --- Flow -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [(3, 0), (0, -3), (-3, 3)])
def test_the_flow_of_a_shift_is_found(step):
    first, second = panned(2, step, (96, 128))
    found = flow(first, second)
    assert found.shape == (1, 2, 96, 128)
    off = (found - uniform(*step, (96, 128))).norm(dim=1)[0]
    assert off[8:-8, 8:-8].max() < 0.3
    assert off.median() < 0.05


def test_the_flow_does_not_depend_on_threads():
    first, second = panned(2, (2, 1), (32, 40))
    before, found = cv2.getNumThreads(), []
    try:
        for threads in (1, 3):
            cv2.setNumThreads(threads)
            found.append(flow(first, second))
            assert cv2.getNumThreads() == threads
    finally:
        cv2.setNumThreads(before)
    assert torch.equal(*found)


# --- Films ----------------------------------------------------------------------------------------


def test_frames_are_in_the_order_of_their_numbers():
    names = ["b/f10.png", "b/f9.png", "b/2f.png", "b/f.png", "b/f09.png", "a/f1.png"]
    frames = [("B", Path(name)) for name in names] + [("A", Path("c/7.png"))]
    assert [str(path) for _, path in in_order(frames)] == [
        "a/f1.png", "b/2f.png", "b/f.png", "b/f09.png", "b/f9.png", "b/f10.png", "c/7.png"
    ]  # fmt: skip


def film_in(folder, pictures, first=8):
    """Frames in a folder, from frame8 past frame10."""
    for number, picture in enumerate(pictures, first):
        images.write(folder / f"frame{number}.png", picture)
    return folder


@pytest.fixture
def world(tmp_path):
    """A film of four frames, a painting, and the film repainted: steadily and with flicker."""
    frames = panned(4, (2, 1))
    film_in(tmp_path / "frames", frames)
    film_in(tmp_path / "steady", [1 - frame for frame in frames])
    levels = (0, 0.1, -0.1, 0.05)
    flicker = [0.6 * frame + 0.2 + a for frame, a in zip(frames, levels, strict=True)]
    film_in(tmp_path / "flicker", flicker)
    images.write(tmp_path / "style.png", smooth_picture(40, 40, seed=9))
    return tmp_path


def frames_of(folder):
    return [path for _, path in in_order([("", path) for path in folder.iterdir()])]


def judged(world, name, **options):
    paths = frames_of(world / name)
    film = Film([(name, path) for path in paths], **options)
    return [film(path, Match(world / "frames" / path.name, world / "style.png")) for path in paths]


def test_a_film_is_judged_frame_by_frame(world):
    steady, flicker = judged(world, "steady"), judged(world, "flicker")
    assert steady[0] == {}
    contents = [images.read(path).tensor for path in frames_of(world / "frames")]
    painted = [images.read(path).tensor for path in frames_of(world / "steady")]
    for t in (1, 2, 3):
        flows = flow(contents[t - 1], contents[t]), flow(contents[t], contents[t - 1])
        error = warping_error(painted[t], painted[t - 1], *flows).item()
        assert steady[t][WARPING] == pytest.approx(error, rel=1e-6)
        assert steady[t][WARPING] == pytest.approx(steady[t][WARPING_CONTENT], rel=1e-3)
        assert flicker[t][WARPING_CONTENT] == steady[t][WARPING_CONTENT]
        assert steady[t][WARPING] < 5e-4
    expected = [0.1**2, 0.2**2, 0.15**2]
    assert [found[WARPING] for found in flicker[1:]] == pytest.approx(expected, rel=0.05)
    smaller = judged(world, "flicker", size=40)
    assert [found[WARPING] for found in smaller[1:]] == pytest.approx(expected, rel=0.1)


def test_a_frame_needs_the_one_before(world):
    paths = frames_of(world / "steady")
    film = Film([("steady", path) for path in paths])
    matches = [Match(world / "frames" / path.name, world / "style.png") for path in paths]
    assert film(paths[0], matches[0]) == {}
    assert film(paths[2], matches[2]) == {}  # the second one is missing
    assert set(film(paths[3], matches[3])) == {WARPING, WARPING_CONTENT}
    other = film_in(world / "other", [images.read(path).tensor for path in paths[:2]], first=12)
    scenes = [("all", path) for path in (*paths[:2], *frames_of(other))]
    film = Film(scenes)
    found = [film(path, matches[t % 2]) for t, (_, path) in enumerate(scenes)]
    assert [bool(figures) for figures in found] == [False, True, False, True]


def test_frames_that_cannot_be_compared(world):
    images.write(world / "steady/frame10.png", smooth_picture(24, 32, seed=1))
    paths = frames_of(world / "steady")
    film = Film([("steady", path) for path in paths])
    match = Match(world / "frames/frame8.png", world / "style.png")
    assert film(paths[0], match) == {}
    assert film(paths[1], match)
    with pytest.raises(ImageError, match=r"frame10.png is 32×24 px and frame9.png before it 64×48"):
        film(paths[2], match)
    assert film(paths[3], match) == {}
    images.write(paths[0], smooth_picture(12, 16, seed=1))
    with pytest.raises(ImageError, match=r"judged at 16×12 px: temporal needs at least 16 px"):
        Film([("steady", path) for path in paths])(paths[0], match)
    with pytest.raises(InputDataError, match="lone has no two frames in one folder: temporal"):
        Film([*(("steady", path) for path in paths), ("lone", paths[0])])


# --- impasto evaluate -----------------------------------------------------------------------------


def words(world, *methods):
    places = [str(world / method) for method in methods]
    return ["evaluate", *places, "--content", str(world / "frames"),
            "--style", str(world / "style.png"), "--temporal", *SMALL]  # fmt: skip


def test_films_are_compared(world, tmp_path, capsys):
    out = tmp_path / "figures"
    assert run([*words(world, "steady", "flicker"), "-o", str(out)]) == 0
    told = capsys.readouterr()
    assert told.err == ""
    assert re.search(r"warping +steady .* lower", told.out)
    assert re.search(r"warping.content +steady ", told.out)
    lines = list(csv.DictReader((out / "pictures.csv").read_text("utf-8").splitlines()))
    names = [Path(line["result"]).stem for line in lines]
    assert names == 2 * ["frame8", "frame9", "frame10", "frame11"]
    assert [bool(line[WARPING]) for line in lines] == 2 * [False, True, True, True]
    report = json.loads((out / "evaluation.json").read_text("utf-8"))
    assert report["metrics"][WARPING]["better"] == "lower"
    assert "1808.00449" in report["metrics"][WARPING]["source"]
    found = report["methods"]["flicker"][WARPING]
    expected = np.mean([float(line[WARPING]) for line in lines[5:]])
    assert found["mean"] == pytest.approx(expected)
    assert found["low"] < found["mean"] < found["high"]
    assert found["mean"] > 20 * report["methods"]["steady"][WARPING]["mean"]


def test_a_frame_of_another_size_is_named_and_the_rest_is_done(world, capsys):
    images.write(world / "steady/frame10.png", smooth_picture(24, 32, seed=1))
    assert run([*words(world, "steady"), "--json"]) == 2
    told = capsys.readouterr()
    assert "frame10.png is 32×24 px and frame9.png before it 64×48 px" in told.err
    assert told.err.endswith("1 of 4 results could not be judged.\n")
    pictures = json.loads(told.out)["pictures"]
    assert [WARPING in picture for picture in pictures] == [False, True, False]


@pytest.mark.parametrize(
    ("case", "named"),
    [("lone frame", "has no two frames in one folder"), ("no OpenCV", "'.[video]'")],
)
def test_a_mistake_gets_one_sentence(case, named, world, capsys, monkeypatch):
    method = "steady"
    if case == "lone frame":
        method = "steady/frame8.png"
    else:
        monkeypatch.setitem(sys.modules, "cv2", None)
    assert run(words(world, method)) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert named in told.err
    assert told.err.startswith("impasto: ")
    assert len(told.err.strip().splitlines()) == 1
