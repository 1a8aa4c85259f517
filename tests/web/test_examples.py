"""The examples of the docs, run as they are but for the address, against a server."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import av
import pytest
from PIL import Image

from helpers.clips import make_clip
from helpers.web_client import PAINTING, PHOTO, Server

PAGE = (Path(__file__).parents[2] / "docs" / "serve.md").read_text(encoding="utf-8")


def example(name: str, server: Server) -> str:
    """A block of the docs."""
    found = re.search(rf"<!-- example: {name} -->\n```\w+\n(.*?)```", PAGE, re.DOTALL)
    assert found, f"docs/serve.md has no example {name}"
    assert "http://127.0.0.1:8400" in found[1]
    return found[1].replace("http://127.0.0.1:8400", f"http://127.0.0.1:{server.port}")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "photo.jpg").write_bytes(PHOTO)
    (tmp_path / "style.jpg").write_bytes(PAINTING)
    return tmp_path


def run(folder: Path, *command: str) -> str:
    environment = {**os.environ, "GRADIO_TEMP_DIR": str(folder / "results")}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def size_of(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")
def test_a_picture_with_curl(server, folder):
    told = run(folder, "bash", "-euc", example("curl", server))
    assert "event: finished" in told
    assert size_of(folder / "painting.png") == (64, 48)


@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")
def test_a_clip_with_curl(server, folder):
    make_clip(folder / "clip.mp4", 4)
    told = run(folder, "bash", "-euc", example("clip", server).replace("640", "64"))
    assert '"frames": 4' in told
    with av.open(str(folder / "painted.webm")) as container:
        assert len(list(container.decode(video=0))) == 4


def test_the_client_of_gradio(server, folder):
    text = example("gradio_client", server).replace("320", "64")
    told = run(folder, sys.executable, "-c", f"{text}\nprint(path)")
    assert size_of(Path(told.splitlines()[-1])) == (128, 128)
    assert len(list((folder / "results").rglob("*.png"))) == 3


@pytest.mark.slow
def test_the_client_of_mcp(server, folder):
    told = run(folder, sys.executable, "-c", example("mcp", server))
    assert "['list_styles', 'stylize', 'paint']" in told
    assert size_of(folder / "painting.jpg") == (64, 48)
    path = told.splitlines()[-1].partition(f":{server.port}")[2]
    whole = server.client.get(path)
    assert (whole.status, whole.headers["content-type"]) == (200, "image/jpeg")
