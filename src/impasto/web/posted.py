"""Requests as clients post them: nothing that they contain reaches the file system as a name.

A posted request has the form of :mod:`impasto.jobs.request_json`, which checks every entry. In
place of a path it has ``upload:NAME``, a file of the same message; ``sample:NAME``, a picture of
the server; or the name of a style. Uploads are stored under names of this grammar in a folder of
the job's own, and the worker paints in that folder.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from impasto.errors import OptionError, counted_noun, option, unknown_name
from impasto.jobs.request_json import any_from_json
from impasto.jobs.requests import (
    PaintRequest,
    ReconstructRequest,
    StyleInput,
    StylizeRequest,
    TextureRequest,
    name_of_source,
)
from impasto.jobs.video_request import AnyRequest, Keyframe, VideoRequest
from impasto.networks.catalogue import networks
from impasto.recipes.recipe import INITS, Recipe
from impasto.regions.specs import RegionSpec
from impasto.runtime.optional import is_installed
from impasto.web.job_files import CLIPS, SUFFIX
from impasto.web.samples import named_styles, sample_pictures
from impasto.web.settings import Limits
from impasto.weights.records import WEIGHTS
from impasto.weights.store import locate

UPLOAD_NAME = re.compile(r"[a-z]{4,12}(-[a-z]{4,12})?(-[0-9]{1,2})?")
"""Names of uploads: no dots or slashes, and no name that a system reserves."""

MOST_UPLOADS = 16
"""Files of one request."""

_SCHEMES = ("upload:", "sample:")


@dataclasses.dataclass(frozen=True)
class Posted:
    """A request that may be run.

    Attributes:
        request: Its pictures are names in the job's folder.
        output: Name in that folder of the file that a clip is written to; empty for a picture.
        copies: Name in that folder → the server's own file that is to be copied there.
    """

    request: AnyRequest
    copies: Mapping[str, Path]
    output: str = ""


def read_posted(
    text: str, uploads: Collection[str], limits: Limits, clip_format: str = ""
) -> Posted:
    """The request that a client posted.

    Args:
        text: JSON.
        uploads: Names of the files that came with it.
        limits: Of the server.
        clip_format: Of the clip that is to be made; empty: MP4, or none for a picture.

    Raises:
        OptionError: If it is not a request that this server runs, with the entry and the remedy.
    """
    if len(uploads) > MOST_UPLOADS:
        raise OptionError(f"At most {MOST_UPLOADS} files can be sent, not {len(uploads)}.")
    if bad := next((name for name in uploads if not UPLOAD_NAME.fullmatch(name)), None):
        raise OptionError(f"An upload cannot be named {bad!r}: use names such as style-1.")
    names = _Names(uploads)
    request = any_from_json(text)
    output = _output_of(request, clip_format)
    _check_networks(request)
    _check_size(request, limits)
    request = _RENAME[type(request)](request, names)
    names.check_all_used()
    return Posted(request, names.copies, output)


class _Names:
    """Turns posted names into names of files in the job's folder."""

    def __init__(self, uploads: Collection[str]) -> None:
        self._uploads, self._used = set(uploads), set[str]()
        self._samples = sample_pictures()
        self.copies: dict[str, Path] = {}

    def picture(self, source: object, what: str) -> str:
        """The file that ``upload:NAME`` or ``sample:NAME`` stands for."""
        text = name_of_source(source)
        scheme, colon, name = text.partition(":")
        if scheme + colon == "upload:":
            if name not in self._uploads:
                raise OptionError(
                    f"The {what} is the upload {name!r}, which was not sent: send a file under "
                    "that name."
                )
            self._used.add(name)
            return f"{name}{SUFFIX}"
        if scheme + colon == "sample:":
            if name not in self._samples:
                raise unknown_name("sample", name, self._samples)
            path = self._samples[name]
            self.copies[path.name] = path
            return path.name
        raise OptionError(
            f"The {what} must be upload:NAME, a file that is sent with the request, or "
            "sample:NAME, a picture of the server."
        )

    def optional(self, source: object, what: str) -> str | None:
        """The same; None stays None."""
        return None if source is None else self.picture(source, what)

    def styles(self, styles: tuple[StyleInput, ...]) -> tuple[StyleInput, ...]:
        """Style pictures."""
        return tuple(
            dataclasses.replace(style, source=self.picture(style.source, "style"))
            for style in styles
        )

    def any_styles(self, styles: tuple[StyleInput, ...]) -> tuple[StyleInput, ...]:
        """Style pictures, or names of a model's styles."""
        return tuple(
            dataclasses.replace(style, source=self.picture_or_style(style.source))
            for style in styles
        )

    def picture_or_style(self, source: object) -> str:
        """A style picture, or the name of a model's style."""
        text = name_of_source(source)
        if text.startswith(_SCHEMES):
            return self.picture(text, "style")
        known = [name for names in named_styles().values() for name in names]
        if text not in known:
            raise unknown_name("style", text, known)
        return text

    def regions(
        self, regions: tuple[RegionSpec, ...], style: Callable[[object], str]
    ) -> tuple[RegionSpec, ...]:
        """Regions whose masks and styles are uploads."""
        return tuple(
            dataclasses.replace(
                region,
                content_mask=Path(self.picture(region.content_mask, "region's mask")),
                style_mask=_path(self.optional(region.style_mask, "region's style mask")),
                style=None if region.style is None else Path(style(region.style)),
            )
            for region in regions
        )

    def check_all_used(self) -> None:
        """Refuse files that the request does not name: they were probably meant to be used."""
        if unused := sorted(self._uploads - self._used):
            raise OptionError(
                f"The request does not name {counted_noun(len(unused), 'upload')} that came with "
                f"it ({', '.join(unused)}): name them, or do not send them."
            )


def _path(name: str | None) -> Path | None:
    return None if name is None else Path(name)


def _paint(request: PaintRequest, names: _Names) -> PaintRequest:
    return dataclasses.replace(
        request,
        content=names.picture(request.content, "content"),
        styles=names.styles(request.styles),
        recipe=_with_init(request.recipe, names),
        regions=names.regions(request.regions, lambda style: names.picture(style, "style")),
        **_masks(request, names),
    )


def _with_init(recipe: Recipe, names: _Names) -> Recipe:
    if recipe.init.startswith(_SCHEMES):
        return recipe.replace(init=names.picture(recipe.init, "starting picture"))
    if recipe.init not in INITS and recipe.init not in networks():
        raise unknown_name(f"value of {option('init')}", recipe.init, [*INITS, *networks()])
    return recipe


def _stylize(request: StylizeRequest, names: _Names) -> StylizeRequest:
    if request.model and request.model not in networks():
        raise unknown_name("model", request.model, networks())
    return dataclasses.replace(
        request,
        content=names.picture(request.content, "content"),
        styles=names.any_styles(request.styles),
        regions=names.regions(request.regions, names.picture_or_style),
        **_masks(request, names),
    )


def _masks(request: PaintRequest | StylizeRequest, names: _Names) -> dict[str, Any]:
    return {
        "mask": names.optional(request.mask, "mask"),
        "style_mask": names.optional(request.style_mask, "style mask"),
    }


def _texture(request: TextureRequest, names: _Names) -> TextureRequest:
    _check_init(request)
    return dataclasses.replace(request, styles=names.styles(request.styles))


def _reconstruct(request: ReconstructRequest, names: _Names) -> ReconstructRequest:
    _check_init(request)
    return dataclasses.replace(request, content=names.picture(request.content, "content"))


def _check_init(request: TextureRequest | ReconstructRequest) -> None:
    if request.recipe.init not in INITS:
        raise unknown_name(f"value of {option('init')}", request.recipe.init, INITS)


def _video(request: VideoRequest, names: _Names) -> VideoRequest:
    recipe = request.recipe
    return dataclasses.replace(
        request,
        picture=_stylize(request.picture, names),
        keyframes=tuple(_keyframe(keyframe, names) for keyframe in request.keyframes),
        recipe=None if recipe is None else _with_init(recipe, names),
    )


def _keyframe(keyframe: Keyframe, names: _Names) -> Keyframe:
    return dataclasses.replace(keyframe, styles=names.any_styles(keyframe.styles))


def can_paint_clips() -> bool:
    """Whether the libraries for clips are installed."""
    return is_installed("av") and is_installed("cv2")


def _output_of(request: AnyRequest, clip_format: str) -> str:
    """The file that a clip is written to."""
    if not isinstance(request, VideoRequest):
        if clip_format:
            raise OptionError("The field 'format' is for clips: pictures come in every format.")
        return ""
    if not can_paint_clips():
        raise OptionError(
            "This server paints no clips: its operator has to install the extra [video]."
        )
    name = clip_format or next(iter(CLIPS))
    if name not in CLIPS:
        raise unknown_name("format of a clip", name, CLIPS)
    return CLIPS[name][0]


_RENAME: Mapping[type, Callable[[Any, _Names], AnyRequest]] = {
    PaintRequest: _paint,
    StylizeRequest: _stylize,
    TextureRequest: _texture,
    ReconstructRequest: _reconstruct,
    VideoRequest: _video,
}


def encoders_here() -> list[str]:
    """The encoders that can be used without a download."""
    names = [name for name, record in WEIGHTS.items() if record.kind == "encoder"]
    here = [name for name in names if locate(name) is not None]
    return [*here, "vgg19 or compact2"]


def _check_networks(request: AnyRequest) -> None:
    """Refuse encoders that are files or would be downloaded."""
    if isinstance(request, StylizeRequest) or request.recipe is None:
        return
    encoder = request.recipe.encoder
    if encoder not in (here := encoders_here()):
        raise unknown_name(f"value of {option('encoder')}", str(encoder), here)


def _check_size(request: AnyRequest, limits: Limits) -> None:
    """Refuse what is too large before a picture is read; the exact size is checked later."""
    if isinstance(request, VideoRequest):
        request = request.picture
    side = request.size if isinstance(request, StylizeRequest) else request.recipe.size
    if isinstance(request, TextureRequest):
        check_result_size(request.size, limits)
        side = max(request.size)
    if side > limits.longest_side:
        raise OptionError(
            f"{option('size')} {side} is more than this server paints: give "
            f"{limits.longest_side} or less.",
            got=side,
            allowed=limits.longest_side,
        )


def check_result_size(size: tuple[int, int], limits: Limits) -> None:
    """Refuse a result of too many pixels.

    Args:
        size: Height and width.
        limits: Of the server.

    Raises:
        OptionError: If it has more than the limit.
    """
    height, width = size
    if height * width > limits.result_pixels:
        raise OptionError(
            f"The result would have {width}×{height} pixels, and this server makes at most "
            f"{limits.result_pixels}: give a smaller {option('size')}.",
            got=height * width,
            allowed=limits.result_pixels,
        )
