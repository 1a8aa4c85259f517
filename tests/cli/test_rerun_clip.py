"""``impasto rerun`` of clips: from the request in their comment, which anyone may have written."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import av
import pytest
from PIL import Image

from helpers.clips import frame_times, make_clip
from helpers.touched import touched
from impasto.cli.commands.rerun import read_request
from impasto.cli.main import run
from impasto.jobs.request_json import any_from_json, from_json, to_json
from impasto.jobs.requests import StyleInput, StylizeRequest
from impasto.jobs.video_request import Keyframe, VideoRequest
from impasto.video.metadata import read_comment

STYLE = (StyleInput("great-wave"),)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a clip of 3 frames."""
    folder = tmp_path_factory.mktemp("made")
    make_clip(folder / "clip.mp4", 3, size=(32, 48))
    return folder


@pytest.fixture(autouse=True)
def here(made, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    shutil.copy(made / "clip.mp4", tmp_path / "here" / "clip.mp4")
    monkeypatch.chdir(tmp_path / "here")


def paint(*words, output="out.mp4"):
    return run(["video", "clip.mp4", "-o", output, "--device", "cpu", *words])


def again(*words, source="out.mp4", output="again.mp4"):
    return run(["rerun", source, "-o", output, "--device", "cpu", *words])


def stranger(comment):
    with av.open("stranger.mp4", "w", container_options={"movflags": "use_metadata_tags"}) as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        out.metadata["comment"] = comment
        out.mux(stream.encode(av.VideoFrame(32, 32, "yuv420p")))
        out.mux(stream.encode(None))


def described(**changes):
    request = json.loads(to_json(VideoRequest(StylizeRequest("clip.mp4", STYLE))))
    return request | changes


def comment(encoding=("", -1, "", "keep"), **changes):
    made_from = {"impasto": "1", "request": described(**changes), "encoding": list(encoding)}
    return "impasto " + json.dumps(made_from)


def test_the_same_file_is_made_again(capsys):
    words = ("--at", "0s=great-wave", "--at", "0.1s=scream@0.5", "--ease", "smooth")
    assert paint(*words, "--crf", "30", "--steady", "0.5", "--end", "0.1") == 0
    assert again() == 0
    assert Path("again.mp4").read_bytes() == Path("out.mp4").read_bytes()
    assert "reads clip.mp4\n" in capsys.readouterr().err
    assert again() == 0
    assert capsys.readouterr().out.endswith("is there already, painted in the same way\n")


def test_options_change_what_is_painted():
    assert paint("--at", "0s=great-wave", "--at", "0.1s=scream@0.5", "--crf", "30") == 0
    assert again("--style", "scream", "--size", "64", output="again.mkv") == 0
    request, encoding = read_request("again.mkv")
    assert request.picture.styles == (StyleInput("scream"),)
    assert request.keyframes == (Keyframe(0.1, strength=0.5),)
    assert (request.picture.size, encoding.crf) == (64, -1)
    assert frame_times(Path("again.mkv")) == frame_times(Path("clip.mp4"))


def test_a_clip_that_was_painted_by_optimization():
    Image.new("RGB", (32, 32), (200, 30, 60)).save("style.png")
    words = ("--steps", "2", "--scales", "1", "--frame-steps", "1", "--end", "0.05")
    assert paint("--style", "style.png", "--paint", *words) == 0
    assert again() == 0
    assert Path("again.mp4").read_bytes() == Path("out.mp4").read_bytes()
    assert again("--style-weight", "4", "--strength", "0.5", output="stronger.mp4") == 0
    before, request = read_request("out.mp4")[0], read_request("stronger.mp4")[0]
    assert request.recipe == before.recipe.replace(style_weight=4)
    assert request.picture == before.picture.replace(strength=0.5)


def test_a_frame_of_a_folder_tells_its_clip():
    assert paint("--style", "great-wave", output="frames") == 0
    assert again(source="frames/000002.png") == 0
    assert paint("--style", "great-wave", output="out.mp4") == 0
    assert Path("again.mp4").read_bytes() == Path("out.mp4").read_bytes()


def test_the_request_is_shown(capsys):
    assert paint("--style", "great-wave") == 0
    assert run(["rerun", "out.mp4", "--show"]) == 0
    shown = capsys.readouterr().out
    assert "# video\n# content: clip.mp4\n# style: great-wave\n" in shown
    request = any_from_json(shown.splitlines()[-1])
    assert to_json(request) == to_json(read_request("out.mp4")[0])


@pytest.mark.parametrize("name", ["../secret.mp4", "/secret.mp4", r"\\faraway\share\a.mp4"])
@pytest.mark.parametrize("entry", ["content", "styles", "mask", "model"])
def test_files_elsewhere_are_not_touched(entry, name, capsys):
    name = name.replace(".mp4", ".safetensors") if entry == "model" else name
    value = [{"source": name}] if entry == "styles" else name
    stranger(comment(picture=described()["picture"] | {entry: value}))
    with touched() as names:
        assert again(source="stranger.mp4") == 2
    told = capsys.readouterr().err
    assert "stranger.mp4 names files outside of this folder, and none has been read" in told
    assert not [touched_name for touched_name in names if "secret" in str(touched_name)]
    assert not Path("again.mp4").exists()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("impasto {", "It is not complete."),
        ("impasto []", "It is not complete."),
        (
            'impasto {"request": {}, "encoding": [0, 0, 0, 0]}',
            "The request is of version None; this Impasto reads 1.",
        ),
        (comment(kind="paint"), "A paint request has no entry 'picture'."),
        (comment(start="soon"), "--start takes a number, not 'soon'."),
        (comment(fps=1e9), "--fps must be from 0 to 1000, not 1000000000.0."),
        (comment(start=10**400), "--start "),
        (comment(command="rm"), "A video request has no entry 'command'."),
        (comment(picture=[]), "The picture must be an object of entries, not []."),
        (comment(picture={"content": "clip.mp4"}), "The stylize request lacks the entry 'styles'."),
        (comment(keyframes=[{"seconds": "1"}]), "A keyframe has a time and a strength, not {'se"),
        (comment(keyframes=[{"seconds": 1}]), "A keyframe has styles, a strength or both."),
        (comment(encoding=("", "x", "", "")), "--crf takes a whole number, not 'x'."),
        (comment(ease="x" * 600_000), "characters; at most 524288 are read."),
    ],
)
def test_requests_of_strangers_are_checked(text, told, capsys):
    stranger(text)
    assert read_comment(Path("stranger.mp4")) == text
    assert again(source="stranger.mp4") == 2
    error = capsys.readouterr().err
    assert "stranger.mp4 has a request that cannot be used: " in error
    assert told in error
    assert error.count("\n") == 1
    assert not Path("again.mp4").exists()


@pytest.mark.parametrize(
    ("words", "output", "told"),
    [
        (["--style-weight", "2"], "again.mp4", "--style-weight cannot be changed in this clip: "),
        (["--log", "log.csv"], "again.mp4", "--log is for pictures, not for clips: leave it out."),
        ([], "again.jpg", "again.jpg: a clip is written as .mp4"),
        ([], "clip.mp4", "clip.mp4 is read and would be replaced"),
    ],
)
def test_mistakes(words, output, told, capsys):
    stranger(comment())
    assert again(*words, source="stranger.mp4", output=output) == 2
    assert told in capsys.readouterr().err
    assert sorted(path.name for path in Path().iterdir()) == ["clip.mp4", "stranger.mp4"]


def test_a_clip_that_was_not_painted_is_told(capsys):
    assert again(source="clip.mp4") == 2
    assert "clip.mp4 has no request: it was not painted by Impasto" in capsys.readouterr().err
    assert paint("--style", "great-wave", output="out.webp") == 0
    assert again(source="out.webp") == 2
    assert "out.webp has no request: animations hold none, " in capsys.readouterr().err


def test_clips_are_not_among_the_requests_for_pictures():
    from impasto.errors import OptionError

    text = json.dumps(described())
    assert any_from_json(text) == VideoRequest(StylizeRequest("clip.mp4", STYLE))
    with pytest.raises(OptionError, match="The request's kind is 'video'"):
        from_json(text)
