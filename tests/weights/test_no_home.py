"""A user without a home folder, as in many containers: what is built in needs no cache."""

from __future__ import annotations

import os
import sys

import pytest

from helpers.random_inputs import smooth_picture
from helpers.sentences import check_told
from impasto import images
from impasto.cli.main import run
from impasto.errors import WeightsError
from impasto.weights import store

pwd = pytest.importorskip("pwd")  # not on Windows

if sys.platform == "win32":
    pytest.skip("users of POSIX", allow_module_level=True)


@pytest.fixture(autouse=True)
def nobody(tmp_path, monkeypatch):
    """No HOME, and a user who is in no list of users."""

    def unknown(uid: int) -> None:
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    for name in ("HOME", "XDG_CACHE_HOME", "IMPASTO_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    monkeypatch.chdir(tmp_path)
    images.write("a.png", smooth_picture(48, 64, seed=1))
    return tmp_path


def test_what_is_built_in_works(nobody, capsys):
    assert os.path.expanduser("~") == "~"
    small = ["--size", "48", "--scales", "1", "--steps", "1"]
    assert run(["paint", "a.png", "a.png", "-o", "p.png", *small]) == 0
    assert run(["stylize", "a.png", "--style", "great-wave", "-o", "s.png"]) == 0
    assert run(["models", "list"]) == 0
    assert run(["models", "verify", "compact"]) == 0
    assert "compact: good" in capsys.readouterr().out
    assert sorted(path.name for path in nobody.iterdir()) == ["a.png", "p.png", "s.png"]


@pytest.mark.parametrize(
    "words", [["models", "fetch", "vgg19"], ["features", "a.png", "--encoder", "vgg19"],
              ["models", "add", "mine", "a.png"]],
)  # fmt: skip
def test_what_is_not_built_in_gets_a_sentence(words, capsys):
    assert run(words) == 2
    printed = capsys.readouterr().err
    assert printed.count("\n") == 1
    assert "IMPASTO_CACHE" in printed or "a.png" in printed


@pytest.mark.parametrize("answer", [None, "~/.cache/impasto"])
def test_both_answers_of_platformdirs_are_understood(answer, monkeypatch):
    def platform(*_: object, **__: object):
        if answer is None:
            raise RuntimeError("could not determine the home directory")
        return store.Path(answer)

    monkeypatch.setattr(store, "user_cache_path", platform)
    with pytest.raises(WeightsError, match="There is no home folder to keep weights in: set IMPAS"):
        store.cache_dir()


def test_the_folder_of_the_environment_is_enough(nobody, monkeypatch, capsys):
    monkeypatch.setenv("IMPASTO_CACHE", str(nobody / "cache"))
    assert store.cache_dir() == nobody / "cache"
    assert run(["models", "fetch", "compact"]) == 0
    assert run(["models", "add", "mine", "a.png"]) == 2
    check_told(capsys, "a.png")
