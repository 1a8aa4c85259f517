"""``impasto video``: what it prints, its exit codes, and mistakes in one sentence each."""

from __future__ import annotations

import json

import av
import numpy as np
import pytest
from PIL import Image

from helpers.clips import frame_times, make_clip, picture
from impasto.cli.main import run
from impasto.video.open_clip import open_clip


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    return make_clip(path, 4, size=(32, 48), sound=[("aac", 0.0)])


@pytest.fixture
def video(clip, tmp_path, capsys):
    """Runs the command with a clip and an output; its exit code, stdout and stderr."""

    def video(*words, source=clip, output="out.mp4", style=("--style", "great-wave")):
        path = tmp_path / output
        code = run(["video", str(source), *style, "-o", str(path), "--device", "cpu", *words])
        told = capsys.readouterr()
        return code, told.out, told.err

    return video


def test_a_clip_is_painted_and_then_kept(video, clip, tmp_path):
    code, out, err = video()
    assert (code, err) == (0, "")
    assert "out.mp4: 4 frames of 48×32 px in " in out
    assert frame_times(tmp_path / "out.mp4") == frame_times(clip)
    before = (tmp_path / "out.mp4").read_bytes()
    assert video()[1].endswith("out.mp4: is there already, painted in the same way\n")
    code, _, err = video("--strength", "0.5")
    assert code == 2
    assert err.endswith("name another -o, or replace it with --overwrite.\n")
    assert (tmp_path / "out.mp4").read_bytes() == before
    assert video("--strength", "0.5", "--overwrite")[0] == 0
    assert (tmp_path / "out.mp4").read_bytes() != before
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


def test_json(video):
    code, out, err = video("--json", "--size", "36", "--crf", "30")
    assert (code, err) == (0, "")
    told = json.loads(out)
    assert (told["width"], told["height"], told["frames"], told["finished"]) == (36, 24, 4, True)


def test_styles_and_strengths_over_time(video, tmp_path):
    style = ("--at", "0s=great-wave", "--at", "0.1=scream@0.5", "--ease", "smooth")
    assert video(style=style)[0] == 0
    assert video(output="same.mp4")[0] == 0
    frames = [_frames(tmp_path / name) for name in ("out.mp4", "same.mp4")]
    off = [np.abs(a - b).mean() for a, b in zip(*frames, strict=True)]
    assert off[0] < 4  # what the encoder adds
    assert off[3] > 3 * off[0]


def _frames(path):
    """The frames (H, W, 3), in levels."""
    clip = open_clip(path)
    frames = [255 * shown.read()[0][0].permute(1, 2, 0).numpy() for shown in clip.shown()]
    clip.close()
    return frames


def test_regions_by_a_clip_of_masks(video, clip, tmp_path):
    folder = tmp_path / "masks"
    folder.mkdir()
    for number in range(4):  # white in the left half, then in the right one
        mask = np.zeros((32, 48), np.uint8)
        mask[:, slice(0, 24) if number < 2 else slice(24, 48)] = 255
        Image.fromarray(mask).save(folder / f"mask{number}.png")
    assert video("--region", f"kept={folder}", output="out.mkv")[0] == 0
    frames, source = _frames(tmp_path / "out.mkv"), _frames(clip)
    for number, (painted, before) in enumerate(zip(frames, source, strict=True)):
        off = np.abs(painted - before).mean((0, 2))
        left, right = off[:20].mean(), off[28:].mean()
        kept, changed = (left, right) if number < 2 else (right, left)
        assert kept < 8
        assert changed > 2 * kept


def no_clip(tmp_path):
    path = tmp_path / "text.mp4"
    path.write_text("no video")
    return path


def only_sound(tmp_path):
    path = tmp_path / "sound.m4a"
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=48000)
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), "fltp", "stereo")
        frame.sample_rate, frame.pts = 48000, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def only_a_cover(tmp_path):
    path = tmp_path / "cover.m4a"
    with av.open(str(path), "w", format="mp4") as container:
        sound = container.add_stream("aac", rate=48000)
        cover = container.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 64, 48, "yuvj420p"
        cover.disposition = type(cover.disposition).attached_pic
        container.mux(cover.encode(av.VideoFrame.from_ndarray(picture(0), format="rgb24")))
        container.mux(cover.encode(None))
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), "fltp", "stereo")
        frame.sample_rate, frame.pts = 48000, 0
        container.mux(sound.encode(frame))
        container.mux(sound.encode(None))
    return path


def no_frames(tmp_path):
    path = tmp_path / "none.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        container.start_encoding()
    return path


def no_table(tmp_path):
    path = make_clip(tmp_path / "whole.mp4", 3, size=(32, 48))
    path.write_bytes(path.read_bytes()[:1000])  # the table of contents is at the end
    return path


def encrypted(tmp_path):
    path = make_clip(tmp_path / "secret.mp4", 3, size=(32, 48))
    data = path.read_bytes()
    place = data.rindex(b"avc1")  # what the table of contents calls the codec
    path.write_bytes(data[:place] + b"encv" + data[place + 4 :])
    return path


BROKEN = {
    encrypted: "secret.mp4 is encrypted: save it without protection first.",
    no_clip: "text.mp4 cannot be read as a video (Invalid data found when processing input): it "
    "is of another kind, or its beginning or its table of contents is missing.",
    only_sound: "sound.m4a has sound, and no video.",
    only_a_cover: "cover.m4a has only a cover picture, and no video.",
    no_frames: "none.mkv holds nothing that can be read: it is cut off, empty or of another kind.",
    no_table: "whole.mp4 holds nothing that can be read: it is cut off, empty or of another kind.",
    lambda folder: folder / "missing.mp4": "missing.mp4: check its name and folder.",
}


@pytest.mark.parametrize("make", BROKEN)
def test_broken_clips(video, tmp_path, make):
    source = make(tmp_path)
    before = sorted(path.name for path in tmp_path.iterdir())
    code, out, err = video(source=source)
    assert (code, out) == (2, "")
    assert err.startswith("impasto: ")
    assert err.endswith(f"{BROKEN[make]}\n")
    assert err.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("words", "output", "told"),
    [
        (["--codec", "h264"], "out.webm", "A .webm file cannot hold h264: name an .mkv, or "),
        (["--codec", "h265x"], "out.mp4", "Unknown value of --codec 'h265x': choose one of h264"),
        (["--codec", "h264", "--crf", "60"], "out.mp4", "--crf of h264 is 0 to 51, not 60."),
        (["--codec", "ffv1", "--crf", "6"], "out.mkv", "ffv1 has no --crf: leave it out."),
        (["--pixel-format", "rgb24"], "out.mp4", "Unknown value of --pixel-format for h264 'rgb"),
        (["--crf", "20"], "out.gif", "--crf is for videos: .gif has none, leave it out."),
        ([], "out.avi", "out.avi: a clip is written as .mp4, .m4v, .mov, .mkv, .webm, .gif, "),
        (["--start", "5"], "out.mp4", "--start is 5 s, and "),
        (["--start", "soon"], "out.mp4", "--start takes a time, such as 4s, 2.5 or 1:02, not "),
        (["--start", "2", "--end", "1"], "out.mp4", "--end must be after --start: 1 is not after"),
        (["--fps", "1e9"], "out.mp4", "--fps must be from 0 to 1000, not 1000000000.0."),
        (["--at", "great-wave"], "out.mp4", "--at takes TIME=STYLE, such as 4s=great-wave, "),
        (["--at", "1=scream", "--at", "1s=scream"], "out.mp4", "Two keyframes of --at have the "),
        (["--at", "1=nonsense"], "out.mp4", "Unknown style 'nonsense': choose one of "),
        (["--at", "1=scream@7"], "out.mp4", "A keyframe's strength is 0 to 1, not 7."),
        (["--size", "3"], "out.mp4", "px: the short side must have at least "),
        (["--max-pixels", "100"], "out.mp4", "clip.mp4 has frames of 48×32 px, more than the 100 "),
        (["--region", "a=missing.png"], "out.mp4", "missing.png"),
    ],
)
def test_mistakes(video, tmp_path, words, output, told):
    code, out, err = video(*words, output=output)
    assert (code, out) == (2, "")
    assert told in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_the_clip_itself_is_not_replaced(video, clip, capsys):
    words = ["--style", "great-wave", "--overwrite"]
    assert run(["video", str(clip), *words, "-o", str(clip)]) == 2
    assert "is read and would be replaced: name another -o." in capsys.readouterr().err
    assert run(["video", str(clip.parent), *words, "-o", str(clip.parent)]) == 2


def test_a_folder_with_something_in_it_is_not_written_to(video, tmp_path):
    (tmp_path / "frames").mkdir()
    (tmp_path / "frames" / "mine.txt").write_text("mine")
    code, _, err = video(output="frames")
    assert code == 2
    assert err.endswith("is not empty: name another -o, or write into it with --overwrite.\n")
    assert video("--overwrite", output="frames")[0] == 0
    assert (tmp_path / "frames" / "mine.txt").read_text() == "mine"
