"""Optical flow, frames in their order, and ``impasto evaluate --temporal``."""

import csv
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from helpers.random_inputs import smooth_picture
from helpers.videos import panned
from impasto import images
from impasto.cli.main import run
from impasto.errors import ImageError, InputDataError
from impasto.evaluation.matching import References
from impasto.evaluation.video import VideoEvaluator, sort_frames
from impasto.metrics.optical_flow import optical_flow
from impasto.metrics.temporal import WARPING, WARPING_CONTENT, warping_error

SMALL = ["--metrics", "tv"]


def test_frames_are_sorted_by_number():
    names = ["b/f10.png", "b/f9.png", "b/2f.png", "b/f.png", "b/f09.png", "a/f1.png"]
    frames = [("B", Path(name)) for name in names] + [("A", Path("c/7.png"))]
    assert [str(path) for _, path in sort_frames(frames)] == [
        "a/f1.png", "b/2f.png", "b/f.png", "b/f09.png", "b/f9.png", "b/f10.png", "c/7.png"
    ]  # fmt: skip


def write_frames(folder, pictures, first=8):
    """Frames in a folder, from frame8 past frame10."""
    for number, picture in enumerate(pictures, first):
        images.write(folder / f"frame{number}.png", picture)
    return folder


@pytest.fixture
def world(tmp_path):
    """A video of four frames, a painting, and the video repainted: steadily and with flicker."""
    frames = panned(4, (2, 1))
    write_frames(tmp_path / "frames", frames)
    write_frames(tmp_path / "steady", [1 - frame for frame in frames])
    levels = (0, 0.1, -0.1, 0.05)
    flicker = [0.6 * frame + 0.2 + a for frame, a in zip(frames, levels, strict=True)]
    write_frames(tmp_path / "flicker", flicker)
    images.write(tmp_path / "style.png", smooth_picture(40, 40, seed=9))
    return tmp_path


def frames_of(folder):
    return [path for _, path in sort_frames([("", path) for path in folder.iterdir()])]


def evaluate_folder(world, name, **options):
    paths = frames_of(world / name)
    video = VideoEvaluator([(name, path) for path in paths], **options)
    return [
        video(path, References(world / "frames" / path.name, world / "style.png")) for path in paths
    ]


def test_a_video_is_evaluated_frame_by_frame(world):
    steady, flicker = evaluate_folder(world, "steady"), evaluate_folder(world, "flicker")
    assert steady[0] == {}
    contents = [images.read(path).tensor for path in frames_of(world / "frames")]
    painted = [images.read(path).tensor for path in frames_of(world / "steady")]
    for t in (1, 2, 3):
        flows = (
            optical_flow(contents[t - 1], contents[t]),
            optical_flow(contents[t], contents[t - 1]),
        )
        error = warping_error(painted[t], painted[t - 1], *flows).item()
        assert steady[t][WARPING] == pytest.approx(error, rel=1e-6)
        assert steady[t][WARPING] == pytest.approx(steady[t][WARPING_CONTENT], rel=1e-3)
        assert flicker[t][WARPING_CONTENT] == steady[t][WARPING_CONTENT]
        assert steady[t][WARPING] < 5e-4
    expected = [0.1**2, 0.2**2, 0.15**2]
    assert [found[WARPING] for found in flicker[1:]] == pytest.approx(expected, rel=0.05)
    smaller = evaluate_folder(world, "flicker", size=40)
    assert [found[WARPING] for found in smaller[1:]] == pytest.approx(expected, rel=0.1)


def test_a_frame_needs_the_previous_one(world):
    paths = frames_of(world / "steady")
    video = VideoEvaluator([("steady", path) for path in paths])
    matches = [References(world / "frames" / path.name, world / "style.png") for path in paths]
    assert video(paths[0], matches[0]) == {}
    assert video(paths[2], matches[2]) == {}  # the second one is missing
    assert set(video(paths[3], matches[3])) == {WARPING, WARPING_CONTENT}
    other = write_frames(
        world / "other", [images.read(path).tensor for path in paths[:2]], first=12
    )
    scenes = [("all", path) for path in (*paths[:2], *frames_of(other))]
    video = VideoEvaluator(scenes)
    found = [video(path, matches[t % 2]) for t, (_, path) in enumerate(scenes)]
    assert [bool(figures) for figures in found] == [False, True, False, True]


def test_frames_that_cannot_be_compared(world):
    images.write(world / "steady/frame10.png", smooth_picture(24, 32, seed=1))
    paths = frames_of(world / "steady")
    video = VideoEvaluator([("steady", path) for path in paths])
    match = References(world / "frames/frame8.png", world / "style.png")
    assert video(paths[0], match) == {}
    assert video(paths[1], match)
    with pytest.raises(ImageError, match=r"frame10.png is 32×24 px and frame9.png before it 64×48"):
        video(paths[2], match)
    assert video(paths[3], match) == {}
    images.write(paths[0], smooth_picture(12, 16, seed=1))
    with pytest.raises(ImageError, match=r"evaluated at 16×12 px: temporal needs at least 16 px"):
        VideoEvaluator([("steady", path) for path in paths])(paths[0], match)
    with pytest.raises(InputDataError, match="lone has no two frames in one folder: temporal"):
        VideoEvaluator([*(("steady", path) for path in paths), ("lone", paths[0])])


def words(world, *methods):
    places = [str(world / method) for method in methods]
    return ["evaluate", *places, "--content", str(world / "frames"),
            "--style", str(world / "style.png"), "--temporal", *SMALL]  # fmt: skip


def test_videos_are_compared(world, tmp_path, capsys):
    out = tmp_path / "figures"
    assert run([*words(world, "steady", "flicker"), "-o", str(out)]) == 0
    output = capsys.readouterr()
    assert output.err == ""
    assert re.search(r"warping +steady .* lower", output.out)
    assert re.search(r"warping.content +steady ", output.out)
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


def test_a_frame_of_another_size_is_reported_and_the_rest_evaluated(world, capsys):
    images.write(world / "steady/frame10.png", smooth_picture(24, 32, seed=1))
    assert run([*words(world, "steady"), "--json"]) == 2
    output = capsys.readouterr()
    assert "frame10.png is 32×24 px and frame9.png before it 64×48 px" in output.err
    assert output.err.endswith("1 of 4 results could not be evaluated.\n")
    pictures = json.loads(output.out)["pictures"]
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
    output = capsys.readouterr()
    assert output.out == ""
    assert named in output.err
    assert output.err.startswith("impasto: ")
    assert len(output.err.strip().splitlines()) == 1
