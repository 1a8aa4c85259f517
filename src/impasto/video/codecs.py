"""Kinds of files that a painted clip can be written to, and their codecs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from impasto.errors import OptionError, option, unknown_name
from impasto.images.writing import check_folder_name
from impasto.jobs.video_request import Encoding
from impasto.video.animation_file import ANIMATION_SUFFIXES
from impasto.video.colours import Coding

VIDEOS: Mapping[str, tuple[str, str]] = {
    ".mp4": ("mp4", "h264"),
    ".m4v": ("mp4", "h264"),
    ".mov": ("mov", "h264"),
    ".mkv": ("matroska", "h264"),
    ".webm": ("webm", "vp9"),
}
"""Extension → FFmpeg's name of the format, and the codec that is usual in it."""


@dataclass(frozen=True)
class Codec:
    """A video codec.

    Attributes:
        encoders: Those of FFmpeg, the best first.
        crf: The usual constant rate factor; None if it has none.
        most_crf: The greatest.
        pixel_format: The usual one.
        options: Of the encoder.
    """

    encoders: tuple[str, ...]
    crf: int | None
    most_crf: int
    pixel_format: str
    options: Mapping[str, str]


CODECS: Mapping[str, Codec] = {
    # Without mbtree: with it, x264 makes other bytes of the same frames now and then, and a clip
    # that was resumed would not be the same file.
    "h264": Codec(
        ("libx264",), 18, 51, "yuv420p", {"preset": "medium", "x264-params": "mbtree=0"}
    ),
    "hevc": Codec(
        ("libx265",), 20, 51, "yuv420p", {"preset": "medium", "x265-params": "log-level=1"}
    ),
    "av1": Codec(("libsvtav1", "libaom-av1"), 28, 63, "yuv420p", {"preset": "8"}),
    "vp9": Codec(
        ("libvpx-vp9",), 30, 63, "yuv420p", {"deadline": "good", "cpu-used": "4", "row-mt": "1"}
    ),
    "prores": Codec(("prores_ks",), None, 0, "yuv422p10le", {"profile": "hq"}),
    "ffv1": Codec(("ffv1",), None, 0, "yuv444p", {"level": "3"}),
    "mpeg4": Codec(("mpeg4",), None, 0, "yuv420p", {"qscale": "3"}),
}  # fmt: skip
"""Codec → its encoders and what is usual."""

_ALIASES = {"h265": "hevc", "x264": "h264", "x265": "hevc", "avc": "h264"}


@dataclass(frozen=True)
class VideoCodec:
    """An encoder that was chosen, with all that it is opened with.

    Attributes:
        encoder: FFmpeg's name.
        pixel_format: FFmpeg's name.
        options: Of the encoder, the rate factor among them.
        coding: What the numbers of its frames mean.
        multiple: Height and width are multiples of these.
    """

    encoder: str
    pixel_format: str
    options: Mapping[str, str]
    coding: Coding
    multiple: tuple[int, int]


def is_video(path: Path) -> bool:
    """Whether a path names a video."""
    return path.suffix.lower() in VIDEOS


def is_animation(path: Path) -> bool:
    """Whether a path names an animation."""
    return path.suffix.lower() in ANIMATION_SUFFIXES


def check_output_name(path: Path, encoding: Encoding) -> None:
    """Check that a clip can be written under a name: a video, an animation or a folder.

    Raises:
        OptionError: For an unknown extension, or options of a codec where there is none.
    """
    if is_video(path):
        return
    chosen = [n for n in ("codec", "pixel_format") if getattr(encoding, n)]
    chosen += ["crf"] * (encoding.crf >= 0)
    if chosen:
        kind = path.suffix if is_animation(path) else "a folder of frames"
        raise OptionError(f"{option(chosen[0])} is for videos: {kind} has none, leave it out.")
    if is_animation(path):
        return
    if path.suffix and not path.is_dir():
        endings = ", ".join((*VIDEOS, *ANIMATION_SUFFIXES))
        raise OptionError(
            f"{path}: a clip is written as {endings}, or as frames into a folder, whose name has "
            "no ending."
        )
    check_folder_name(path)


def choose_codec(av: Any, path: Path, encoding: Encoding) -> VideoCodec:
    """The encoder of a video file.

    Args:
        av: PyAV.
        path: The file, with one of the extensions of :data:`VIDEOS`.
        encoding: What is asked for.

    Raises:
        OptionError: If there is no such codec, or it does not go into such a file.
    """
    usual = VIDEOS[path.suffix.lower()][1]
    name = _ALIASES.get(encoding.codec.lower(), encoding.codec.lower()) or usual
    codec = CODECS.get(name) or next((c for c in CODECS.values() if name in c.encoders), None)
    if codec is None:
        codec = Codec((name,), None, 63, "", {})
    encoder = next((e for e in codec.encoders if _is_encoder(av, e)), "")
    if not encoder and name not in CODECS:
        raise unknown_name(f"value of {option('codec')}", encoding.codec, CODECS)
    if not encoder:
        raise OptionError(
            f"The FFmpeg of PyAV has no encoder for {name}: choose another {option('codec')}."
        )
    _check_container(av, path, name, encoder)
    options = dict(codec.options)
    if encoding.crf >= 0 and codec.crf is None:
        raise OptionError(f"{name} has no {option('crf')}: leave it out.")
    if encoding.crf > codec.most_crf and codec.crf is not None:
        raise OptionError(
            f"{option('crf')} of {name} is 0 to {codec.most_crf}, not {encoding.crf}."
        )
    if codec.crf is not None:
        options["crf"] = str(encoding.crf if encoding.crf >= 0 else codec.crf)
    pixel_format = _pixel_format(av, name, encoder, codec, encoding)
    kind = av.VideoFormat(pixel_format, 64, 64)
    coding = Coding(
        matrix=0 if kind.is_rgb else 1,
        transfer=13 if kind.is_rgb else 1,
        is_full=bool(kind.is_rgb) or pixel_format.startswith("yuvj"),
        depth=kind.components[0].bits,
    )
    multiple = (64 // kind.chroma_height(64), 64 // kind.chroma_width(64))
    return VideoCodec(encoder, pixel_format, options, coding, multiple)


def _is_encoder(av: Any, name: str) -> bool:
    try:
        return bool(av.Codec(name, "w").type == "video")
    except ValueError:  # also PyAV's error for an unknown codec
        return False


def _check_container(av: Any, path: Path, name: str, encoder: str) -> None:
    from impasto.video.muxing import supported_codecs

    codec = av.Codec(encoder, "w")
    if supported_codecs(av, path) & {encoder, codec.canonical_name, name}:
        return
    raise OptionError(
        f"A {path.suffix} file cannot hold {name}: name an .mkv, or choose another "
        f"{option('codec')}."
    )


def _pixel_format(av: Any, name: str, encoder: str, codec: Codec, encoding: Encoding) -> str:
    formats = av.Codec(encoder, "w").video_formats or []
    offered = [f.name for f in formats if _is_fillable(f)]
    if encoding.pixel_format:
        if encoding.pixel_format not in offered:
            raise unknown_name(
                f"value of {option('pixel_format')} for {name}", encoding.pixel_format, offered
            )
        return encoding.pixel_format
    if codec.pixel_format in offered:
        return codec.pixel_format
    if not offered:
        raise OptionError(f"{name} takes no frames of a kind that can be made for it.")
    return "yuv420p" if "yuv420p" in offered else str(offered[0])


def _is_fillable(format_: Any) -> bool:
    """Whether it has three planes of 8 to 16 bits, of at most half the size."""
    name = format_.name
    is_kind = name.startswith(("yuv420p", "yuv422p", "yuv444p", "yuvj4", "gbrp"))
    return (
        is_kind
        and not name.endswith("be")
        and "msb" not in name
        and len(format_.components) == 3
        and "f" not in name
        and name not in ("yuvj440p", "yuvj411p")
    )
