"""``impasto inspect``: feature maps, Gram matrices and channel visualizations."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import torch
from PIL import Image
from torch import Tensor

from impasto import images
from impasto.cli.shared.messages import print_error, say
from impasto.cli.shared.outputs import check_apart, check_replaceable, write_sheet
from impasto.encoders.vgg import Encoder
from impasto.errors import ImageError, OptionError
from impasto.images.contact_sheet import CaptionedImage, contact_sheet
from impasto.images.picture import Picture
from impasto.recipes.recipe import FIELDS
from impasto.runtime.devices import find_device
from impasto.runtime.interrupts import stop_on_interrupt
from impasto.runtime.precision import moved
from impasto.studies.feature_visualization import (
    activating_patches,
    projection,
    relative_gram,
    strongest_maps,
    visualize,
)
from impasto.weights.open import open_encoder

_PER_ROW = 6


def run(args: argparse.Namespace) -> int:
    """Write the sheet and return the exit code."""
    images.check_output(args.output)
    searched = images.list_pictures(args.folder) if args.folder is not None else []
    check_apart([("-o", args.output)], [args.picture, args.against, *searched])
    check_replaceable(args.output, overwrite=args.overwrite)
    for name in ("count", "steps"):
        if getattr(args, name) < 1:
            raise OptionError(f"--{name} is 1 or more, not {getattr(args, name)}.")
    FIELDS["seed"].check(args.seed)
    if args.channel is None and args.folder is not None:
        raise OptionError("--folder finds the patches of one channel: add --channel N.")
    if args.channel is not None and args.against is not None:
        raise OptionError("--against compares whole layers: leave out --channel.")
    encoder = moved(open_encoder(args.encoder), find_device(args.device))
    encoder.check_layers([args.layer])
    device = encoder.mean.device
    picture = images.read(args.picture, long_side=args.size, max_pixels=args.max_pixels).to(device)
    if args.against is not None:
        rows = _gram_rows(args, encoder, picture)
    elif args.channel is None:
        rows = _map_rows(args, encoder, picture)
    else:
        rows = _channel_rows(args, encoder, picture)
    write_sheet(args.output, contact_sheet(rows, height=240))
    if not args.quiet:
        say(f"{args.output}: {args.layer} of {args.encoder}")
    return 0


def _gram_rows(
    args: argparse.Namespace, encoder: Encoder, picture: Picture
) -> list[list[CaptionedImage]]:
    other = images.read(args.against, long_side=args.size, max_pixels=args.max_pixels)
    other = other.to(encoder.mean.device)
    originals = [_original(picture), _original(other)]
    grams = [relative_gram(encoder, p.tensor, args.layer) for p in (picture, other)]
    captions = [f"Gram matrix of {original.caption}" for original in originals]
    return [originals, list(map(CaptionedImage, map(_heat, grams), captions))]


def _map_rows(
    args: argparse.Namespace, encoder: Encoder, picture: Picture
) -> list[list[CaptionedImage]]:
    original, cells = _original(picture), []
    for channel, strength, values in strongest_maps(
        encoder, picture.tensor, args.layer, args.count
    ):
        image = _map(values).resize(original.image.size, Image.Resampling.NEAREST)
        cells.append(CaptionedImage(image, f"{channel}: {strength:.3g}"))
    return [[original], *_rows(cells)]


def _channel_rows(
    args: argparse.Namespace, encoder: Encoder, picture: Picture
) -> list[list[CaptionedImage]]:
    projected = projection(encoder, picture.tensor, args.layer, args.channel, method=args.method)
    caption = f"{args.method}, channel {args.channel}"
    first, last = [_original(picture), CaptionedImage(_signed(projected), caption)], None
    with stop_on_interrupt() as request:
        for step in visualize(encoder, args.layer, args.channel, steps=args.steps, seed=args.seed):
            last = step
            if request.made:
                break
    if last is not None:
        caption = f"optimized to activate it: {last.activation:.3g}"
        first.append(_captioned(last.image, caption))
    if args.folder is None:
        return [first]
    patches = activating_patches(encoder, _pictures(args), args.layer, args.channel, args.count)
    return [first, *_rows([_captioned(p.image, f"{p.activation:.3g} {p.source}") for p in patches])]


def _pictures(args: argparse.Namespace) -> Iterator[Picture]:
    """The pictures of the folder; unreadable ones are reported and skipped."""
    for path in images.list_pictures(args.folder):
        try:
            yield images.read(path, long_side=args.size, max_pixels=args.max_pixels)
        except ImageError as error:  # noqa: PERF203
            print_error(error)


def _original(picture: Picture) -> CaptionedImage:
    return _captioned(picture.tensor, picture.path.name if picture.path else "")


def _captioned(picture: Tensor, caption: str) -> CaptionedImage:
    return CaptionedImage(images.to_pil(picture), caption)


def _rows(cells: list[CaptionedImage]) -> list[list[CaptionedImage]]:
    return [cells[i : i + _PER_ROW] for i in range(0, len(cells), _PER_ROW)]


def _map(values: Tensor) -> Image.Image:
    """A feature map (H, W) as a grey picture, from its minimum to its maximum."""
    low, high = values.min(), values.max()
    grey = (values - low) / (high - low).clamp_min(1e-12)
    return images.to_pil(grey.expand(1, 3, -1, -1))


def _signed(values: Tensor) -> Image.Image:
    """Signed values (1, 3, H, W) around mid-grey; the largest hundredth is clipped."""
    top = values.abs().flatten().kthvalue(max(1, int(0.99 * values.numel()))).values
    return images.to_pil((0.5 + values / (2 * top.clamp_min(1e-12))).clamp(0, 1))


def _heat(matrix: Tensor) -> Image.Image:
    """A matrix in [−1, 1] as colours: white is 0, red above, blue below.

    Square roots are shown, since the diagonal is much larger than the rest.
    """
    strength = matrix.abs().sqrt() * matrix.sign()
    positive, negative = strength.clamp_min(0), (-strength).clamp_min(0)
    picture = torch.stack([1 - negative, 1 - positive - negative, 1 - positive])[None].clamp(0, 1)
    image = images.to_pil(picture)
    factor = max(1, 256 // image.width)
    return image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)
