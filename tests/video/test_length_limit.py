"""Clips that somebody else has sent: how long they may be, and what FFmpeg may open for them."""

from __future__ import annotations

import io
import struct

import pytest
from PIL import Image
from PIL.GifImagePlugin import GifImageFile

from helpers.clips import make_clip
from helpers.picture_files import png_chunk
from impasto import RunOptions, StyleInput, StylizeRequest, VideoRequest, run
from impasto.errors import InputDataError
from impasto.jobs.video_request import ClipLimits
from impasto.video.open_clip import open_clip


def paint(clip, tmp_path, limits, **entries):
    picture = StylizeRequest(str(clip), (StyleInput("great-wave"),), size=32)
    request = VideoRequest(picture, steady=0.0, **entries)
    options = RunOptions(output=tmp_path / "out.mp4", clip_limits=limits)
    return run(request, options).finish()


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return make_clip(tmp_path_factory.mktemp("clips") / "clip.mp4", 10, rate=10)


def test_what_is_within_the_limits_is_painted(clip, tmp_path):
    assert paint(clip, tmp_path, ClipLimits(1.0, 10, 10 * 24 * 32)).frames == 10


@pytest.mark.parametrize(
    ("limits", "what"),
    [
        (ClipLimits(seconds=0.5), "0.5 s are painted at most"),
        (ClipLimits(frames=9), "9 frames|9 are painted"),
        (ClipLimits(pixels=9 * 24 * 32), "10 frames of 32×24 px"),
    ],
)
def test_what_is_beyond_them_is_refused_before_a_frame_is_painted(clip, tmp_path, limits, what):
    with pytest.raises(InputDataError, match=what):
        paint(clip, tmp_path, limits)
    assert list(tmp_path.iterdir()) == []


def test_a_part_of_a_long_clip_may_be_painted(clip, tmp_path):
    assert paint(clip, tmp_path, ClipLimits(seconds=0.5), end=0.5).frames == 5


def test_many_frames_a_second_are_counted(clip, tmp_path):
    with pytest.raises(InputDataError, match="1000 frames"):
        paint(clip, tmp_path, ClipLimits(frames=20), fps=1000.0)


def test_a_file_that_says_less_than_it_has_is_refused_on_the_way(clip, tmp_path, monkeypatch):
    """As a broken or forged table of contents would have it."""
    monkeypatch.setattr("impasto.video.job._expected", lambda clip, request: 1)
    monkeypatch.setattr("impasto.video.job._seconds", lambda clip, request: 0.1)
    with pytest.raises(InputDataError, match=r"in 7 frames|more than the 6 frames"):
        paint(clip, tmp_path, ClipLimits(frames=6))


def test_an_animation_is_read_no_further_than_allowed(tmp_path, monkeypatch):
    path = tmp_path / "many.gif"
    frames = [Image.new("L", (4, 4), number % 256) for number in range(300)]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=20)
    read, seek = [], GifImageFile.seek
    monkeypatch.setattr(GifImageFile, "seek", lambda file, n: (read.append(n), seek(file, n)))
    with pytest.raises(InputDataError, match="more than the 20 frames"):
        open_clip(path, max_frames=20)
    assert max(read) <= 21


@pytest.mark.parametrize("ending", ["gif", "webp", "png"])
def test_animations_are_known_by_their_content(tmp_path, ending):
    path = tmp_path / f"clip.{ending}"
    frames = [Image.new("RGB", (16, 16), (40 * number, 0, 0)) for number in range(3)]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=100)
    path = path.rename(tmp_path / "clip.upload")
    found = open_clip(path)
    assert len(list(found.shown())) == 3


def test_an_animation_that_claims_more_frames_than_it_has(tmp_path):
    frames = [Image.new("RGB", (16, 16), (40 * number, 0, 0)) for number in range(3)]
    stream = io.BytesIO()
    frames[0].save(stream, "PNG", save_all=True, append_images=frames[1:], duration=100)
    data = stream.getvalue()
    begin = data.index(b"acTL")
    claim = png_chunk(b"acTL", struct.pack(">II", 2**31 - 1, 0))
    (tmp_path / "clip.png").write_bytes(data[: begin - 4] + claim + data[begin + 16 :])
    clip = open_clip(tmp_path / "clip.png", max_frames=20)
    assert len(list(clip.shown())) == 3
    assert "cut off or damaged" in clip.problems[0]


PLAYLISTS = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{0}\n#EXT-X-ENDLIST\n",
    "concat": "ffconcat version 1.0\nfile {0}\n",
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>{0}</BaseURL>'
    "</MPD>",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 96\n",
}


@pytest.mark.parametrize("kind", PLAYLISTS)
@pytest.mark.parametrize("ending", ["mp4", "mkv", "m3u8", "upload"])
def test_playlists_that_name_other_files_are_no_clips(clip, tmp_path, kind, ending):
    path = tmp_path / f"clip.{ending}"
    path.write_text(PLAYLISTS[kind].format("named.mp4"))
    (tmp_path / "named.mp4").write_bytes(clip.read_bytes())
    with pytest.raises(InputDataError, match="cannot be read as a video"):
        open_clip(path)
