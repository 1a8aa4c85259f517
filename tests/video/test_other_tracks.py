"""Subtitles, and sound with gaps: what plays beside the pictures stays where it was."""

from __future__ import annotations

import itertools

import av
import pytest

from helpers.clips import make_clip, packets
from helpers.painted_clips import paint_clip, request_for

TEXT = "1\n00:00:00,040 --> 00:00:00,120\nOne\n\n2\n00:00:00,120 --> 00:00:00,200\nTwo\n"
GAP = (0.2, 0.5)
"""Seconds without sound."""


def remuxed(source, output, *, subtitles=None, keeps=lambda packet: True):
    """A copy of a clip with subtitles, and without the packets of sound that are not kept."""
    with av.open(str(source)) as clip, av.open(str(output), "w") as out:
        streams = {s.index: out.add_stream_from_template(s) for s in clip.streams}
        text = None if subtitles is None else av.open(str(subtitles))
        if text is not None:
            track = out.add_stream_from_template(text.streams.subtitles[0])
            track.metadata["language"] = "deu"
        for packet in clip.demux():
            if packet.pts is not None and (packet.stream.type != "audio" or keeps(packet)):
                packet.stream = streams[packet.stream.index]
                out.mux(packet)
        if text is not None:
            for packet in text.demux():
                if packet.pts is not None:
                    packet.stream = track
                    out.mux(packet)
            text.close()
    return output


@pytest.fixture
def subtitled(tmp_path):
    (tmp_path / "text.srt").write_text(TEXT)
    clip = make_clip(tmp_path / "clip.mkv", 6, size=(32, 48))
    return remuxed(clip, tmp_path / "subtitled.mkv", subtitles=tmp_path / "text.srt")


def test_subtitles_are_copied(subtitled, tmp_path):
    out = tmp_path / "out.mkv"
    _, notes = paint_clip(request_for(subtitled), out)
    assert notes == []
    copied = packets(out, "subtitle")
    assert copied == packets(subtitled, "subtitle")
    assert [data for _, data in copied[0]] == [b"One", b"Two"]
    with av.open(str(out)) as container:
        assert [stream.language for stream in container.streams.subtitles] == ["deu"]


def test_subtitles_of_a_part_begin_with_it(subtitled, tmp_path):
    out = tmp_path / "out.mkv"
    paint_clip(request_for(subtitled, start=0.08), out)
    (track,) = packets(out, "subtitle")
    assert [(round(float(time), 3), data) for time, data in track] == [(0.04, b"Two")]


def test_subtitles_that_a_file_cannot_hold_are_said(subtitled, tmp_path):
    _, notes = paint_clip(request_for(subtitled), tmp_path / "out.mp4")
    (note,) = notes
    assert note.startswith("1 track of subtitled.mkv cannot be held by .mp4, such as subtitles of ")
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert [stream.type for stream in container.streams] == ["video"]


@pytest.mark.parametrize("ending", ["mp4", "mkv", "mov"])
def test_gaps_in_the_sound_stay(tmp_path, ending):
    clip = make_clip(tmp_path / "clip.mp4", 20, size=(32, 48), sound=[("aac", 0.0)])

    def keeps(packet):
        return not GAP[0] <= packet.pts * packet.time_base < GAP[1]

    source = remuxed(clip, tmp_path / f"gap.{ending}", keeps=keeps)
    paint_clip(request_for(source), tmp_path / f"out.{ending}")
    (ours,), (theirs,) = packets(tmp_path / f"out.{ending}"), packets(source)
    assert ours == theirs
    times = [float(time) for time, _ in ours]
    assert max(b - a for a, b in itertools.pairwise(times)) > GAP[1] - GAP[0] - 0.03
    assert not [time for time in times if GAP[0] + 0.03 <= time < GAP[1] - 0.001]


def test_gaps_in_sound_that_is_encoded_anew_stay(tmp_path):
    clip = make_clip(tmp_path / "clip.mp4", 20, size=(32, 48), sound=[("aac", 0.0)])

    def keeps(packet):
        return not GAP[0] <= packet.pts * packet.time_base < GAP[1]

    source = remuxed(clip, tmp_path / "gap.mp4", keeps=keeps)
    _, notes = paint_clip(request_for(source), tmp_path / "out.webm")
    assert "it is encoded as Opus." in notes[0]
    (track,) = packets(tmp_path / "out.webm")
    times = [float(time) for time, _ in track]
    (theirs,) = packets(source)
    assert times[-1] == pytest.approx(float(theirs[-1][0]), abs=0.05)
