"""Commands can be pasted into the shells of the platform."""

import ntpath
import shlex
import subprocess

import pytest

from impasto.runtime.command_text import command_line, quoted_words

NAMES = [
    "a.png",
    "my photo.png",
    "a&b.png",
    "a;b,c.png",
    "it's.png",
    "(1).png",
    "a^b|c<d>.png",
    "#@.png",
]


@pytest.mark.parametrize("name", [*NAMES, 'a"b.png', "$(ls)", "%PATH%", "`ls`", "ä.png"])
def test_of_a_posix_shell(name):
    line = " ".join(quoted_words(["printf", "%s", name], platform="posix"))
    assert shlex.split(line) == ["printf", "%s", name]
    assert subprocess.run(["sh", "-c", line], capture_output=True).stdout.decode() == name


@pytest.mark.parametrize("name", [*NAMES, "ä.png", r"C:\photos\a b.png"])
def test_of_windows(name):
    """Within double quotes neither cmd nor PowerShell interpret any of these signs."""
    (word,) = quoted_words([name], platform="nt")
    bare = word.strip('"')
    assert bare == name
    assert word in (name, f'"{name}"')
    if word == name:
        assert not set(name) & set(" \t&|<>^()@,;='`#{}~")
    assert ntpath.basename(bare) == ntpath.basename(name)


@pytest.mark.parametrize("name", ["%PATH%.png", "$env.png", "a`b", "a!b!", 'a"b', "a”b", "dir\\"])
def test_what_windows_cannot_quote(name):
    assert quoted_words(["impasto", name], platform="nt") is None
    assert quoted_words(["impasto", name], platform="posix") is not None


@pytest.mark.parametrize("platform", ["nt", "posix"])
@pytest.mark.parametrize("name", ["a\nb", "a\x1b[0m", "a\0"])
def test_no_control_characters(name, platform):
    assert quoted_words([name], platform=platform) is None


def test_a_command_of_the_users_own_is_always_shown(monkeypatch):
    assert command_line(["impasto", "paint", "a b.png"]) == "impasto paint 'a b.png'"
    assert command_line(["impasto", "a\nb"]) == "impasto 'a\nb'"
