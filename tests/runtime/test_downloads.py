"""Downloads from a local server that misbehaves on request."""

from __future__ import annotations

import hashlib
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import BinaryIO

import pytest

from helpers.file_server import BODY, serving, unused_url
from impasto.errors import WeightsError
from impasto.runtime import downloads
from impasto.runtime.downloads import download, file_lock, sha256_of

SHA256 = hashlib.sha256(BODY).hexdigest()


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "PAUSE", 0.0)
    monkeypatch.setattr(downloads, "BLOCK", 256)
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "a folder" / "weight.pth"


def part_of(target: Path) -> Path:
    return target.with_name("weight.pth.part")


def test_a_file_arrives_whole(target: Path) -> None:
    reported: list[tuple[int, int]] = []
    with serving() as server:
        path = download(
            server.url,
            target,
            sha256=SHA256,
            size=len(BODY),
            progress=lambda here, total: reported.append((here, total)),
        )
    assert path == target
    assert target.read_bytes() == BODY
    assert not part_of(target).exists()
    assert [here for here, _ in reported] == [*range(256, 3000, 256), 3000]
    assert {total for _, total in reported} == {3000}
    assert server.ranges == [None]


def test_the_leading_digits_of_a_hash_suffice(target: Path) -> None:
    with serving() as server:
        download(server.url, target, sha256=SHA256[:8])
    assert target.read_bytes() == BODY


def test_a_complete_file_is_not_requested(target: Path) -> None:
    with serving() as server:
        download(server.url, target, sha256=SHA256)
        download(server.url, target, sha256=SHA256)
    assert len(server.ranges) == 1


def test_another_file_with_that_name_is_replaced(target: Path) -> None:
    target.parent.mkdir()
    target.write_bytes(b"old")
    with serving() as server:
        download(server.url, target, sha256=SHA256)
    assert target.read_bytes() == BODY


def test_a_dropped_connection_resumes_where_it_broke(target: Path) -> None:
    with serving(script=("drop", "drop")) as server:
        download(server.url, target, sha256=SHA256, size=len(BODY))
    assert server.ranges == [None, "bytes=1500-", "bytes=2250-"]
    assert target.read_bytes() == BODY


@pytest.mark.parametrize("failure", ["reset", "hang up"])
def test_a_failed_connection_is_retried(target: Path, failure: str) -> None:
    with serving(script=(failure, failure)) as server:
        download(server.url, target, sha256=SHA256, size=len(BODY))
    assert len(server.ranges) == 3
    assert target.read_bytes() == BODY


def test_the_next_call_resumes_an_interrupted_download(target: Path) -> None:
    def interrupt(here: int, total: int) -> None:
        if here >= 1024:
            raise KeyboardInterrupt

    with serving() as server:
        with pytest.raises(KeyboardInterrupt):
            download(server.url, target, sha256=SHA256, progress=interrupt)
        assert part_of(target).read_bytes() == BODY[:1024]
        download(server.url, target, sha256=SHA256)
    assert server.ranges == [None, "bytes=1024-"]
    assert target.read_bytes() == BODY


def test_a_complete_part_needs_no_request(target: Path) -> None:
    target.parent.mkdir()
    part_of(target).write_bytes(BODY)
    with serving() as server:
        download(server.url, target, sha256=SHA256, size=len(BODY))
    assert server.ranges == []
    assert target.read_bytes() == BODY


def test_a_server_that_ignores_ranges_starts_over(target: Path) -> None:
    with serving(script=("drop", "whole")) as server:
        download(server.url, target, sha256=SHA256)
    assert len(server.ranges) == 2
    assert target.read_bytes() == BODY


def test_a_part_that_is_too_long_starts_over(target: Path) -> None:
    target.parent.mkdir()
    part_of(target).write_bytes(BODY + b"more")
    with serving() as server:
        download(server.url, target, sha256=SHA256)
    assert server.ranges == ["bytes=3004-", None]
    assert target.read_bytes() == BODY


def test_a_part_of_another_file_starts_over(target: Path) -> None:
    target.parent.mkdir()
    part_of(target).write_bytes(b"other")
    with serving() as server:
        download(server.url, target, sha256=SHA256)
    assert server.ranges == ["bytes=5-", None]
    assert target.read_bytes() == BODY


def test_a_missing_length_does_not_matter(target: Path) -> None:
    with serving(script=("no length",)) as server:
        download(server.url, target, sha256=SHA256)
    assert target.read_bytes() == BODY


@pytest.mark.parametrize("code", [500, 503, 429])
def test_temporary_errors_are_retried(target: Path, code: int) -> None:
    with serving(script=(code, code)) as server:
        download(server.url, target, sha256=SHA256)
    assert len(server.ranges) == 3
    assert target.read_bytes() == BODY


def test_a_permanent_server_error_is_reported(target: Path) -> None:
    with (
        serving(script=(500,) * downloads.ATTEMPTS) as server,
        pytest.raises(WeightsError, match="the server answered 500") as caught,
    ):
        download(server.url, target, sha256=SHA256)
    assert server.url in str(caught.value)
    assert len(server.ranges) == downloads.ATTEMPTS


def test_a_missing_file_is_not_retried(target: Path) -> None:
    with serving(script=(404,)) as server, pytest.raises(WeightsError, match="404 Not Found"):
        download(server.url, target, sha256=SHA256)
    assert len(server.ranges) == 1


def test_a_wrong_file_is_refused_and_removed(target: Path) -> None:
    wrong = bytes(len(BODY))
    with serving(wrong) as server, pytest.raises(WeightsError, match="sent another file"):
        download(server.url, target, sha256=SHA256)
    assert not target.exists()
    assert not part_of(target).exists()


def test_a_file_of_another_length_is_refused_before_downloading(target: Path) -> None:
    with serving(b"<html>log in</html>") as server, pytest.raises(WeightsError, match="19 bytes"):
        download(server.url, target, sha256=SHA256, size=len(BODY))
    assert not target.exists()
    assert not part_of(target).exists()


def test_an_endless_answer_is_cut_off(target: Path) -> None:
    reported: list[int] = []

    def progress(here: int, total: int) -> None:
        reported.append(here)

    with (
        serving(bytes(1 << 20), script=("no length",)) as server,
        pytest.raises(WeightsError, match="sent another file"),
    ):
        download(server.url, target, sha256=SHA256, size=3000, progress=progress)
    assert reported[-1] <= 3000 + downloads.BLOCK


def test_a_partial_file_is_kept_for_the_next_call(target: Path) -> None:
    with serving(script=("drop", *("nothing",) * downloads.ATTEMPTS)) as server:
        with pytest.raises(WeightsError, match="ended after 1,500 of 3,000 bytes") as caught:
            download(server.url, target, sha256=SHA256)
        assert "are kept" in str(caught.value)
        assert not target.exists()
        assert part_of(target).read_bytes() == BODY[:1500]
        download(server.url, target, sha256=SHA256)
    assert server.ranges[-1] == "bytes=1500-"
    assert target.read_bytes() == BODY


def test_an_unreachable_server_is_named(target: Path) -> None:
    url = unused_url()
    with pytest.raises(WeightsError, match="Connection refused") as caught:
        download(url, target, sha256=SHA256)
    assert url in str(caught.value)
    assert "are kept" not in str(caught.value)


def test_a_silent_server_times_out(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "ATTEMPTS", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/weight.pth"
        with pytest.raises(WeightsError, match="timed out"):
            download(url, target, sha256=SHA256, timeout=0.1)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_is_reported(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(part: Path, *, resumed: bool) -> BinaryIO:
        return open("/dev/full", "wb", buffering=0)

    monkeypatch.setattr(downloads, "_open_part", full)
    with serving() as server, pytest.raises(WeightsError, match="No space left") as caught:
        download(server.url, target, sha256=SHA256)
    assert str(part_of(target)) in str(caught.value)
    assert len(server.ranges) == 1


def test_a_folder_that_cannot_be_created_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with serving() as server, pytest.raises(WeightsError, match="could not be written"):
        download(server.url, tmp_path / "file" / "weight.pth", sha256=SHA256)
    assert server.ranges == []


@pytest.mark.parametrize("script", [("no length",), ()])
def test_no_more_than_the_limit_is_taken(
    script: tuple[str, ...], target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "MOST_BYTES", 1000)
    with serving(script=script) as server, pytest.raises(WeightsError, match="more than 1,000 byt"):
        download(server.url, target, sha256=SHA256)
    assert not target.exists()
    assert not part_of(target).exists()
    with serving() as server:  # a size that is known is the limit
        download(server.url, target, sha256=SHA256, size=len(BODY))


def test_links_in_the_place_of_the_file_are_not_followed(target: Path, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_bytes(b"mine")
    target.parent.mkdir()
    part_of(target).symlink_to(precious)
    with serving() as server, pytest.raises(WeightsError, match="could not be written"):
        download(server.url, target, sha256=SHA256)
    assert precious.read_bytes() == b"mine"


def test_redirects_are_followed_a_few_times(target: Path) -> None:
    with serving() as server:
        server.script = [f"to {server.url}?{i}" for i in range(downloads.REDIRECTS)]
        download(server.url, target, sha256=SHA256)
        target.unlink()
        server.script = [f"to {server.url}?{i}" for i in range(downloads.REDIRECTS + 2)]
        with pytest.raises(WeightsError, match="302"):
            download(server.url, target, sha256=SHA256)


@pytest.mark.parametrize("place", ["ftp://127.0.0.1/x", "file:///etc/passwd"])
def test_redirects_to_other_protocols_are_not_followed(place: str, target: Path) -> None:
    with serving(script=(f"to {place}",)) as server, pytest.raises(WeightsError):
        download(server.url, target, sha256=SHA256)
    assert not target.exists()


def test_a_protected_connection_stays_one() -> None:
    request = downloads.Request("https://example.org/a.pth")
    with pytest.raises(WeightsError, match=r"leads to http://example\.org/b, which is not"):
        downloads._FewRedirects().redirect_request(
            request, None, 302, "", {}, "http://example.org/b"
        )


def test_two_processes_share_one_download(target: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from impasto.runtime.downloads import download;"
        "download(sys.argv[1], Path(sys.argv[2]), sha256=sys.argv[3])"
    )
    with serving() as server:
        command = [sys.executable, "-c", program, server.url, str(target), SHA256]
        processes = [subprocess.Popen(command) for _ in range(2)]
        assert [process.wait(timeout=60) for process in processes] == [0, 0]
    assert len(server.ranges) == 1
    assert target.read_bytes() == BODY


def test_a_lock_excludes_others_until_it_is_released(tmp_path: Path) -> None:
    inside: list[str] = []

    def enter() -> None:
        with file_lock(tmp_path / "thing"):
            inside.append("second")

    with file_lock(tmp_path / "thing"):
        second = threading.Thread(target=enter)
        second.start()
        second.join(timeout=0.2)
        inside.append("first")
    second.join()
    assert inside == ["first", "second"]


def test_a_lock_does_not_outlive_its_process(tmp_path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path\n"
        "from impasto.runtime.downloads import file_lock\n"
        "with file_lock(Path(sys.argv[1])): os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "thing")], check=True)
    assert (tmp_path / "thing.lock").exists()
    with file_lock(tmp_path / "thing"):
        pass


def test_the_hash_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abc")  # the example in FIPS 180-2
    assert sha256_of(tmp_path / "file") == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )
