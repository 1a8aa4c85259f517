"""What a painted clip's file has of its source: times, sound, size, colours, chapters, metadata."""

from __future__ import annotations

from fractions import Fraction

import av
import pytest
import torch
from PIL import Image, ImageSequence

from helpers.clips import frame_times, make_clip, packets, picture
from helpers.painted_clips import paint_clip, request_for
from impasto.errors import InputDataError
from impasto.jobs.video_request import Encoding
from impasto.video.open_clip import open_clip

UNEVEN = [0, 40, 50, 200, 210, 500]
MILLISECOND = Fraction(1, 1000)


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Two sound tracks, one of which begins later; a title, a comment, and two chapters."""
    chapters = [
        {"id": 1, "start": 0, "end": 100, "time_base": MILLISECOND, "metadata": {"title": "one"}},
        {"id": 2, "start": 100, "end": 240, "time_base": MILLISECOND, "metadata": {"title": "two"}},
    ]
    return make_clip(
        tmp_path_factory.mktemp("clip") / "clip.mp4",
        6,
        sound=[("aac", 0.0), ("aac", 0.1)],
        metadata={"title": "A title", "comment": "A comment", "location": "+48.1+009.1/"},
        chapters=chapters,
    )


@pytest.fixture(scope="module")
def uneven(tmp_path_factory):
    path = tmp_path_factory.mktemp("uneven") / "uneven.mp4"
    return make_clip(path, 6, times=UNEVEN, time_base=MILLISECOND, sound=[("aac", 0.0)])


def first_frame(path):
    with av.open(str(path)) as container:
        return next(container.decode(video=0))


def test_times_sound_chapters_and_metadata_stay(clip, tmp_path):
    out = tmp_path / "out.mp4"
    result, notes = paint_clip(request_for(clip), out)
    assert (result.frames, result.path, notes) == (6, out, [])
    assert frame_times(out) == frame_times(clip) == [Fraction(n, 25) for n in range(6)]
    assert packets(out) == packets(clip)
    assert len(packets(out)) == 2
    with av.open(str(out)) as container:
        assert container.metadata["title"] == "A title"
        assert container.metadata["description"] == "A comment"
        assert "location" not in container.metadata
        assert container.metadata["comment"].startswith('impasto {"impasto": ')
        assert [c["metadata"]["title"] for c in container.chapters()] == ["one", "two"]
        assert [s.language for s in container.streams.audio] == ["eng", "eng"]
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
    data = out.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")  # it plays while it loads
    frame = first_frame(out)
    assert (frame.colorspace, frame.color_range) == (1, 1)
    assert (frame.color_primaries, frame.color_trc) == (1, 1)


@pytest.mark.parametrize("ending", ["mp4", "mov", "mkv"])
def test_uneven_times_stay(uneven, tmp_path, ending):
    out = tmp_path / f"out.{ending}"
    paint_clip(request_for(uneven), out)
    assert frame_times(out) == frame_times(uneven) == [t * MILLISECOND for t in UNEVEN]
    ours, theirs = packets(out)[0], packets(uneven)[0]
    assert [data for _, data in ours] == [data for _, data in theirs]
    assert max(abs(a - b) for (a, _), (b, _) in zip(ours, theirs, strict=True)) < MILLISECOND


def test_webm_needs_another_sound_and_says_so(uneven, tmp_path):
    out = tmp_path / "out.webm"
    _, notes = paint_clip(request_for(uneven), out)
    assert notes == [
        "The sound of uneven.mp4 is aac, which .webm cannot hold: it is encoded as Opus."
    ]
    assert frame_times(out) == frame_times(uneven)
    with av.open(str(out)) as container:
        assert container.streams.audio[0].codec_context.name in ("opus", "libopus")
        sound = list(container.decode(audio=0))
    heard = sum(f.samples for f in sound) / 48000
    with av.open(str(uneven)) as container:
        before = sum(f.samples for f in container.decode(audio=0)) / 48000
    assert heard == pytest.approx(before, abs=0.05)


def test_a_part_of_a_clip(clip, tmp_path):
    out = tmp_path / "out.mp4"
    result, _ = paint_clip(request_for(clip, start=0.08, end=0.2), out)
    assert result.frames == 3
    assert frame_times(out) == [Fraction(n, 25) for n in range(3)]
    shift = Fraction(2, 25)
    kept = [(t - shift, d) for t, d in packets(clip)[0] if shift <= t < Fraction(1, 5)]
    ours = packets(out)[0]
    assert [data for _, data in ours] == [data for _, data in kept]
    assert all(abs(a - b) <= Fraction(1, 48000) for (a, _), (b, _) in zip(ours, kept, strict=True))
    with av.open(str(out)) as container:
        spans = [
            [c[end] * c["time_base"] for end in ("start", "end")] for c in container.chapters()
        ]
        assert spans == [[0, Fraction(1, 50)], [Fraction(1, 50), Fraction(3, 25)]]


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_a_clip_that_begins_later_than_its_sound(tmp_path, ending):
    late = make_clip(
        tmp_path / "late.mp4",
        4,
        times=[3003, 4004, 5005, 6006],
        time_base=Fraction(1, 30000),
        sound=[("aac", 0.0)],
    )
    before = frame_times(late)
    assert before[0] == pytest.approx(0.1, abs=0.002)
    out = tmp_path / f"out.{ending}"
    paint_clip(request_for(late), out)
    exact = 0 if ending == "mp4" else MILLISECOND / 2
    assert all(abs(a - b) <= exact for a, b in zip(frame_times(out), before, strict=True))
    gap = packets(late)[0][0][0] - before[0]
    assert packets(out)[0][0][0] - frame_times(out)[0] == pytest.approx(float(gap), abs=0.002)


@pytest.mark.parametrize(("fps", "count"), [(50, 12), (12.5, 3)])
def test_another_rate(clip, tmp_path, fps, count):
    out = tmp_path / "out.mp4"
    paint_clip(request_for(clip, fps=fps), out)
    assert frame_times(out) == [n / Fraction(fps) for n in range(count)]


def test_a_phones_clip_is_upright(tmp_path):
    turned = make_clip(tmp_path / "turned.mp4", 2, size=(48, 80), rotation=90)
    opened = open_clip(turned)
    ((image, _),) = [shown.read() for shown in list(opened.shown())[:1]]
    opened.close()
    expected = torch.rot90(torch.from_numpy(picture(0, (48, 80))).permute(2, 0, 1)[None] / 255,
                           1, (2, 3))  # fmt: skip
    assert opened.info.size == (80, 48)
    assert (image - expected).abs().mean() < 0.02
    out = tmp_path / "out.mp4"
    paint_clip(request_for(turned), out)
    frame = first_frame(out)
    assert (frame.height, frame.width, frame.rotation) == (80, 48, 0)


def test_pixels_become_square(tmp_path):
    wide = make_clip(tmp_path / "wide.mp4", 2, size=(48, 60), aspect=Fraction(16, 15))
    out = tmp_path / "out.mp4"
    paint_clip(request_for(wide), out)
    assert (first_frame(out).height, first_frame(out).width) == (48, 64)


@pytest.mark.parametrize(
    ("pixel_format", "tags", "full"),
    [
        ("yuv420p", {"colorspace": 1, "color_range": 1}, False),
        ("yuv420p", {"colorspace": 6, "color_range": 1}, False),
        ("yuvj420p", {"colorspace": 5, "color_range": 2}, True),
        ("yuv420p10le", {"colorspace": 1, "color_range": 1}, False),
    ],
)
def test_colours_are_read_as_they_are_tagged(tmp_path, pixel_format, tags, full):
    path = make_clip(
        tmp_path / "clip.mp4", 2, pixel_format=pixel_format, tags=tags, full=full,
        options={"crf": "4"},
    )  # fmt: skip
    opened = open_clip(path)
    image, _ = next(iter(opened.shown())).read()
    opened.close()
    expected = torch.from_numpy(picture(0)).permute(2, 0, 1)[None] / 255
    assert (image - expected).abs().mean() < 0.015
    assert opened.info.coding.is_full == full
    assert opened.info.coding.depth == (10 if "10" in pixel_format else 8)


def test_odd_sides_are_said(tmp_path):
    odd = make_clip(tmp_path / "odd.mkv", 2, size=(49, 65), codec="ffv1", pixel_format="yuv444p")
    _, notes = paint_clip(request_for(odd), tmp_path / "out.mp4")
    assert notes == [
        "Frames of 65×49 px become 66×50 px: yuv420p needs even sides, so a row or column is "
        "repeated (pixel_format yuv444p keeps them)."
    ]
    assert (first_frame(tmp_path / "out.mp4").width) == 66
    paint_clip(request_for(odd), tmp_path / "o.mp4", encoding=Encoding(pixel_format="yuv444p"))
    assert (first_frame(tmp_path / "o.mp4").height) == 49


def test_hdr_is_mapped_and_said(tmp_path):
    tags = {"colorspace": 9, "color_primaries": 9, "color_trc": 16}
    hdr = make_clip(tmp_path / "hdr.mp4", 2, pixel_format="yuv420p10le", tags=tags)
    _, notes = paint_clip(request_for(hdr), tmp_path / "out.mp4")
    assert notes == [
        "hdr.mp4 is HDR (Rec. 2020, limited range, 10 bits, PQ): its light is mapped to that of "
        "usual displays (sRGB), and written so."
    ]
    frame = first_frame(tmp_path / "out.mp4")
    assert (frame.format.name, frame.color_trc) == ("yuv420p", 1)


def test_ten_bits_are_kept_if_asked_for(tmp_path):
    deep = make_clip(tmp_path / "deep.mp4", 2, pixel_format="yuv420p10le")
    _, notes = paint_clip(request_for(deep), tmp_path / "out.mp4")
    assert notes == [
        "deep.mp4 has 10 bits a sample and is written with 8: pixel_format yuv420p10le keeps 10."
    ]
    encoding = Encoding(pixel_format="yuv420p10le")
    _, notes = paint_clip(request_for(deep), tmp_path / "o.mp4", encoding=encoding)
    assert (notes, first_frame(tmp_path / "o.mp4").format.name) == ([], "yuv420p10le")


def test_a_clip_that_is_cut_off_gives_what_can_be_read(tmp_path):
    whole = make_clip(tmp_path / "whole.mkv", 50, size=(32, 48), options={"g": "5"})
    data = whole.read_bytes()
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(data[: len(data) // 2])
    result, notes = paint_clip(request_for(cut), tmp_path / "out.mp4")
    assert 5 < result.frames < 45
    assert len(notes) == 1
    assert "cut.mkv is cut off or damaged: " in notes[0]
    assert "of 2.00 s can be read, and are used." in notes[0]
    assert frame_times(tmp_path / "out.mp4") == frame_times(whole)[: result.frames]


@pytest.mark.parametrize("ending", ["gif", "png", "webp"])
def test_animations(clip, tmp_path, ending):
    out, back = tmp_path / f"out.{ending}", tmp_path / "back.mp4"
    _, notes = paint_clip(request_for(clip), out)
    assert notes == [f".{ending} files have no sound: that of clip.mp4 is left out."]
    with Image.open(out) as image:
        durations = []
        for frame in ImageSequence.Iterator(image):
            frame.load()
            durations.append(frame.info["duration"])
        assert (image.n_frames, image.size, durations) == (6, (64, 48), [40] * 6)
        assert image.info.get("loop") == 0
    paint_clip(request_for(out), back)
    assert frame_times(back) == [Fraction(n, 25) for n in range(6)]


def test_folders_of_frames(clip, tmp_path):
    paint_clip(request_for(clip), tmp_path / "frames")
    names = [f"{number:06}.png" for number in range(1, 7)]
    assert sorted(path.name for path in (tmp_path / "frames").iterdir()) == names
    (tmp_path / "frames" / "000006.png").rename(tmp_path / "frames" / "frame10.png")
    paint_clip(request_for(tmp_path / "frames"), tmp_path / "again")
    assert {p.name for p in (tmp_path / "again").iterdir()} == {*names[:5], "frame10.png"}
    paint_clip(request_for(tmp_path / "frames", fps=24), tmp_path / "out.mkv")
    assert len(frame_times(tmp_path / "out.mkv")) == 6


@pytest.mark.slow
@pytest.mark.parametrize("codec", ["hevc", "av1", "vp9", "prores", "ffv1", "mpeg4"])
def test_codecs(clip, tmp_path, codec):
    out = tmp_path / "out.mkv"
    paint_clip(request_for(clip), out, encoding=Encoding(codec=codec))
    assert frame_times(out) == frame_times(clip)
    with av.open(str(out)) as container:
        assert codec in container.streams.video[0].codec_context.codec.canonical_name


def test_a_still_picture_is_no_clip(tmp_path):
    Image.new("RGB", (32, 32)).save(tmp_path / "a.png")
    with pytest.raises(InputDataError, match="is a single picture, and no animation"):
        open_clip(tmp_path / "a.png")
