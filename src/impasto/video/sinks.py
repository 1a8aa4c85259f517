"""What painted frames become: segments of a video, pictures of an animation, files in a folder."""

from __future__ import annotations

import io
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import torch.nn.functional as F
from torch import Tensor

from impasto import images
from impasto.video.codecs import VideoCodec
from impasto.video.frame import Frame
from impasto.video.muxing import set_up
from impasto.video.parts import Packet
from impasto.video.planes import frame_of

_THREADS = 1
"""Of an encoder: with several, the bytes may depend on which is first."""


class FrameSink(Protocol):
    """Takes painted frames in order, segment by segment."""

    def begin(self) -> None:
        """Begin a segment, which can be decoded without those before."""
        ...

    def add(self, frame: Frame) -> list[Packet]:
        """Take a painted frame; the packets that are complete."""
        ...

    def end(self) -> list[Packet]:
        """End the segment; the packets that are left."""
        ...


class VideoSink:
    """Encodes frames by FFmpeg.

    Args:
        av: PyAV.
        codec: How.
        size: Height and width of the frames; enlarged to multiples of what the format needs.
        rate: Frames a second, on average.
    """

    def __init__(self, av: Any, codec: VideoCodec, size: tuple[int, int], rate: Fraction) -> None:
        self._av, self._codec, self._rate = av, codec, rate
        self.size = even(size, codec.multiple)
        self._context: Any = None

    def begin(self) -> None:
        """Begin a segment."""
        context = self._av.CodecContext.create(self._codec.encoder, "w")
        set_up(context, self._codec, self.size)
        context.framerate, context.time_base = self._rate, 1 / self._rate
        context.options = dict(self._codec.options)
        flags = self._av.codec.context.Flags
        context.flags |= flags.global_header | flags.bitexact
        context.thread_count = _THREADS
        self._context = context

    def add(self, frame: Frame) -> list[Packet]:
        """Take a painted frame."""
        picture = padded(over_white(frame.image, frame.alpha), self.size)
        made = frame_of(self._av, picture, self._codec.pixel_format, self._codec.coding)
        # Frames are numbered, and get their times at the end: encoders need a constant rate.
        made.pts, made.time_base = frame.index, 1 / self._rate
        return self._packets(self._context.encode(made))

    def end(self) -> list[Packet]:
        """End the segment."""
        packets = self._packets(self._context.encode(None))
        self._context = None
        return packets

    def _packets(self, encoded: Sequence[Any]) -> list[Packet]:
        packets = []
        for packet in encoded:
            number = round(packet.pts * Fraction(packet.time_base) * self._rate)
            packets.append(Packet(bytes(packet), number, packet.is_keyframe))
        return packets


class PictureSink:
    """Keeps frames without loss, for an animation that is written at the end."""

    def begin(self) -> None:
        """Begin a segment."""

    def add(self, frame: Frame) -> list[Packet]:
        """Take a painted frame."""
        stream = io.BytesIO()
        images.to_pil(frame.image, frame.alpha).save(stream, "PNG", compress_level=1)
        return [Packet(stream.getvalue(), frame.index)]

    def end(self) -> list[Packet]:
        """End the segment."""
        return []


class FolderSink:
    """Writes every frame as a file.

    Args:
        folder: The folder.
        names: Names of the frames, without an ending; by number if there are fewer.
        suffix: Their ending.
        metadata: Of every picture.
    """

    def __init__(
        self, folder: Path, names: Sequence[str], suffix: str, metadata: dict[str, str]
    ) -> None:
        self._folder, self._names, self._suffix = folder, names, suffix
        self._metadata = metadata

    def begin(self) -> None:
        """Begin a segment."""

    def add(self, frame: Frame) -> list[Packet]:
        """Take a painted frame."""
        path = self.path(frame.index)
        images.write(path, frame.image, alpha=frame.alpha, metadata=self._metadata)
        return [Packet(b"", frame.index)]

    def path(self, index: int) -> Path:
        """The file of a frame."""
        name = self._names[index] if index < len(self._names) else f"{index + 1:06}"
        return self._folder / f"{name}{self._suffix}"

    def end(self) -> list[Packet]:
        """End the segment."""
        return []


def even(size: tuple[int, int], multiple: tuple[int, int]) -> tuple[int, int]:
    """The smallest size of whole multiples that holds a height and a width."""
    height, width = (-(-side // step) * step for side, step in zip(size, multiple, strict=True))
    return height, width


def padded(picture: Tensor, size: tuple[int, int]) -> Tensor:
    """A picture with its last rows and columns repeated up to a size."""
    height, width = picture.shape[-2:]
    if (height, width) == size:
        return picture
    return F.pad(picture, (0, size[1] - width, 0, size[0] - height), mode="replicate")


def over_white(picture: Tensor, alpha: Tensor | None) -> Tensor:
    """A picture over white where it is transparent: videos are opaque."""
    return picture if alpha is None else picture * alpha + (1 - alpha)
