"""Files that others write, replace or remove while a picture is made."""

import os
import shutil
import subprocess
import sys
import threading

import pytest

from helpers.random_inputs import smooth_picture
from impasto import images
from impasto.cli.main import run
from impasto.jobs.events import Progress
from impasto.jobs.existing import Existing, find_existing
from impasto.jobs.requests import PaintRequest, StyleInput, StylizeRequest
from impasto.jobs.results import Result
from impasto.jobs.run import run as run_request
from impasto.recipes.recipe import Recipe

FAST = Recipe(size=48, scales=1, steps=3)
REQUESTS = {
    "paint": PaintRequest("photo.png", (StyleInput("painting.png"),), FAST),
    "stylize": StylizeRequest("photo.png", (StyleInput("painting.png"),)),
}
WORDS = {
    "paint": "paint photo.png painting.png --size 48 --scales 1 --steps 3 --quiet",
    "stylize": "stylize photo.png --style painting.png --quiet",
}


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    images.write("photo.png", smooth_picture(48, 64, seed=1))
    images.write("painting.png", smooth_picture(48, 48, seed=2))
    return tmp_path


def on_progress(action):
    """A listener that acts once."""
    actions = [action]

    def listen(event):
        if isinstance(event, Progress) and actions:
            actions.pop()()

    return listen


def replace(name):
    images.write("new.png", smooth_picture(48, 64, seed=9))
    os.replace("new.png", name)


@pytest.mark.parametrize("name", ["photo.png", "painting.png"])
@pytest.mark.parametrize("kind", REQUESTS)
def test_a_source_that_is_replaced_meanwhile_makes_another_picture(kind, name):
    """The picture is of the old file, so it must not count as that of the new one."""
    request = REQUESTS[kind]
    made = run_request(request).finish()
    result = run_request(request, listener=on_progress(lambda: replace(name))).finish()
    assert result.tensor.equal(made.tensor)
    result.save("out.png")
    assert find_existing("out.png", request) is Existing.OTHER
    run_request(request).finish().save("out.png")
    assert find_existing("out.png", request) is Existing.SAME


def test_one_that_is_stopped_and_replaced_as_well():
    running = run_request(REQUESTS["paint"])
    for event in running:
        if isinstance(event, Progress):
            break
    running.close()
    replace("photo.png")
    running.result.save("out.png")
    assert find_existing("out.png", REQUESTS["paint"]) is Existing.OTHER


@pytest.mark.parametrize("kind", REQUESTS)
def test_a_source_that_is_removed_meanwhile_is_not_missed(kind):
    result = run_request(REQUESTS[kind], listener=on_progress(lambda: os.remove("photo.png")))
    result.finish().save("out.png")
    sizes = {"paint": (36, 48), "stylize": (48, 64)}
    assert images.read("out.png").size == sizes[kind]


def test_a_folder_of_outputs_that_is_removed_meanwhile_is_made_again(monkeypatch, capsys):
    os.mkdir("photos")
    for name in "abc":
        shutil.copy("photo.png", f"photos/{name}.png")
    real, saved = Result.save, []

    def save(result, path, **options):
        shutil.rmtree("out", ignore_errors=True)
        saved.append(path)
        return real(result, path, **options)

    monkeypatch.setattr(Result, "save", save)
    assert run(["stylize", "photos", "--style", "painting.png", "-o", "out", "--quiet"]) == 0
    assert len(saved) == 3
    assert os.path.isfile(saved[-1])


@pytest.mark.parametrize("command", WORDS)
def test_two_that_write_one_output_leave_one_whole_picture(command, place):
    """At any moment the output is missing or whole."""
    results = {}
    for name in ("first", "second"):
        assert run([*WORDS[command].split(), "-o", f"{name}.png"]) == 0
        results[name] = images.read(f"{name}.png")
    seen, over = [], threading.Event()

    def write(name):
        for _ in range(3):
            images.write("out.png", results[name].tensor)

    def look():
        while not over.wait(0.002):
            if os.path.exists("out.png"):
                seen.append(images.read("out.png").size)

    writers = [threading.Thread(target=write, args=(name,)) for name in results]
    looker = threading.Thread(target=look)
    for thread in (looker, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    over.set()
    looker.join()
    assert set(seen) <= {results["first"].size}
    assert seen
    kept = {"photo.png", "painting.png", "first.png", "second.png", "out.png"}
    assert set(os.listdir(place)) == kept


def test_two_commands_at_once(place):
    """Both end well, and nothing but the output is left."""
    words = [sys.executable, "-m", "impasto", *WORDS["stylize"].split(), "-o", "out.png"]
    both = [
        subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    told = [process.communicate(timeout=280)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], told
    assert find_existing("out.png", REQUESTS["stylize"]) is Existing.SAME
    assert set(os.listdir(place)) == {"photo.png", "painting.png", "out.png"}
