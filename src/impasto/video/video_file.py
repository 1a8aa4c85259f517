"""Videos read by PyAV: upright, with square pixels, in sRGB, at their exact times."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from impasto import images
from impasto.errors import InputDataError, option
from impasto.images.picture import resize
from impasto.runtime.files import shown as shown_path
from impasto.runtime.optional import require
from impasto.video.clip import ClipInfo, PictureAndAlpha, Shown, check_frames
from impasto.video.planes import coding_of, picture_of

_STEADY_TIMES = ("mov", "mp4", "matroska", "webm", "avi")
"""Formats whose times begin at 0; those of others are counted from their first."""

_SEEK_SECONDS = 5
"""A beginning before it is found by decoding from the first frame."""

OPENING: Mapping[str, str] = {
    "protocol_whitelist": "file",
    "format_whitelist": (
        "mov,matroska,avi,mpegts,mpeg,mpegvideo,m4v,flv,asf,ogg,mxf,nut,ivf,h264,hevc,av1,obu,dv,"
        "rm,wtv,gxf,mjpeg,yuv4mpegpipe,gif,apng,webp,jpegxl_anim,image2,png_pipe,jpeg_pipe,"
        "gif_pipe,webp_pipe,bmp_pipe,tiff_pipe,jpegxl_pipe,wav,w64,aiff,au,caf,mp3,aac,ac3,eac3,"
        "flac,amr,ape,tta,wv,dts,truehd"
    ),
}
"""Options of FFmpeg for opening a file: kinds that hold their pictures, or their sound, themselves.

Playlists (HLS, DASH, concat) name other files and addresses, whatever the name of their own."""

_MOST_RATE = 1000  # frames a second
_MOST_SIDE = 16384
_TABLE_BYTES = 1 << 20  # of an MP4 whose codec cannot be told
_THREADS = 4


class VideoFile:
    """A video that is open for reading; see :class:`impasto.video.clip.Clip`.

    Args:
        path: The file.
        max_pixels: Larger frames are refused.
        max_frames: The clip is refused when more of its frames are read.

    Raises:
        InputDataError: If it is no video that can be read.
        OptionError: If PyAV is not installed.
    """

    def __init__(
        self,
        path: Path,
        *,
        max_pixels: int = images.MAX_PIXELS,
        max_frames: float = math.inf,
    ) -> None:
        self._av = require("av", by="A video")
        self._path, self._max_pixels, self._max_frames = path, max_pixels, max_frames
        self.problems: list[str] = []
        self._container = open_container(self._av, path)
        try:
            self._stream = video_stream(self._container, path)
            first = self._first_frame()
            self.info = self._read_info(first)
        except BaseException:
            self._container.close()
            raise

    def _first_frame(self) -> Any:
        """The first frame: only it tells colours and rotation of every file."""
        self._prepare()
        try:
            frame = next(self._decoded(), None)
        except self._av.FFmpegError as error:
            raise InputDataError(f"{self._path} cannot be decoded ({_reason(error)}).") from error
        if frame is None:
            raise InputDataError(
                f"{self._path} has no frame that can be read: the video is empty, damaged or "
                "encrypted."
            )
        return frame

    def _prepare(self) -> None:
        """Set how the stream is decoded, and refuse frames that are too large to be decoded."""
        context = self._stream.codec_context
        self._check_size(context.width or 0, context.height or 0)
        self._stream.thread_type = "AUTO"
        context.thread_count = _THREADS
        # Frames may be larger than the header says. Those of codecs are whole blocks, so twice.
        context.options = {**context.options, "max_pixels": str(2 * self._max_pixels + 65536)}

    def _check_size(self, width: int, height: int) -> None:
        if width * height > self._max_pixels or max(width, height) > _MOST_SIDE:
            raise InputDataError(
                f"{self._path} has frames of {width}×{height} px, more than the "
                f"{self._max_pixels} px (and {_MOST_SIDE} a side) allowed: raise "
                f"{option('max_pixels')}, or make it smaller."
            )

    def _read_info(self, frame: Any) -> ClipInfo:
        stream, container = self._stream, self._container
        self._check_size(frame.width, frame.height)
        rate = stream.average_rate or stream.guessed_rate or Fraction(25)
        if not 0 < rate <= _MOST_RATE:
            raise InputDataError(
                f"{self._path} says that it has {float(rate):g} frames a second, more than the "
                f"{_MOST_RATE} that are read: give it another rate first."
            )
        self._aspect = Fraction(stream.sample_aspect_ratio or 1)
        if not Fraction(1, 16) <= self._aspect <= 16:
            self._aspect = Fraction(1)
        self._turn = _quarter_turns(frame.rotation)
        height, width = _square(frame.height, frame.width, self._aspect)
        size = (width, height) if self._turn % 2 else (height, width)
        self._coding = coding_of(frame, self._stream.codec_context).completed(
            (frame.height, frame.width)
        )
        is_steady = any(name in container.format.name for name in _STEADY_TIMES)
        self._shift = Fraction(0)
        if not is_steady and container.start_time:
            self._shift = Fraction(container.start_time, self._av.time_base)
        seconds = _seconds(stream, container, self._av)
        return ClipInfo(
            self._path,
            size,
            Fraction(rate),
            stream.frames or round(seconds * float(rate)),
            seconds,
            Fraction(stream.time_base),
            self._coding,
            has_alpha="a" in frame.format.name.split("p")[0] and "yuva" in frame.format.name,
            turned=90 * self._turn,
            metadata=dict(container.metadata),
        )

    def shown(self, begin: Fraction = Fraction(0)) -> Iterator[Shown]:
        """Its pictures in order; those that are shown before ``begin`` may be left out."""
        last, step = None, 1 / self.info.rate
        count = 0
        is_whole = not self._seek(begin)
        for frame in self._decoded():
            count += 1
            check_frames(self._path, count, self._max_frames)
            if frame.pts is not None:
                pts = frame.pts * Fraction(frame.time_base) - self._shift
            else:
                pts = Fraction(0) if last is None else last + step
            duration = step
            if frame.duration:
                duration = frame.duration * Fraction(frame.time_base)
            last = pts
            yield Shown(pts, duration, partial(self._picture, frame))
        self._judge(count, last, step, is_whole=is_whole)

    def _seek(self, begin: Fraction) -> bool:
        """Go to the last frame before ``begin`` that can be decoded alone, or to the first.

        Returns:
            Whether frames were left out.
        """
        self._container.close()
        self._container = open_container(self._av, self._path)
        self._stream = video_stream(self._container, self._path)
        self._prepare()
        if begin < _SEEK_SECONDS:
            return False
        target = math.floor((begin + self._shift) / Fraction(self._stream.time_base))
        try:
            self._container.seek(target, stream=self._stream)
            first = next(self._decoded(), None)
            if first is not None and first.pts is not None and first.pts <= target:
                self._container.seek(target, stream=self._stream)
                return True
        except self._av.FFmpegError:
            pass
        return self._seek(Fraction(0))

    def _decoded(self) -> Iterator[Any]:
        """Frames of all packets that are whole; those that are damaged are counted."""
        damaged = 0
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
                if packet is None:
                    break
                if packet.is_corrupt:
                    damaged += 1
                    continue
                yield from packet.decode()
            except self._av.EOFError:
                break
            except self._av.FFmpegError:
                damaged += 1
                if packet is None or damaged > 1000:
                    break
        self._damaged = damaged

    def _judge(self, count: int, last: Fraction | None, step: Fraction, *, is_whole: bool) -> None:
        """Note what could not be read."""
        end = 0.0 if last is None else float(last + step)
        is_short = self.info.seconds and end < self.info.seconds - max(0.5, 2 * float(step))
        is_few = is_whole and self._stream.frames and count < self._stream.frames
        name = shown_path(self._path)
        if is_few or (is_short and not self._stream.frames):
            self.problems.append(
                f"{name} is cut off or damaged: {end:.2f} s of {self.info.seconds:.2f} s can be "
                "read, and are used."
            )
        elif self._damaged:
            self.problems.append(f"{name} is damaged: some of its frames could not be read.")

    def _picture(self, frame: Any) -> PictureAndAlpha:
        coding = coding_of(frame, self._stream.codec_context).completed((frame.height, frame.width))
        picture, alpha = picture_of(frame, coding)
        return self._upright(picture), None if alpha is None else self._upright(alpha)

    def _upright(self, planes: Tensor) -> Tensor:
        height, width = planes.shape[-2:]
        planes = resize(planes, _square(height, width, self._aspect))
        if self._turn:
            planes = torch.rot90(planes, self._turn, (2, 3)).contiguous()
        if planes.shape[-2:] != self.info.size:  # frames may change their size
            planes = resize(planes, self.info.size)
        return planes

    def close(self) -> None:
        """Close the file."""
        self._container.close()


def open_container(av: Any, path: Path) -> Any:
    """A file opened for reading by PyAV.

    Raises:
        InputDataError: If there is no such file, or it is no video, or cut off at its beginning.
    """
    if not path.is_file():
        raise InputDataError(f"There is no clip {path}: check its name and folder.")
    try:
        container = av.open(ffmpeg_name(path), metadata_errors="replace", options=dict(OPENING))
    except av.EOFError as error:
        raise _nothing_in(path) from error
    except (av.FFmpegError, OSError, ValueError) as error:
        raise InputDataError(
            f"{path} cannot be read as a video ({_reason(error)}): it is of another kind, or its "
            "beginning or its table of contents is missing."
        ) from error
    if container.format.name == "image2" or container.format.name.endswith("_pipe"):
        container.close()
        raise InputDataError(f"{path} is a single picture, and no clip: impasto stylize paints it.")
    return container


def ffmpeg_name(path: Path) -> str:
    """The name of a file as FFmpeg takes it: without a scheme, ``concat:a.mp4`` would be one."""
    return f"file:{path}"


def video_stream(container: Any, path: Path) -> Any:
    """The video of a container that is no cover picture.

    Raises:
        InputDataError: If there is none, or it cannot be decoded.
    """
    if not container.streams:
        raise _nothing_in(path)
    streams = list(container.streams.video)
    moving = [stream for stream in streams if not _is_cover(stream)]
    if not moving and streams:
        raise InputDataError(f"{path} has only a cover picture, and no video.")
    if not moving:
        kind = "sound, and no video" if container.streams.audio else "no video"
        raise InputDataError(f"{path} has {kind}.")
    stream = max(moving, key=lambda s: (s.codec_context.width or 0) if s.codec_context else 0)
    context = stream.codec_context
    if (context is None or context.codec_tag == "encv") and _is_encrypted(path):
        raise InputDataError(f"{path} is encrypted: save it without protection first.")
    if context is None:
        raise InputDataError(f"{path} has a video of a kind that FFmpeg cannot decode.")
    return stream


def _nothing_in(path: Path) -> InputDataError:
    return InputDataError(
        f"{path} holds nothing that can be read: it is cut off, empty or of another kind."
    )


def _is_encrypted(path: Path) -> bool:
    """Whether the tables at the beginning or the end of an MP4 speak of encrypted video."""
    with path.open("rb") as file:
        begin = file.read(_TABLE_BYTES)
        file.seek(max(0, path.stat().st_size - _TABLE_BYTES))
        return b"encv" in begin + file.read()


def _is_cover(stream: Any) -> bool:
    disposition = stream.disposition
    attached = type(disposition).attached_pic
    return bool(disposition & attached)


def _square(height: int, width: int, aspect: Fraction) -> tuple[int, int]:
    """Height and width with square pixels; the larger of the two choices."""
    if aspect > 1:
        return height, max(1, round(width * aspect))
    return max(1, round(height / aspect)), width


def _quarter_turns(rotation: float) -> int:
    """Counter-clockwise quarter turns that make a frame upright, 0 to 3."""
    return round(rotation / 90) % 4


def _seconds(stream: Any, container: Any, av: Any) -> float:
    """How long the video is, as its file says; 0 if it does not."""
    if stream.duration:
        return float(stream.duration * stream.time_base)
    text = stream.metadata.get("DURATION", "")
    parts = text.split(":")
    if len(parts) == 3:
        try:
            return float(parts[0]) * 3600 + float(parts[1]) * 60 + float(parts[2])
        except ValueError:
            pass
    return float(container.duration / av.time_base) if container.duration else 0.0


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).rstrip(".")
