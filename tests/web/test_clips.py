"""Clips over HTTP: sent, painted, refused."""

from __future__ import annotations

import io
import json
from typing import Any

import av
import pytest
from PIL import Image

from helpers.clips import make_clip
from helpers.web_client import PAINTING, PHOTO
from impasto.errors import OptionError
from impasto.jobs.request_json import any_from_json
from impasto.jobs.video_request import VideoRequest
from impasto.web import posted
from impasto.web.about import about
from impasto.web.posted import read_posted
from impasto.web.settings import Limits, Settings


def clip_request(style: str = "great-wave", **entries: Any) -> dict[str, Any]:
    picture = {"content": "upload:clip", "styles": [{"source": style}], "size": 48}
    return {"version": 1, "kind": "video", "picture": picture, "steady": 0.0, **entries}


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("clips") / "clip.mp4"
    sound, private = [("aac", 0.0)], {"title": "a secret title", "location": "+48.1+011.5/"}
    return make_clip(path, 6, rate=10, sound=sound, metadata=private).read_bytes()


def frames_of(data: bytes) -> list[tuple[int, int]]:
    with av.open(io.BytesIO(data)) as container:
        return [(frame.width, frame.height) for frame in container.decode(video=0)]


def test_a_clip_from_the_message_to_the_file(client, clip):
    job = client.job(clip_request(), clip=clip)
    events = client.events(job)
    names = {name for name, _ in events}
    assert {"planned", "progress", "preview", "finished"} <= names
    planned = next(data for name, data in events if name == "planned")
    assert (planned["sizes"], planned["steps"]) == ([[48, 36]], [6])
    described = client.get(f"/api/jobs/{job}").json
    assert (described["kind"], described["state"]) == ("video", "finished")
    assert (described["formats"], described["events"]["finished"]["frames"]) == (["mp4"], 6)
    made = client.get(f"/api/jobs/{job}/result")
    assert made.headers["content-type"] == "video/mp4"
    assert frames_of(made.body) == [(48, 36)] * 6
    with av.open(io.BytesIO(made.body)) as container:
        assert len(container.streams.audio) == 1
    assert b"secret" not in made.body
    assert b"+48.1" not in made.body
    part = client.get(f"/api/jobs/{job}/result", range="bytes=0-9")
    assert (part.status, part.body) == (206, made.body[:10])
    assert client.get(f"/api/jobs/{job}/result?format=png").status == 404
    preview = Image.open(io.BytesIO(client.get(f"/api/jobs/{job}/preview").body))
    assert preview.size == (48, 36)
    settings = client.post_form("/api/settings", {"picture": made.body})
    restored = any_from_json(json.dumps(settings.json["request"]))
    assert isinstance(restored, VideoRequest)
    assert restored.picture.size == 48


def test_an_animation_becomes_one_and_changes_its_style(client):
    stream = io.BytesIO()
    frames = [Image.new("RGB", (32, 32), (60 * number, 90, 0)) for number in range(3)]
    frames[0].save(stream, "GIF", save_all=True, append_images=frames[1:], duration=100)
    looks = [{"seconds": 0, "styles": [{"source": "great-wave"}]},
             {"seconds": 0.2, "styles": [{"source": "starry-night"}], "strength": 0.5}]  # fmt: skip
    parts = {"request": json.dumps(clip_request(keyframes=looks)), "format": "webp",
             "clip": stream.getvalue()}  # fmt: skip
    job = client.post_form("/api/jobs", parts).json["id"]
    ended = client.end(job)
    assert ended["formats"] == ["webp"], ended["events"]
    made = client.get(f"/api/jobs/{job}/result")
    assert made.headers["content-type"] == "image/webp"
    assert Image.open(io.BytesIO(made.body)).n_frames == 3


def test_frames_by_optimization_are_stopped_and_go_on(client, tmp_path):
    """Six frames make a part that is kept."""
    clip = make_clip(tmp_path / "clip.mp4", 12, rate=10).read_bytes()
    recipe = {"scales": 1, "steps": 2, "optimizer": "adam"}
    request = clip_request("upload:style-1", recipe=recipe, frame_steps=60)
    job = client.job(request, clip=clip, style_1=PAINTING)

    def frames() -> int:
        return int(
            client.get(f"/api/jobs/{job}").json["events"].get("progress", {"step": 0})["step"]
        )

    client.wait(lambda: frames() >= 6)
    client.send("POST", f"/api/jobs/{job}/stop")
    stopped = client.end(job)
    assert (stopped["state"], stopped["result"], stopped["resumable"]) == ("stopped", False, True)
    assert client.send("POST", f"/api/jobs/{job}/resume").status == 202
    ended = client.end(job)
    assert (ended["state"], ended["formats"]) == ("finished", ["mp4"])
    assert any("goes on after" in note for note in ended["notes"])
    assert len(frames_of(client.get(f"/api/jobs/{job}/result").body)) == 12


BAD_CLIPS = {
    "a picture": PHOTO,
    "a text": b"this is no clip" * 100,
    "nothing": b"",
    "a playlist": b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n/etc/passwd\n#EXT-X-ENDLIST\n",
    "a list of files": b"ffconcat version 1.0\nfile /etc/passwd\n",
}


@pytest.mark.parametrize("kind", BAD_CLIPS)
def test_what_is_no_clip_is_one_sentence(client, kind):
    ended = client.end(client.job(clip_request(), clip=BAD_CLIPS[kind]))
    assert ended["state"] == "failed"
    message = ended["events"]["failed"]["message"]
    assert message.startswith("clip ")
    assert "/" not in message
    assert "Impasto (" not in message  # a mistake of its own


def test_long_clips_are_refused(client, clip):
    """The limits themselves are tested with the clips of the library."""
    ended = client.end(client.job(clip_request(fps=1000.0), clip=clip))
    assert ended["state"] == "failed"
    assert "200 are painted at most" in ended["events"]["failed"]["message"]


def read(request: dict[str, Any], files: Any = ("clip",), **options: Any) -> Any:
    return read_posted(json.dumps(request), files, Limits(), **options)


def test_a_clip_has_a_file_and_a_picture_none():
    assert read(clip_request()).output == "result.mp4"
    assert read(clip_request(), clip_format="webm").output == "result.webm"
    with pytest.raises(OptionError, match="format"):
        read(clip_request(), clip_format="../x.mp4")
    picture = {"version": 1, "kind": "stylize", "content": "upload:clip",
               "styles": [{"source": "great-wave"}]}  # fmt: skip
    assert read(picture).output == ""
    with pytest.raises(OptionError, match="for clips"):
        read(picture, clip_format="mp4")


@pytest.mark.parametrize("source", ["/etc/passwd", "../clip.mp4", "http://10.0.0.1/a.mp4", "clip"])
def test_other_sources_of_clips_are_refused(source):
    frames = clip_request()["picture"]
    for request in (
        clip_request(picture={**frames, "content": source}),
        clip_request(picture={**frames, "styles": [{"source": source}]}),
        clip_request(picture={**frames, "model": source}),
        clip_request(keyframes=[{"seconds": 1, "styles": [{"source": source}]}]),
        clip_request(recipe={"init": source}),
        clip_request(recipe={"encoder": source}),
    ):
        with pytest.raises(OptionError):
            read(request)


def test_a_server_without_the_libraries_says_so(monkeypatch):
    assert about(Settings())["clips"] == ["mp4", "webm", "gif", "webp"]
    monkeypatch.setattr(posted, "is_installed", lambda module: module != "cv2")
    assert about(Settings())["clips"] == []
    with pytest.raises(OptionError, match=r"paints no clips: .* extra \[video\]"):
        read(clip_request())
