"""Small valid files of every kind, made here: what ``fuzz.py`` mutates."""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import save

from impasto.encoders.files import save_encoder
from impasto.encoders.vgg import Architecture, Encoder
from impasto.images.icc import srgb_profile
from impasto.images.picture import Picture
from impasto.jobs.checkpoints import save_checkpoint
from impasto.jobs.request_json import KEY, to_json
from impasto.jobs.requests import (
    PaintRequest,
    ReconstructRequest,
    StyleInput,
    StylizeRequest,
    TextureRequest,
)
from impasto.networks.files import save_network
from impasto.networks.johnson import JohnsonNetwork, JohnsonShape
from impasto.networks.model import OnePassModel
from impasto.painting.painter import Painter
from impasto.recipes.presets import RECIPES
from impasto.recipes.recipe import Recipe
from impasto.regions.masks import RegionSpec

Seeds = dict[str, bytes]


def gradient(mode: str, size: tuple[int, int] = (24, 20)) -> Image.Image:
    return Image.linear_gradient("L").resize(size).convert("RGB").convert(mode)


def picture_seeds() -> Seeds:
    """A small picture in every format and many modes."""
    seeds = {}
    formats = {
        "png": ("1", "L", "LA", "P", "RGB", "RGBA"), "jpg": ("L", "RGB", "CMYK"), "gif": ("P",),
        "webp": ("RGB", "RGBA"), "tif": ("L", "RGB", "CMYK", "LAB"), "bmp": ("RGB",),
        "ppm": ("RGB",), "tga": ("RGB",), "ico": ("RGB",), "jp2": ("RGB",), "pcx": ("P",),
    }  # fmt: skip
    for suffix, modes in formats.items():
        for mode in modes:
            stream = io.BytesIO()
            kind = Image.registered_extensions().get(f".{suffix}") or suffix.upper()
            with contextlib.suppress(OSError, KeyError, ValueError):  # not in every Pillow
                gradient("RGB" if mode == "LAB" else mode).save(stream, kind)
                seeds[f"{mode}.{suffix}"] = stream.getvalue()
    deep = io.BytesIO()
    Image.new("I;16", (20, 16), 999).save(deep, "PNG")
    profile = io.BytesIO()
    gradient("RGB").save(profile, "JPEG", icc_profile=srgb_profile())
    return {**seeds, "deep.png": deep.getvalue(), "profile.jpg": profile.getvalue()}


def model_seeds() -> Seeds:
    """A tiny encoder and a tiny one-pass network, as files."""
    with tempfile.TemporaryDirectory() as folder:
        encoder, network = Path(folder) / "e.safetensors", Path(folder) / "n.safetensors"
        architecture = Architecture((2, 2, 2, 2, 2), (1, 1, 1, 1, 1), padding="reflect")
        save_encoder(encoder, Encoder(architecture), dtype=torch.float16)
        small = JohnsonNetwork(JohnsonShape(widths=(2, 2, 2), blocks=1))
        model = OnePassModel(small, "compact")
        model.styles = {"wave": torch.zeros(small.style_size)}
        save_network(network, model, dtype=torch.float16)
        style = save({"style": torch.zeros(4)}, metadata={"format": "impasto.style", "model": "x"})
        return {
            "encoder.safetensors": encoder.read_bytes(),
            "network.safetensors": network.read_bytes(),
            "style.safetensors": style,
        }


def recipe_seeds() -> Seeds:
    """Every preset as TOML."""
    return {f"{name}.toml": recipe.to_toml().encode() for name, recipe in RECIPES.items()}


def metadata_seeds() -> Seeds:
    """The metadata of a picture of each kind of request, of this version and of 0.1.0, as JSON."""
    styles = (StyleInput("a.jpg", 0.7), StyleInput("b.jpg", 0.3, "fine"))
    region = RegionSpec("sky", Path("m.png"), Path("s.jpg"), Path("n.png"))
    requests = [
        PaintRequest("c.jpg", styles, regions=(region,)),
        TextureRequest(styles[:1], (64, 48)),
        ReconstructRequest("c.jpg", "style"),
        StylizeRequest("c.jpg", styles[:1], mask="m.png", style_mask="n.png"),
    ]
    common = {"impasto": "0.2.0", "seconds": "1.5", "peak bytes": "1e9", "losses": "style 1"}
    old = {
        "recipe": Recipe().to_toml(), "content": "c.jpg", "style": '["fine=a.jpg:0.5"]',
        "regions": '["sky=m.png@s.jpg"]', "made as": "tileable texture", "canvas": "64x48",
    }  # fmt: skip
    old_stylize = {"stylize": '{"strength": 0.5}', "content": "c.jpg", "style": '{"wave": 1}'}
    described = [{**common, KEY: to_json(request)} for request in requests]
    everything = [*described, old, {**old, "made as": ""}, old_stylize]
    return {f"{i}.json": json.dumps(values).encode() for i, values in enumerate(everything)}


def checkpoint_seeds() -> Seeds:
    """The checkpoint of a painting after a step."""
    painter = tiny_painter()
    next(iter(painter))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "out.png.checkpoint"
        save_checkpoint(path, painter, [{"loss": 1.0}], {})
        return {path.name: path.read_bytes()}


def tiny_painter() -> Painter:
    """A painter of 32 pixels, the same at each call."""
    generator = torch.Generator().manual_seed(0)
    picture = Picture(torch.rand(1, 3, 32, 32, generator=generator))
    torch.manual_seed(0)
    architecture = Architecture((2, 2, 2, 2, 2), (1, 1, 1, 1, 1), padding="reflect")
    sizes = {"size": 32, "scales": 1, "steps": 2, "final_steps": 2}
    recipe = Recipe().replace(content_layers={"relu4_1": 1.0}, **sizes)
    return Painter(picture, [picture], recipe, encoder=Encoder(architecture).frozen())
