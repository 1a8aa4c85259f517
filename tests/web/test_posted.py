"""Posted requests: only uploads, samples and known names; nothing else reaches the disk."""

from __future__ import annotations

import json
from typing import Any

import pytest

from helpers.web_client import paint_request, stylize_request
from impasto.errors import OptionError
from impasto.jobs.requests import PaintRequest, StylizeRequest, TextureRequest
from impasto.web.job_files import SUFFIX
from impasto.web.posted import UPLOAD_NAME, Posted, encoders_here, read_posted
from impasto.web.settings import Limits

FILES = ("content", "style-1")


def read(request: dict[str, Any], files: Any = FILES, **limits: int) -> Posted:
    return read_posted(json.dumps(request), files, Limits(**limits))


def test_uploads_become_names_in_the_jobs_folder():
    posted = read(paint_request())
    assert isinstance(posted.request, PaintRequest)
    assert posted.request.files == [f"content{SUFFIX}", f"style-1{SUFFIX}"]
    assert posted.copies == {}


def test_samples_are_copied_and_styles_keep_their_names():
    request = {**stylize_request(), "content": "sample:tuebingen"}
    posted = read(request, ())
    assert isinstance(posted.request, StylizeRequest)
    assert posted.request.content == "tuebingen.jpg"
    assert posted.request.styles[0].source == "great-wave"
    assert [path.is_file() for path in posted.copies.values()] == [True]


def test_every_kind_of_source_is_renamed():
    region = {"name": "sky", "content_mask": "upload:mask-1", "style": "upload:style-2"}
    request = {**paint_request(init="upload:start"), "regions": [region],
               "mask": None, "style_mask": None}  # fmt: skip
    posted = read(request, (*FILES, "mask-1", "style-2", "start"))
    assert all(name.endswith(SUFFIX) for name in posted.request.files)
    assert len(posted.request.files) == 5


BAD_SOURCES = [
    "/etc/passwd", "../../etc/passwd", "photo.jpg", "C:\\Windows\\win.ini", "file:///etc/passwd",
    "http://169.254.169.254/latest", "upload:", "upload:../x", "upload:/etc/passwd", "upload:other",
    "sample:../LICENSES", "sample:nope", "$(id)", "content.upload", "great-wave",
]  # fmt: skip


@pytest.mark.parametrize("source", BAD_SOURCES)
def test_other_sources_are_refused_everywhere(source):
    paint, files = paint_request(), (*FILES, "mask-1")
    region = {"name": "a", "content_mask": "upload:mask-1"}
    for request in (
        {**paint, "content": source},
        {**paint, "styles": [{"source": source}]},
        {**paint, "recipe": {"init": source}},
        {**paint, "recipe": {"encoder": source}},
        {**paint, "mask": source, "style_mask": "upload:mask-1"},
        {**paint, "regions": [{**region, "content_mask": source}]},
        {**paint, "regions": [{**region, "style": source}]},
        {**paint, "regions": [{**region, "style_mask": source}]},
        {"version": 1, "kind": "texture", "size": [64, 64], "styles": [{"source": source}]},
        {"version": 1, "kind": "reconstruct", "content": source},
        {**stylize_request(), "model": source},
    ):
        with pytest.raises(OptionError):
            read(request, files)


def test_a_style_of_one_pass_is_an_upload_a_sample_or_a_known_name():
    for style in ("great-wave", "sample:hokusai-great-wave", "upload:style-1"):
        files = FILES if style == "upload:style-1" else ("content",)
        assert read(stylize_request(style), files)
    for style in ("great-waves", "style-1", "any.safetensors"):
        with pytest.raises(OptionError, match="style"):
            read(stylize_request(style), ("content",))


def test_uploads_cannot_have_the_names_of_styles_and_kinds_of_start():
    """An upload called great-wave or content would otherwise be taken for the server's own."""
    request = {**stylize_request("upload:great-wave")}
    posted = read(request, ("content", "great-wave"))
    assert posted.request.styles[0].source == f"great-wave{SUFFIX}"
    request = paint_request(init="upload:content")
    assert read(request).request.recipe.init == f"content{SUFFIX}"


@pytest.mark.parametrize(
    "name", ["../x", "a/b", "x.png", "", "con", "nul", "Content", "a" * 40, "content\n", "é", "."]
)
def test_names_of_uploads_are_plain(name):
    assert not UPLOAD_NAME.fullmatch(name)
    with pytest.raises(OptionError):
        read(paint_request(), (*FILES, name))


def test_uploads_that_are_not_used_are_told():
    with pytest.raises(OptionError, match="mask-1"):
        read(paint_request(), (*FILES, "mask-1"))


def test_sizes_beyond_the_limits_are_refused_before_anything_is_read():
    with pytest.raises(OptionError, match="size"):
        read(paint_request(size=3000), result_pixels=1_000_000)
    with pytest.raises(OptionError, match="size"):
        read(stylize_request(size=3000), ("content",), result_pixels=1_000_000)
    texture = {"version": 1, "kind": "texture", "size": [1001, 1000],
               "styles": [{"source": "upload:style-1"}]}  # fmt: skip
    with pytest.raises(OptionError, match="size"):
        read(texture, ("style-1",), result_pixels=1_000_000)
    texture["size"] = [1000, 1000]
    posted = read(texture, ("style-1",), result_pixels=1_000_000)
    assert isinstance(posted.request, TextureRequest)


def test_encoders_that_would_be_downloaded_are_refused(cache):
    assert encoders_here() == ["compact", "compact2", "vgg19 or compact2"]
    with pytest.raises(OptionError, match="vgg19"):
        read(paint_request(encoder="vgg19"))


@pytest.mark.parametrize("text", ["", "{}", "[]", "nonsense", '{"version": 9, "kind": "paint"}',
                                  '{"version": 1, "kind": "shell"}', "[" * 100_000])  # fmt: skip
def test_what_is_no_request_is_one_sentence(text):
    with pytest.raises(OptionError):
        read_posted(text, (), Limits())
