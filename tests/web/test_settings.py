"""Address, access and limits: what is refused before anything listens."""

from __future__ import annotations

import pytest

from impasto.cli.main import run
from impasto.errors import OptionError
from impasto.web.settings import Limits, Settings

TOKEN = "a-token-of-enough-letters"


def test_only_this_machine_by_default():
    assert Settings().host == "127.0.0.1"
    assert Settings().is_loopback


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "localhost", "::1"])
def test_loopback_needs_no_token(host):
    assert Settings(host=host).is_loopback


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "example.org"])
def test_other_addresses_need_a_token_or_be_open(host):
    with pytest.raises(OptionError, match="token"):
        Settings(host=host)
    assert Settings(host=host, token=TOKEN).token == TOKEN
    assert Settings(host=host, is_open=True).is_open


@pytest.mark.parametrize(
    "wrong",
    [
        {"token": "short"},
        {"token": "pässword-of-enough-letters"},
        {"token": TOKEN, "is_open": True},
        {"port": -1},
        {"port": 65536},
        {"devices": ()},
        {"devices": ("cpu", "cpu")},
        {"quick_workers": 0},
        {"proxy": "proxy.example.org"},
        {"host_names": ("https://example.org",)},
        {"host_names": ("example.org:80",)},
    ],
)
def test_wrong_settings_are_one_sentence(wrong):
    with pytest.raises(OptionError):
        Settings(**wrong)


def test_a_token_is_not_in_the_text_of_settings():
    assert TOKEN not in repr(Settings(token=TOKEN))


def test_limits_have_ranges_and_a_longest_side_of_narrow_pictures():
    with pytest.raises(OptionError, match="most_steps"):
        Limits(most_steps=0)
    limits = Limits(result_pixels=1_000_000)
    assert limits.longest_side == 2000
    assert (limits.longest_side * limits.longest_side / 4) == limits.result_pixels


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--host", "0.0.0.0"], "--token"),
        (["--port", "99999"], "--port"),
        (["--most-steps", "0"], "--most-steps"),
        (["--token", "missing.txt"], "missing.txt"),
        (["--memory", "much"], "--memory"),
        (["--device", "cpu", "cpu"], "--device"),
        (["--host", "203.0.113.7", "--open"], "cannot listen"),
        (["--device", "abacus"], "abacus"),
    ],
)
def test_mistakes_on_the_command_line_end_it_with_two(words, told, capsys, monkeypatch):
    monkeypatch.delenv("IMPASTO_TOKEN", raising=False)
    assert run(["serve", *words]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert told in printed.err
    assert printed.err.count("\n") == 1


def test_a_taken_port_is_told(capsys):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert run(["serve", "--port", port]) == 2
    assert port in capsys.readouterr().err


def test_an_empty_token_file_is_told(tmp_path, capsys):
    (tmp_path / "token").write_text("\n")
    assert run(["serve", "--token", str(tmp_path / "token")]) == 2
    assert "first line" in capsys.readouterr().err
