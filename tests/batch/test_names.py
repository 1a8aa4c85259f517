"""Names of outputs stay in the output folder, whatever a manifest says."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path, PureWindowsPath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from impasto.batch.names import OWN, checked_name, clean_name, with_format
from impasto.errors import OptionError
from impasto.runtime.strangers_paths import leads_elsewhere

TEXTS = st.text(st.characters(exclude_categories=()), max_size=300) | st.text(
    st.sampled_from("./\\:a~ \0$CON?#%*"), max_size=40
)


def is_inside(name: str) -> bool:
    """Independently of the code under test: by what POSIX and Windows make of the name."""
    joined = os.path.normpath(os.path.join("/out", name))
    windows = PureWindowsPath(name)
    parts = name.split("/")
    return (
        joined.startswith("/out/")
        and not (windows.drive or windows.root)
        and all(part.strip(". ") and part.isprintable() for part in parts)
        and all(len(part.encode("utf-8", "replace")) <= 255 for part in parts)
        and parts[0] != OWN
    )


@given(TEXTS)
@example("https://host/a/../../b.jpg?x=1#y")
@example("s3://bucket/" + "ü" * 300 + ".jpg")
@example("_batch/plan.json")
@example("C:\\a\\b.png")
@example("a/CON.png/NUL")
@example("....//....//x")
def test_any_content_gets_a_name_inside(content):
    name = clean_name(content)
    assert is_inside(name)
    assert not leads_elsewhere(name)
    assert is_inside(with_format(name, None))
    assert is_inside(with_format(name, "jpg"))


@given(TEXTS)
def test_a_given_name_is_inside_or_refused(name):
    with contextlib.suppress(OptionError):
        assert is_inside(checked_name(name))


def test_plain_names_are_kept():
    for name in ("a.png", "set 1/ü ñ.jpg", "2026/05/p-1.tif", "x.heic"):
        assert checked_name(name) == clean_name(name) == name
    assert clean_name("https://host/a/b.jpg?size=3") == "host/a/b.jpg"
    assert clean_name("s3://bucket/a b/c.png") == "bucket/a b/c.png"
    assert clean_name("/data/x.png") == "data/x.png"
    assert clean_name(str(Path("..") / "x.png")) == "x.png"


@pytest.mark.parametrize(
    ("name", "format_", "expected"),
    [("a.jpg", None, "a.jpg"), ("a.heic", None, "a.png"), ("a", None, "a.png"),
     ("b/a.tar.jpg", "webp", "b/a.tar.webp")],
)  # fmt: skip
def test_formats(name, format_, expected):
    assert with_format(name, format_) == expected
