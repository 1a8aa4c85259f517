"""The nodes for ComfyUI, against its recorded interface and in its inference mode."""

from __future__ import annotations

import json
import re
import sys

import pytest
import torch

import impasto
from helpers.comfyui import NODES, ComfyUI, InterruptProcessingException
from helpers.random_inputs import smooth_picture

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

WORKFLOWS = sorted((NODES / "example_workflows").glob("*.json"))
WIDGETS = ("INT", "FLOAT", "STRING", "BOOLEAN")


@pytest.fixture
def comfyui(tmp_path, monkeypatch):
    monkeypatch.setenv("IMPASTO_CACHE", str(tmp_path / "cache"))
    comfyui = ComfyUI(tmp_path / "models")
    comfyui.install(monkeypatch)
    return comfyui


@pytest.fixture
def nodes(comfyui, monkeypatch):
    return comfyui.load_nodes(monkeypatch).NODE_CLASS_MAPPINGS


def image(seed: int = 0, count: int = 1, size: tuple[int, int] = (48, 64)) -> torch.Tensor:
    """An IMAGE (B, H, W, 3)."""
    with torch.inference_mode():
        pictures = [smooth_picture(*size, seed=seed + index) for index in range(count)]
        return torch.cat(pictures).movedim(1, -1).contiguous()


def call(nodes, name, **inputs):
    """What ComfyUI does with a node: its method, in inference mode, without gradients."""
    node = nodes[name]()
    with torch.inference_mode():
        return getattr(node, node.FUNCTION)(**inputs)


def upper_half(size: tuple[int, int] = (48, 64)) -> torch.Tensor:
    mask = torch.zeros(1, *size)
    mask[:, : size[0] // 2] = 1
    return mask


PAINTED = {"size": 64, "recipe": "quick"}


@pytest.fixture
def short_recipes(monkeypatch):
    """Paintings of two steps."""
    for name, recipe in impasto.RECIPES.items():
        monkeypatch.setitem(
            impasto.RECIPES, name, recipe.replace(scales=1, steps=2, init="content")
        )


def test_every_node_says_what_it_takes_and_gives(nodes, comfyui, monkeypatch):
    module = comfyui.load_nodes(monkeypatch)
    assert module.NODE_CLASS_MAPPINGS.keys() == module.NODE_DISPLAY_NAME_MAPPINGS.keys()
    for node in nodes.values():
        given = node.INPUT_TYPES()
        assert set(given) <= {"required", "optional"}
        assert callable(getattr(node, node.FUNCTION))
        assert len(node.RETURN_TYPES) == 1
        assert node.DESCRIPTION.endswith(".")


def test_entries_have_the_names_and_defaults_of_impasto(nodes):
    for name, of in (("ImpastoStylize", impasto.StylizeRequest), ("ImpastoPaint", impasto.Recipe)):
        for entry, (kind, *options) in nodes[name].INPUT_TYPES()["required"].items():
            if kind in ("INT", "FLOAT"):
                assert options[0]["default"] == getattr(of, entry), entry
            elif entry == "colour":
                assert options[0]["default"] == of.colour


def test_stylize_is_what_the_library_makes(nodes):
    (style,) = call(nodes, "ImpastoLoadStyle", style="starry-night")
    (made,) = call(nodes, "ImpastoStylize", image=image(count=2), style=style, strength=0.8)
    assert made.shape == (2, 48, 64, 3)
    assert made.dtype == torch.float32
    for index in range(2):
        picture = image(index)[0].numpy()
        wanted = impasto.stylize(picture, "starry-night", strength=0.8, device="cpu").tensor
        torch.testing.assert_close(made[index].movedim(-1, 0)[None], wanted)


def test_paint_is_what_the_library_makes_and_shows_it(nodes, comfyui, short_recipes, monkeypatch):
    monkeypatch.setattr(sys.modules[nodes["ImpastoPaint"].__module__.replace(
        "nodes", "running")], "_PREVIEW_SECONDS", 0.0)  # fmt: skip
    (style,) = call(nodes, "ImpastoLoadStyle", style="(the picture)", image=image(5))
    (made,) = call(nodes, "ImpastoPaint", image=image(), style=style, **PAINTED)
    wanted = impasto.paint(
        image()[0].numpy(), image(5)[0].numpy(), recipe="quick", size=64, device="cpu"
    )
    torch.testing.assert_close(made[0].movedim(-1, 0)[None], wanted.tensor)
    shares = [value / total for value, total in comfyui.shown]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert {(kind, picture.size) for kind, picture, _ in comfyui.previews} == {("JPEG", (64, 48))}


def test_cancel_ends_a_painting(nodes, comfyui, short_recipes):
    comfyui.interrupt_at = 0.5
    (style,) = call(nodes, "ImpastoLoadStyle", style="(the picture)", image=image(5))
    with pytest.raises(InterruptProcessingException):
        call(nodes, "ImpastoPaint", image=image(), style=style, **PAINTED)
    assert 0.5 <= comfyui.shown[-1][0] / comfyui.shown[-1][1] < 1
    comfyui.interrupt_at = 2.0  # the next prompt is not touched by it
    (made,) = call(nodes, "ImpastoPaint", image=image(), style=style, **PAINTED)
    assert made.shape == (1, 48, 64, 3)


def test_cancel_ends_a_batch_between_pictures(nodes, comfyui):
    comfyui.interrupt_at = 1 / 3
    (style,) = call(nodes, "ImpastoLoadStyle", style="great-wave")
    with pytest.raises(InterruptProcessingException):
        call(nodes, "ImpastoStylize", image=image(count=3), style=style)
    assert comfyui.shown[-1][0] / comfyui.shown[-1][1] < 0.9


def test_a_region_without_a_style_is_kept(nodes):
    (style,) = call(nodes, "ImpastoLoadStyle", style="scream")
    (regions,) = call(nodes, "ImpastoRegions", mask=upper_half())
    (made,) = call(nodes, "ImpastoStylize", image=image(), style=style, regions=regions)
    torch.testing.assert_close(made[:, :24], image()[:, :24])
    assert (made[:, 24:] - image()[:, 24:]).abs().mean() > 0.02


def test_regions_have_styles_of_their_own(nodes):
    styles = [call(nodes, "ImpastoLoadStyle", style=name)[0] for name in ("scream", "great-wave")]
    (one,) = call(nodes, "ImpastoRegions", mask=upper_half(), style=styles[0])
    (both,) = call(nodes, "ImpastoRegions", mask=1 - upper_half(), style=styles[1], regions=one)
    (made,) = call(nodes, "ImpastoStylize", image=image(), regions=both)
    wanted = impasto.stylize(
        image()[0].numpy(),
        regions=[
            impasto.RegionSpec("a", upper_half()[0].numpy(), style="scream"),
            impasto.RegionSpec("b", 1 - upper_half()[0].numpy(), style="great-wave"),
        ],
    )
    torch.testing.assert_close(made[0].movedim(-1, 0)[None], wanted.tensor)


def test_a_mixture_keeps_the_proportions_within_a_share(nodes):
    a, b = (call(nodes, "ImpastoLoadStyle", style=name)[0] for name in ("scream", "kiss"))
    weights = {"weight_3": 1.0, "weight_4": 1.0}
    (inner,) = call(
        nodes, "ImpastoMixStyles", style_1=a, style_2=b, weight_1=3.0, weight_2=1.0, **weights
    )
    (outer,) = call(
        nodes, "ImpastoMixStyles", style_1=inner, style_2=a, weight_1=2.0, weight_2=0.0, **weights
    )
    assert [(style.source, style.weight) for style in outer] == [("scream", 1.5), ("kiss", 0.5)]
    with pytest.raises(ValueError, match="All weights of the mixture are 0"):
        call(nodes, "ImpastoMixStyles", style_1=a, style_2=b, weight_1=0.0, weight_2=0.0, **weights)


def test_files_of_the_folder_are_styles(nodes, comfyui):
    folder = comfyui.models / "impasto"
    folder.mkdir(parents=True)
    impasto.write_image(folder / "other.png", smooth_picture(48, 48, seed=1))
    made = folder / "mine.safetensors"
    from impasto.onepass.style_files import save_style

    model = impasto.open_network("multi")
    save_style(made, model.styles["kiss"], model)
    listed = nodes["ImpastoLoadStyle"].INPUT_TYPES()["required"]["style"][0]
    assert "mine.safetensors" in listed
    assert "other.png" not in listed
    (style,) = call(nodes, "ImpastoLoadStyle", style="mine.safetensors")
    (kiss,) = call(nodes, "ImpastoLoadStyle", style="kiss")
    painted = [
        call(nodes, "ImpastoStylize", image=image(), style=given, model="multi")[0]
        for given in (style, kiss)
    ]
    torch.testing.assert_close(painted[0], painted[1])
    assert nodes["ImpastoLoadStyle"].IS_CHANGED("mine.safetensors").startswith(str(made))


def test_bad_input_is_one_sentence(nodes):
    (named,) = call(nodes, "ImpastoLoadStyle", style="kiss")
    with pytest.raises(ValueError, match="Paint needs a picture of the style, and kiss has none"):
        call(nodes, "ImpastoPaint", image=image(), style=named)
    with pytest.raises(ValueError, match="Choose a style by its name, or connect a picture"):
        call(nodes, "ImpastoLoadStyle", style="(the picture)")
    with pytest.raises(ValueError, match="A region has one style"):
        call(nodes, "ImpastoRegions", mask=upper_half(), style=named + named)
    with pytest.raises(impasto.ImpastoError, match="Name a style"):
        call(nodes, "ImpastoStylize", image=image())


# --- the example workflows, and the registry ------------------------------------------------------


def run_workflow(path, nodes):
    """Execute a workflow as it is saved, with stand-ins for ComfyUI's own nodes; what it saves."""
    graph = json.loads(path.read_text("utf-8"))
    sources = {link[0]: (link[1], link[2]) for link in graph["links"]}
    values, saved = {}, None
    for node in sorted(graph["nodes"], key=lambda node: node["order"]):
        linked = {
            socket["name"]: values[sources[socket["link"]]]
            for socket in node["inputs"]
            if socket["link"] is not None
        }
        if node["type"] == "LoadImage":
            outputs = image(node["id"]), upper_half()
        elif node["type"] == "SaveImage":
            saved, outputs = linked["images"], ()
        else:
            given = nodes[node["type"]].INPUT_TYPES()
            fields = {**given["required"], **given.get("optional", {})}
            widgets = [n for n, (kind, *_) in fields.items()
                       if isinstance(kind, list) or kind in WIDGETS]  # fmt: skip
            assert len(widgets) == len(node["widgets_values"]), node["type"]
            chosen = dict(zip(widgets, node["widgets_values"], strict=True))
            for name, value in chosen.items():
                kind, *options = fields[name]
                assert value in kind if isinstance(kind, list) else value >= options[0]["min"]
            sockets = {n: kind for n, (kind, *_) in fields.items() if n not in widgets}
            assert {socket["name"]: socket["type"] for socket in node["inputs"]} == sockets
            if "size" in chosen:
                chosen["size"] = 64
            outputs = call(nodes, node["type"], **chosen, **linked)
        values |= {(node["id"], slot): value for slot, value in enumerate(outputs)}
    return saved


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_example_workflows_run(path, nodes, short_recipes):
    made = run_workflow(path, nodes)
    assert made.shape == (1, 48, 64, 3)
    assert 0 <= float(made.min()) < float(made.max()) <= 1


def test_the_example_workflows_use_every_node(nodes):
    types = {node["type"] for path in WORKFLOWS for node in json.loads(path.read_text())["nodes"]}
    assert nodes.keys() <= types


def test_project_file_is_as_the_registry_asks():
    project = tomllib.loads((NODES / "pyproject.toml").read_text("utf-8"))
    name, version = project["project"]["name"], project["project"]["version"]
    assert re.fullmatch(r"[a-zA-Z][\w.-]{0,98}", name)
    assert name != "impasto", "the registry names the folder so, and nodes import the package"
    assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    assert impasto.__version__.startswith(version)
    assert project["project"]["urls"]["Repository"].startswith("https://github.com/")
    assert project["tool"]["comfy"]["PublisherId"]
    assert project["tool"]["comfy"]["DisplayName"]
    requirements = (NODES / "requirements.txt").read_text("utf-8").split()
    assert project["project"]["dependencies"] == requirements
