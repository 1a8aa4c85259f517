"""Inputs and outputs that are elsewhere: a web server, and a store that speaks S3."""

from __future__ import annotations

import io
import shutil
import tarfile
import threading
import urllib.request
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from PIL import Image

import impasto
from helpers.batches import entries, outputs
from impasto.batch.outputs import GONE, RemoteOutput
from impasto.batch.places import filesystem, opened
from impasto.batch.rows import Template
from impasto.errors import InputDataError, OptionError
from impasto.jobs.requests import StyleInput


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def web(photos, tmp_path, monkeypatch):
    """The address of a server over the photographs and a manifest of them."""
    pytest.importorskip("aiohttp")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    folder = shutil.copytree(photos, tmp_path / "served")
    names = ["p0.png", "sub/p5.png", "gone.png", "p0.png?size=1"]
    (folder / "rows.csv").write_text("content\n" + "\n".join(names) + "\n")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.slow
def test_a_manifest_and_its_pictures_on_the_web(web, batch, photos, tmp_path, monkeypatch):
    monkeypatch.setattr("impasto.batch.places._PAUSES", (0.0,))
    style = Template(styles=(StyleInput(f"{web}/p1.png"),))
    tally = batch(f"{web}/rows.csv", template=style)
    assert (tally.painted, tally.failed, tally.problem) == (2, 2, "")
    log = entries(tmp_path / "out")
    assert log[2]["error"] == f"There is no file {web}/gone.png: check its name."
    assert f'"content": "{web}/p0.png"' in log[0]["request"]
    made = outputs(tmp_path / "out")
    assert [*made] == ["p0.png", "sub/p5.png"]
    expected = impasto.stylize(photos / "sub" / "p5.png", photos / "p1.png")
    painted = np.asarray(Image.open(io.BytesIO(made["sub/p5.png"])))
    assert np.array_equal(painted, np.asarray(expected.image))


def test_a_server_that_is_gone_is_told(batch, monkeypatch):
    pytest.importorskip("aiohttp")
    monkeypatch.setattr("impasto.batch.places._PAUSES", (0.0,))
    with pytest.raises(InputDataError, match="check the address"):
        batch("http://127.0.0.1:1/rows.csv")


@pytest.mark.parametrize(
    "place", ["ftp://x/a.csv", "ssh://x/a.csv", "memory://a", "simplecache::s3://a"]
)
def test_other_kinds_of_addresses_are_refused(place):
    with pytest.raises(OptionError, match="no address that can be read"):
        filesystem(place)


def test_nothing_is_written_to_the_web(batch, tmp_path):
    with pytest.raises(OptionError, match="cannot be written to"):
        batch(tmp_path, "http://127.0.0.1:1/out")


def test_a_missing_package_is_named(monkeypatch):
    def missing(place):
        raise ImportError("no gcsfs")

    monkeypatch.setattr("fsspec.core.url_to_fs", missing)
    with pytest.raises(OptionError, match="pip install gcsfs"):
        filesystem("gs://bucket/a.csv")


def test_a_picture_that_was_removed_from_a_store_is_told(tmp_path):
    output = RemoteOutput.__new__(RemoteOutput)  # its store is one in memory
    output.place, output._folder = "s3://bucket", "/bucket"
    output._fs = MemoryFileSystem()
    assert output.put_new(tmp_path / "gone.png", "a.png", "0" * 64, overwrite=False) == GONE


# --- S3 -------------------------------------------------------------------------------------------


@pytest.fixture
def s3(monkeypatch):
    """A bucket of a local server that speaks S3."""
    moto = pytest.importorskip("moto.server")
    pytest.importorskip("s3fs")
    import s3fs

    server = moto.ThreadedMotoServer("127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {"AWS_ENDPOINT_URL": f"http://{host}:{port}", "AWS_ACCESS_KEY_ID": "test",
                        "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1",
                        "no_proxy": "127.0.0.1"}.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    reset = urllib.request.Request(f"http://{host}:{port}/moto-api/reset", method="POST")
    urllib.request.urlopen(reset).close()  # what an earlier test has made
    s3fs.S3FileSystem.clear_instance_cache()
    fs = s3fs.S3FileSystem()
    fs.mkdir("bucket")
    yield fs
    s3fs.S3FileSystem.clear_instance_cache()
    server.stop()


def downloaded(fs, place, target):
    fs.get(place, str(target), recursive=True)
    return target


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_folder_in_s3_to_a_folder_in_s3(s3, batch, photos, tmp_path):
    s3.put(str(photos), "bucket/photos", recursive=True)
    batch(photos, "local")
    for _ in range(2):
        tally = batch("s3://bucket/photos", "s3://bucket/painted")
    assert (tally.painted, tally.done_before, tally.failed) == (0, 7, 0)
    made = downloaded(s3, "bucket/painted", tmp_path / "got")
    assert outputs(made).keys() == outputs(tmp_path / "local").keys()
    for name, content in outputs(made).items():
        alone = np.asarray(Image.open(io.BytesIO(outputs(tmp_path / "local")[name])))
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(content))), alone)
    # A shard whose log is missing is made again; its pictures are found to be the same.
    (log,) = s3.glob("bucket/painted/_batch/log/000000/000000001.*")
    s3.rm(log)
    tally = batch("s3://bucket/photos", "s3://bucket/painted")
    assert (tally.painted, tally.done_before, tally.failed) == (3, 4, 0)
    again = downloaded(s3, "bucket/painted", tmp_path / "again")
    assert outputs(again) == outputs(made)
    pattern = batch("s3://bucket/photos/**/p[56].png", "s3://bucket/some")
    assert pattern.painted == 2


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_archives_in_s3(s3, batch, photos, tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for number in range(3):
            archive.add(photos / f"p{number}.png", f"{number:03}.png")
    s3.put(str(tmp_path / "a.tar"), "bucket/a.tar")
    tally = batch("s3://bucket/*.tar", "s3://bucket/out", layout="tar", log="parquet")
    assert (tally.painted, tally.failed) == (3, 0)
    with opened("s3://bucket/out/000000000.tar") as file, tarfile.open(fileobj=file) as made:
        assert made.getnames()[::2] == ["a/000.png", "a/001.png", "a/002.png"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_bucket_that_is_not_there_is_told(s3, batch, photos):
    with pytest.raises((InputDataError, OptionError, impasto.ImpastoError)) as caught:
        batch(str(photos), "s3://nothing/out")
    assert "s3://nothing/out" in str(caught.value)
