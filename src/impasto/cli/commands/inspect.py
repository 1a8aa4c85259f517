"""``impasto inspect``: what a layer knows of a picture."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from impasto import images
from impasto.cli.shared.limits import add_max_pixels
from impasto.cli.shared.messages import print_error
from impasto.encoders.vgg import Encoder
from impasto.errors import ImageError, OptionError
from impasto.images.contact_sheet import Cell, contact_sheet
from impasto.images.picture import Picture
from impasto.runtime.files import replacing
from impasto.runtime.interrupts import stop_on_interrupt
from impasto.studies.feature_visualization import (
    PROJECTIONS,
    check_channel,
    exciting_patches,
    projection,
    relative_gram,
    strongest_maps,
    visualize,
)
from impasto.weights.open import open_encoder

EXAMPLES = """\
examples:
  impasto inspect photo.jpg --layer relu3_1 -o maps.png
  impasto inspect photo.jpg --layer relu3_1 --against painting.jpg -o grams.png
  impasto inspect photo.jpg --layer relu4_1 --channel 17 --folder photos/ -o channel.png

Without --channel: the strongest maps. With it: what in the picture the channel answers to, a
picture made to excite it, and the patches of a folder that excite it most.
"""

_IN_A_ROW = 6


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``inspect``."""
    add = parser.add_argument
    add("picture", metavar="IMAGE", help="the picture to look at")
    add("-o", "--output", required=True, metavar="SHEET", type=Path, help="the sheet to make")
    add("--layer", default="relu3_1", metavar="LAYER", help="[relu3_1]")
    add("--encoder", default="compact", metavar="NAME|FILE", help="[compact]")
    add("--size", type=int, default=384, metavar="N", help="long side in pixels [384]")
    add_max_pixels(parser)
    add("--count", type=int, default=12, metavar="N", help="of maps or patches [12]")
    add("--against", metavar="IMAGE", help="another picture: Gram matrices side by side")
    add("--channel", type=int, metavar="N", help="one channel of the layer, from 0")
    add("--method", default="guided", choices=tuple(PROJECTIONS), help="of the way back [guided]")
    add("--folder", metavar="DIR", type=Path, help="look for the channel's patches here")
    add("--steps", type=int, default=128, metavar="N", help="of the made picture [128]")
    add("--seed", type=int, default=0, metavar="N", help="[0]")
    add("--quiet", action="store_true", help="print nothing but errors")


def run(args: argparse.Namespace) -> int:
    """Make the sheet and return the exit code."""
    images.check_output(args.output)
    for name in ("count", "steps"):
        if getattr(args, name) < 1:
            raise OptionError(f"--{name} is 1 or more, not {getattr(args, name)}.")
    if args.channel is None and args.folder is not None:
        raise OptionError("--folder is for the patches of one channel: add --channel N.")
    if args.channel is not None and args.against is not None:
        raise OptionError("--against compares whole layers: leave out --channel.")
    encoder = open_encoder(args.encoder)
    encoder.check_layers([args.layer])
    picture = images.read(args.picture, long_side=args.size, max_pixels=args.max_pixels)
    own = Cell(images.to_pil(picture.tensor), Path(args.picture).name)
    if args.against is not None:
        other = images.read(args.against, long_side=args.size, max_pixels=args.max_pixels)
        cells = [
            Cell(_heat(relative_gram(encoder, p.tensor, args.layer)), f"Gram matrix of {name}")
            for p, name in ((picture, own.caption), (other, Path(args.against).name))
        ]
        rows = [[own, Cell(images.to_pil(other.tensor), Path(args.against).name)], cells]
    elif args.channel is None:
        maps = strongest_maps(encoder, picture.tensor, args.layer, args.count)
        size = own.image.size
        found = [
            Cell(_map(map_).resize(size, Image.Resampling.NEAREST), f"{channel}: {strength:.3g}")
            for channel, strength, map_ in maps
        ]
        rows = [[own], *_rows(found)]
    else:
        check_channel(encoder, args.layer, args.channel)
        rows = _channel_rows(args, encoder, picture, own)
    with replacing(args.output, error=ImageError) as temporary:
        contact_sheet(rows, height=240).save(temporary, quality=92)
    if not args.quiet:
        print(f"{args.output}: {args.layer} of {args.encoder}")
    return 0


def _channel_rows(
    args: argparse.Namespace, encoder: Encoder, picture: Picture, own: Cell
) -> list[list[Cell]]:
    seen = projection(encoder, picture.tensor, args.layer, args.channel, method=args.method)
    first = [own, Cell(_signed(seen), f"{args.method}, channel {args.channel}")]
    made = None
    with stop_on_interrupt() as request:
        for step in visualize(encoder, args.layer, args.channel, steps=args.steps, seed=args.seed):
            made = step
            if request.made:
                break
    if made is not None:
        first.append(Cell(images.to_pil(made.image), f"made to excite it: {made.strength:.3g}"))
    rows = [first]
    if args.folder is not None:
        patches = exciting_patches(encoder, _pictures(args), args.layer, args.channel, args.count)
        cells = [Cell(images.to_pil(p.image), f"{p.strength:.3g} {p.source}") for p in patches]
        rows += _rows(cells)
    return rows


def _pictures(args: argparse.Namespace) -> Iterator[Picture]:
    """The pictures of the folder; what cannot be read is told of and passed over."""
    for path in images.list_pictures(args.folder):
        picture = _readable(path, args.size, args.max_pixels)
        if picture is not None:
            yield picture


def _readable(path: Path, size: int, max_pixels: int) -> Picture | None:
    try:
        return images.read(path, long_side=size, max_pixels=max_pixels)
    except ImageError as error:
        print_error(error)
        return None


def _rows(cells: list[Cell]) -> list[list[Cell]]:
    return [cells[i : i + _IN_A_ROW] for i in range(0, len(cells), _IN_A_ROW)]


def _map(values: Tensor) -> Image.Image:
    """A map (H, W) in greys, from its least to its greatest."""
    low, high = values.min(), values.max()
    grey = (values - low) / (high - low).clamp_min(1e-12)
    return images.to_pil(grey.expand(1, 3, -1, -1))


def _signed(values: Tensor) -> Image.Image:
    """What is about zero, (1, 3, H, W), about mid-grey; its largest hundredth is cut."""
    top = values.abs().flatten().kthvalue(max(1, int(0.99 * values.numel()))).values
    return images.to_pil((0.5 + values / (2 * top.clamp_min(1e-12))).clamp(0, 1))


def _heat(matrix: Tensor) -> Image.Image:
    """A matrix of -1 to 1: white is 0, red above, blue below; roots, or the diagonal is all."""
    strength = matrix.abs().sqrt() * matrix.sign()
    up, down = strength.clamp_min(0), (-strength).clamp_min(0)
    picture = torch.stack([1 - down, 1 - up - down, 1 - up])[None].clamp(0, 1)
    image = images.to_pil(picture)
    factor = max(1, 256 // image.width)
    return image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)
