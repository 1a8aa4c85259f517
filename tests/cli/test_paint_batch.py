"""``impasto paint`` with several photographs; folders of styles."""

from __future__ import annotations

import json
import shutil
import signal

import pytest

from helpers.paint_commands import OPTIONS, furnish, pixels_of
from helpers.random_inputs import smooth_picture
from helpers.sentences import check_told
from impasto import images
from impasto.cli.main import run
from impasto.jobs.display import ProgressBar
from impasto.jobs.request_json import from_metadata


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A working folder: photo.png, painting.png, photos/{a,b}.png, styles/{warm,more/cold}.png."""
    folder = furnish(tmp_path / "work")
    monkeypatch.chdir(folder)
    for number, name in enumerate(("photos/a", "photos/b", "styles/warm", "styles/more/cold")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        images.write(f"{name}.png", smooth_picture(48, 64, seed=10 + number))
    return folder


def paint(*words):
    return run(["paint", *words, *OPTIONS])


def files_in(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def styles_of(path):
    return [style.name for style in from_metadata(images.read_metadata(path)).styles]


def test_pictures_and_folders_are_painted_as_they_are_one_by_one(place, capsys):
    words = ["photo.png", "photos", "--style", "painting.png", "-o", "out"]
    assert paint(*words) == 0
    printed = capsys.readouterr()
    assert files_in(place / "out") == ["a.png", "b.png", "photo.png"]
    told = [line for line in printed.err.splitlines() if line.startswith("picture ")]
    assert told == [
        "picture 1 of 3: photo.png", "picture 2 of 3: a.png", "picture 3 of 3: b.png",
    ]  # fmt: skip
    assert printed.out.splitlines()[-1].startswith("out: 3 pictures painted in ")
    assert paint("photos/b.png", "painting.png", "-o", "alone.png", "--quiet") == 0
    assert pixels_of("out/b.png") == pixels_of("alone.png")
    assert paint(*words) == 0
    assert "3 pictures exist already, made in the same way: kept" in capsys.readouterr().out


def test_one_picture_keeps_its_name_in_a_folder(place, capsys):
    assert paint("photos/a.png", "painting.png", "-o", "out/", "--format", "jpg") == 0
    assert capsys.readouterr().out.startswith("out/a.jpg: 64×48 px in ")
    assert files_in(place / "out") == ["a.jpg"]


def test_what_cannot_be_painted_does_not_end_the_others(place, capsys):
    (place / "photos" / "aa.png").write_bytes(b"\x89PNG\r\n\x1a\n cut short")
    (place / "out").mkdir()
    (place / "out" / "b.png").write_bytes(b"mine")
    words = ["photos", "gone.png", "--style", "painting.png", "-o", "out", "--json"]
    assert paint(*words) == 2
    printed = capsys.readouterr()
    described = json.loads(printed.out)
    assert [made["content"] for made in described["made"]] == ["photos/a.png"]
    failed = {entry["content"]: entry["error"] for entry in described["failed"]}
    assert list(failed) == ["photos/b.png", "photos/aa.png", "gone.png"]
    assert "out/b.png exists already and was made in another way" in failed["photos/b.png"]
    assert "damaged" in failed["photos/aa.png"]
    assert all(message in printed.err for message in failed.values())
    assert (place / "out" / "b.png").read_bytes() == b"mine"


def test_ctrl_c_leaves_finished_pictures_and_the_checkpoint_of_the_one_in_hand(
    place, monkeypatch, capsys
):
    steps = 0
    show = ProgressBar.show

    def stop_in_the_second(bar, event):
        nonlocal steps
        show(bar, event)
        steps += hasattr(event, "share")
        if steps == 17:  # of twelve each
            signal.raise_signal(signal.SIGINT)

    words = ["photo.png", "photos", "--style", "painting.png", "-o", "out"]
    with monkeypatch.context() as patch:
        patch.setattr(ProgressBar, "show", stop_in_the_second)
        assert paint(*words) == 130
    printed = capsys.readouterr().out
    assert "out/photo.png: 64×48 px" in printed
    assert "out/a.png: stopped at 45×34 px; --resume continues" in printed
    assert printed.endswith("stopped; the same command with --resume continues\n")
    assert files_in(place / "out") == ["a.png", "a.png.checkpoint", "photo.png"]
    steps, done = 0, []
    monkeypatch.setattr(
        ProgressBar, "show", lambda bar, event: done.append(event) if hasattr(event, "share") else 0
    )
    assert paint(*words, "--resume") == 0
    printed = capsys.readouterr()
    assert len(done) == 7 + 12  # the rest of the second, and the third
    assert "starting from the beginning" not in printed.err
    assert files_in(place / "out") == ["a.png", "b.png", "photo.png"]
    assert paint("photos/a.png", "painting.png", "-o", "alone.png", "--quiet") == 0
    assert pixels_of("out/a.png") == pixels_of("alone.png")


def test_ctrl_c_before_the_first_step_ends_the_batch(place, monkeypatch, capsys):
    read = images.read

    def interrupted(source, **options):
        if "b.png" in str(source):
            raise KeyboardInterrupt
        return read(source, **options)

    monkeypatch.setattr(images, "read", interrupted)
    assert paint("photos", "--style", "painting.png", "-o", "out") == 130
    assert files_in(place / "out") == ["a.png"]
    assert "stopped; the same command" in capsys.readouterr().out


def test_files_of_one_painting_are_refused_for_several(place, capsys):
    words = ["photos", "--style", "painting.png", "-o", "out"]
    for name, value in (("log", "a.csv"), ("report", "a.html"), ("snapshots-to", "steps")):
        assert paint(*words, f"--{name}", value) == 2
        check_told(capsys, f"--{name} is of one painting, and there are several: name one.")
    assert paint(*words, "--region", "face=photo.png") == 2
    check_told(capsys, "Masks and regions belong to one picture: name one.")
    assert paint("photos", "--style", "painting.png", "-o", "one.png") == 2
    check_told(capsys, "one.png is one picture and there are several to paint: name a folder.")
    assert not (place / "out").exists()


def test_snapshots_of_several_go_beside_each(place):
    assert (
        paint("photos", "--style", "painting.png", "-o", "out", "--snapshots", "2", "--quiet") == 0
    )
    assert files_in(place / "out") == [
        "a-steps/step-00006.png", "a-steps/step-00012.png", "a.png",
        "b-steps/step-00006.png", "b-steps/step-00012.png", "b.png",
    ]  # fmt: skip


@pytest.mark.parametrize("command", ["paint", "stylize"])
def test_each_style_of_a_folder_is_painted_over_each_photograph(command, place, capsys):
    hidden = place / "styles" / "__MACOSX"
    hidden.mkdir()
    for path in (hidden / "._warm.png", place / "styles" / ".hidden.png"):
        path.write_bytes(b"of a Mac")
    (place / "styles" / "notes.txt").write_text("no picture")
    words = [command, "photo.png", "photos/a.png", "--style", "styles", "-o", "out"]
    assert run([*words, *OPTIONS * (command == "paint"), "--quiet"]) == 0
    assert capsys.readouterr().err == ""
    made = {name: styles_of(place / "out" / name) for name in files_in(place / "out")}
    warm, cold = ["styles/warm.png"], ["styles/more/cold.png"]
    assert made == {
        "a-more-cold.png": cold,
        "a-warm.png": warm,
        "photo-more-cold.png": cold,
        "photo-warm.png": warm,
    }


def test_a_folder_of_styles_is_mixed_with_other_styles(place):
    words = ["photo.png", "coarse=styles", "fine=painting.png", "-o", "out", "--quiet"]
    assert paint(*words) == 0
    request = from_metadata(images.read_metadata("out/photo-warm.png"))
    assert [str(style) for style in request.styles] == [
        "coarse=styles/warm.png", "fine=painting.png",
    ]  # fmt: skip


def test_names_of_outputs_do_not_collide(place):
    shutil.copy("photos/a.png", "x-y.png")
    shutil.copy("photos/b.png", "x.png")
    shutil.rmtree("styles")
    for name in ("z", "y-z"):
        images.write(f"styles/{name}.png", smooth_picture(48, 64, seed=len(name)))
    images.write("styles/z.jpg", smooth_picture(48, 64, seed=7))
    words = ["stylize", "x.png", "x-y.png", "--style", "styles", "-o", "out", "--quiet"]
    assert run(words) == 0
    made = {}
    for name in files_in(place / "out"):
        request = from_metadata(images.read_metadata(f"out/{name}"))
        made[name] = (request.content, request.styles[0].name)
    assert made == {
        "x-y-z.png": ("x.png", "styles/y-z.png"),
        "x-y-y-z.png": ("x-y.png", "styles/y-z.png"),
        "x-z-jpg.png": ("x.png", "styles/z.jpg"),
        "x-y-z-jpg.png": ("x-y.png", "styles/z.jpg"),
        "x-z-png.png": ("x.png", "styles/z.png"),
        "x-y-z-png.png": ("x-y.png", "styles/z.png"),
    }
    (place / "styles" / "z.jpg").unlink()
    assert run([*words[:-2], "out2", "--quiet"]) == 0
    assert files_in(place / "out2") == ["x-y-y-z.png", "x-y-z-2.png", "x-y-z.png", "x-z.png"]
    assert styles_of("out2/x-y-z-2.png") == ["styles/z.png"]


def test_a_broken_style_of_a_folder_does_not_end_the_others(place, capsys):
    (place / "styles" / "a.png").write_bytes(b"no picture")
    words = ["stylize", "photo.png", "--style", "styles", "-o", "out", "--quiet"]
    assert run(words) == 2
    assert "styles/a.png" in capsys.readouterr().err
    assert files_in(place / "out") == ["photo-more-cold.png", "photo-warm.png"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["styles", "--style", "styles", "--style", "photos"],
         "styles and photos are folders of styles: name one at a time."),
        (["photo.png", "--style", "empty"], "The folder empty holds no pictures"),
        (["photo.png", "--style", "styles", "--mask", "a.png", "--style-mask", "photo.png"],
         "--style-mask belongs to one style picture: name one."),
    ],
)  # fmt: skip
def test_folders_of_styles_that_cannot_be_used_are_refused(words, told, place, capsys):
    (place / "empty").mkdir()
    assert paint(*words, "-o", "out") == 2
    check_told(capsys, told)


def test_a_saved_style_is_one(place, capsys):
    words = ["stylize", "photo.png", "--style", "styles", "-o", "out"]
    assert run([*words, "--save-style", "s.safetensors"]) == 2
    check_told(capsys, "--save-style saves one style, and there are several: name one.")
