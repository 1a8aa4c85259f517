"""Cards and folders for the Hugging Face Hub, and their upload to a server on this machine."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import torch

import impasto
from helpers import hub_server
from helpers.random_inputs import smooth_picture
from helpers.script_files import imported
from helpers.tiny_networks import fixed_styles
from impasto.cli.main import _parser
from impasto.networks.files import save_network
from impasto.web.settings import PORT, Settings

huggingface_hub = pytest.importorskip("huggingface_hub")

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "integrations" / "huggingface"
COLOURS = ("red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray")
"""That the Hub allows."""


@pytest.fixture(scope="module")
def publish():
    return imported(FOLDER / "publish.py")


@pytest.fixture(scope="module")
def models(publish, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    publish.built_in_folders(folder)
    return folder


@pytest.fixture(scope="module")
def space(publish, tmp_path_factory):
    return publish.space_folder(tmp_path_factory.mktemp("space"))


@pytest.mark.parametrize("name", ["compact", "compact2", "any", "multi"])
def test_cards_are_in_the_form_of_the_hub_and_tell_what_the_model_card_tells(models, name):
    path = models / name / "README.md"
    data = huggingface_hub.ModelCard.load(path).data
    assert (data.license, data.library_name) == ("mit", "impasto")
    assert data.pipeline_tag in ("image-to-image", "image-feature-extraction")
    assert "style-transfer" in data.tags
    source = (ROOT / "src/impasto/data/MODEL_CARD.md").read_text("utf-8")
    section = re.split(rf"^# `{name}`$", source, flags=re.MULTILINE)[1]
    section = re.split(r"^# ", section, flags=re.MULTILINE)[0]
    text = path.read_text("utf-8")
    assert [line for line in section.splitlines() if "](" not in line and line not in text] == []
    for target in re.findall(r"\]\(([^)]+)\)", text):
        file = target.partition("/blob/main/")[2].partition("#")[0]
        assert target == "https://github.com/impasto/impasto" or (ROOT / file).is_file(), target
    built_in = Path(impasto.__file__).parent / "data" / f"{name}.safetensors"
    assert (models / name / f"{name}.safetensors").read_bytes() == built_in.read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["compact", "compact2", "any", "multi"])
def test_what_a_card_says_works(models, name, tmp_path, monkeypatch):
    for recipe_name, recipe in impasto.RECIPES.items():
        monkeypatch.setitem(impasto.RECIPES, recipe_name, recipe.replace(scales=1, steps=2))
    impasto.write_image(tmp_path / "photo.jpg", smooth_picture(48, 64, seed=1))
    impasto.write_image(tmp_path / "painting.jpg", smooth_picture(64, 64, seed=2))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        huggingface_hub,
        "hf_hub_download",
        lambda repository, file: str(models / repository.partition("/")[2] / file),
    )
    text = (models / name / "README.md").read_text("utf-8")
    (program,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    exec(compile(program.replace("out.png", f"{name}.png"), name, "exec"), {})
    assert (tmp_path / f"{name}.png").is_file()


def test_a_model_of_ones_own_has_a_card(publish, tmp_path, capsys):
    file = tmp_path / "mine.safetensors"
    model = fixed_styles("johnson", "wave", "rain")
    model.card = {"data": "a folder of photographs", "licence": "CC-BY-4.0"}
    save_network(file, model, dtype=torch.float32)
    words = ["model", str(file), str(tmp_path / "hub"), "--repository", "me/mine"]
    assert publish.main(words) == 0
    text = (tmp_path / "hub" / "README.md").read_text("utf-8")
    data = huggingface_hub.ModelCard.load(tmp_path / "hub" / "README.md").data
    assert data.license == "cc-by-4.0"
    assert "Styles known by name: `wave`, `rain`." in text
    assert "* data: a folder of photographs" in text
    assert 'hf_hub_download("me/mine", "mine.safetensors")' in text
    assert '"photo.jpg", "wave", model=model' in text
    assert publish.main(["model", str(tmp_path / "no.safetensors"), str(tmp_path / "x")]) == 2
    assert capsys.readouterr().err.startswith("publish: ")


def test_the_card_of_the_space_is_valid(space):
    data = huggingface_hub.SpaceCard.load(space / "README.md").data
    assert (data.sdk, data.app_port, data.license) == ("docker", PORT, "mit")
    assert data.colorFrom in COLOURS
    assert data.colorTo in COLOURS
    assert len(data.title) > 0
    assert len(data.short_description) <= 60


def test_the_space_builds_from_its_own_folder(space):
    text = (space / "Dockerfile").read_text("utf-8")
    copied = [name for line in re.findall(r"^COPY (?!--)(.+)$", text, re.MULTILINE)
              for name in line.split()[:-1]]  # fmt: skip
    assert copied
    assert [name for name in copied if not (space / name).exists()] == []
    assert (space / "src/impasto/data/any.safetensors").is_file()
    assert not list(space.rglob("__pycache__"))


def test_the_space_serves_the_studio_in_the_frame_of_the_hub(space):
    text = (space / "Dockerfile").read_text("utf-8")
    command = re.findall(r'^ENTRYPOINT \["sh", "-c", "(.+)"\]$', text, re.MULTILINE)[-1]
    assert text.rstrip().endswith(f'"{command}"]')
    assert re.findall(r"^USER (\d+)$", text, re.MULTILINE)[-1] == "1000"
    words = shlex.split(command.replace("${SPACE_HOST:-localhost}", "me-impasto.hf.space"))
    assert words[:3] == ["exec", "impasto", "serve"]
    args = _parser("serve").parse_args(words[2:])
    names, sites = tuple(args.host_name), tuple(args.embed_in)
    settings = Settings(host=args.host, is_open=args.open, host_names=names, embed_in=sites)
    assert args.port == PORT
    assert settings.embed_in == ("https://huggingface.co",)
    assert settings.host_names == ("me-impasto.hf.space",)


@pytest.fixture
def hub(monkeypatch):
    with hub_server.serving() as hub:
        yield hub


def api(hub):
    return huggingface_hub.HfApi(endpoint=hub.address, token="hf_made_up")


def test_a_model_is_uploaded(publish, models, hub):
    address = publish.push_to_hub(models / "multi", "me/multi", private=True, api=api(hub))
    assert address.startswith(f"{hub.address}/me/multi/commit/")
    (created,) = hub.created
    assert (created["name"], created["organization"]) == ("multi", "me")
    assert created.get("visibility") == "private" or created.get("private") is True
    assert hub.files.keys() == {"README.md", "multi.safetensors"}
    for name, content in hub.files.items():
        assert content == (models / "multi" / name).read_bytes()
    assert hub.messages == [f"Impasto {impasto.__version__}"]
    assert hub.tokens == {"Bearer hf_made_up"}


def test_a_space_is_uploaded_as_one(publish, hub, tmp_path, capsys, monkeypatch):
    (tmp_path / "README.md").write_text((FOLDER / "space.md").read_text("utf-8"), "utf-8")
    (tmp_path / "Dockerfile").write_text("FROM scratch\n", "utf-8")
    own = api(hub)
    monkeypatch.setattr(huggingface_hub, "HfApi", lambda: own)
    assert publish.main(["push", str(tmp_path), "me/studio"]) == 0
    assert capsys.readouterr().out.startswith(f"{hub.address}/spaces/me/studio/commit/")
    assert (hub.created[0]["type"], hub.created[0]["sdk"]) == ("space", "docker")
    assert any(path.startswith("/api/spaces/me/studio/commit/") for path in hub.paths)
    assert publish.main(["push", str(tmp_path / "none"), "me/studio"]) == 2
    assert "has no README.md" in capsys.readouterr().err
