"""How much painted clips flicker, and what it costs: frame by frame against steady, in one run.

    python benchmarks/video_steady.py a.mp4:2 bikes.mp4:4 frames/ --style great-wave --size 320 \
        --frames 48 --steady 0 0.5 1 --sheets sheets/

CLIPS are files or folders of frames; ``:4`` begins at that second. Every method paints the same
frames with the same network. ``--paint 0 1 1/4`` also paints them by optimization (of the picture
that ``--style`` names): at these values of ``--steady``, every frame or every fourth.

FIGURES, for each method the mean over clips, and the mean of its ratios to the first method:

- ``warp N``: root of the mean squared difference from the painting N frames before, moved by the
  optical flow of the clip, where nothing is occluded (``impasto.metrics.temporal``);
- ``lpips N``: a distance of the same two pictures by the built-in encoder, as LPIPS but without
  learned weights: features of unit length, squared differences, mean over places and layers;
- ``style``: distance of Gram matrices of the encoder from those of ``--style-picture``, or without
  one of the first method's paintings, relative to their energy;
- ``sharp``: energy of the Laplacian of the luma;
- ``s/frame``: processor seconds a frame of the thread that paints, reading and writing not counted;
- ``flow``: those of the thread that searches the flow meanwhile, which takes no longer.

``--sheets`` writes for each clip a contact sheet over time, and a slice: one row of pixels of each
frame, time downwards. What stands still is vertical lines there, flicker is noise.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto import images
from impasto.encoders.vgg import Encoder
from impasto.images.picture import fit_size, resize
from impasto.jobs.sources import read_styles
from impasto.losses.statistics import STATISTICS
from impasto.metrics.edges import luma
from impasto.metrics.optical_flow import optical_flow
from impasto.metrics.temporal import occluded, warp
from impasto.onepass.stylizer import Stylizer
from impasto.painting.objective_builder import Style
from impasto.recipes.recipe import Recipe
from impasto.video.clip import selected
from impasto.video.frame import Frame
from impasto.video.open_clip import open_clip
from impasto.video.painted_frames import PaintedFrames, Settings
from impasto.video.painters import FrameByFrame, FramePainter, Look
from impasto.video.steady import steadied
from impasto.weights.open import open_encoder, open_feature_extractor

LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
INTERVALS = (1, 10)
FIGURES = ("warp 1", "warp 10", "lpips 1", "lpips 10", "style", "sharp", "s/frame", "flow")


@dataclass(frozen=True)
class Pair:
    """Two frames of a clip, and where the later one comes from."""

    first: int
    second: int
    flow: Tensor
    visible: Tensor


def main(arguments: Sequence[str] | None = None) -> int:
    args = parse_arguments(arguments)
    if args.threads:
        torch.set_num_threads(args.threads)
    encoder = open_encoder("compact")
    stylizer = Stylizer([args.style])
    style = None
    if args.style_picture:
        style = images.read(args.style_picture, long_side=512).tensor
    methods = [f"{steady:g}" for steady in args.steady] + [f"paint {word}" for word in args.paint]
    rows: dict[str, list[dict[str, float]]] = {method: [] for method in methods}
    with torch.inference_mode():
        for named in args.clips:
            name, film = read_clip(named, args.size, args.frames)
            pairs = {n: pairs_of(film, n, args.every) for n in INTERVALS}
            painted = {}
            for method in methods:
                painter = painter_of(method, stylizer, args.style, film[0].size)
                painted[method], times = paint(painter, film)
                figures = judge(painted[method], painted[methods[0]], style, pairs, encoder)
                rows[method].append({**figures, **times})
                print(line(f"{name} {method}", rows[method][-1]), flush=True)
            if args.sheets:
                write_sheets(args.sheets, name, film, painted)
    print()
    print(table(rows))
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1))
    return 0


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="flicker of painted clips, and what it costs")
    parser.add_argument("clips", nargs="+", metavar="CLIP[:SECONDS]")
    parser.add_argument("--style", default="great-wave", help="a name or a picture")
    parser.add_argument("--style-picture", type=Path, help="what the style is compared with")
    parser.add_argument("--size", type=int, default=320, help="long side in pixels")
    parser.add_argument("--frames", type=int, default=48)
    parser.add_argument("--every", type=int, default=3, help="compare every so many frames")
    parser.add_argument("--steady", type=float, nargs="+", default=[0.0, 0.5, 1.0])
    parser.add_argument("--paint", nargs="*", default=[], metavar="STEADY[/EVERY]")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--sheets", type=Path, metavar="FOLDER")
    parser.add_argument("--json", type=Path, metavar="FILE")
    return parser.parse_args(arguments)


def read_clip(named: str, size: int, count: int) -> tuple[str, list[Frame]]:
    """The name of a clip and its frames."""
    path, _, start = named.partition(":")
    clip = open_clip(path)
    film = []
    for number, shown in itertools.islice(
        selected(clip, start=Fraction(start or 0), end=None, fps=None), count
    ):
        image, _ = shown.read()
        small = resize(image, fit_size((image.shape[-2], image.shape[-1]), size)).clamp(0, 1)
        film.append(Frame(small, shown.pts, shown.duration, number))
    clip.close()
    return Path(path).stem or Path(path).name, film


def pairs_of(film: Sequence[Frame], interval: int, every: int) -> list[Pair]:
    """Frames so far apart, with the flow of the clip."""
    found = []
    for second in range(interval, len(film), every):
        before, after = film[second - interval].image, film[second].image
        backward, forward = optical_flow(after, before), optical_flow(before, after)
        visible = ~occluded(forward, backward)
        found.append(Pair(second - interval, second, backward, visible))
    return found


@torch.inference_mode(False)  # encoders made in it have no gradients
def painter_of(method: str, stylizer: Stylizer, style: str, size: tuple[int, int]) -> FramePainter:
    """What paints in a method's way: ``0.5``, or ``paint 0.5`` and ``paint 0.5/4``."""
    single = FrameByFrame(stylizer, lambda seconds: Look(stylizer.vector))
    kind, _, words = method.rpartition(" ")
    if not kind:
        return steadied(single, float(words))
    steady, _, every = words.partition("/")
    recipe = Recipe(size=max(size))
    return PaintedFrames(
        single,
        Settings(
            recipe,
            [Style(picture) for picture in read_styles([style], recipe, max(size))],
            open_feature_extractor(recipe.encoder, recipe.pooling),
            steady=float(steady),
            every=int(every or 1),
        ),
    )


def paint(painter: FramePainter, film: Sequence[Frame]) -> tuple[list[Tensor], dict[str, float]]:
    """Paintings, and the mean seconds a frame of both threads, without the first two."""
    painted, own, other = [], [], []
    for frame in film:
        started = time.thread_time(), time.process_time()
        painted.append(painter(frame))
        own.append(time.thread_time() - started[0])
        other.append(time.process_time() - started[1] - own[-1])
    return painted, {"s/frame": mean(own[2:]), "flow": mean(other[2:])}


def judge(
    painted: Sequence[Tensor],
    single: Sequence[Tensor],
    style: Tensor | None,
    pairs: dict[int, list[Pair]],
    encoder: Encoder,
) -> dict[str, float]:
    """All figures of a clip but the time."""
    figures = {}
    for interval, some in pairs.items():
        figures[f"warp {interval}"] = mean(warping(painted, pair) for pair in some)
        figures[f"lpips {interval}"] = mean(perceived(painted, pair, encoder) for pair in some)
    chosen = range(0, len(painted), 6)
    figures["style"] = mean(
        style_distance(painted[n], single[n] if style is None else style, encoder) for n in chosen
    )
    figures["sharp"] = mean(laplacian_energy(frame) for frame in painted)
    return figures


def warping(painted: Sequence[Tensor], pair: Pair) -> float:
    """RMSE of a painting and an earlier one, moved to it."""
    moved = warp(painted[pair.first], pair.flow)
    square = (painted[pair.second] - moved).square().mean(1, keepdim=True)
    return float((square * pair.visible).sum() / pair.visible.sum().clamp_min(1)) ** 0.5


def perceived(painted: Sequence[Tensor], pair: Pair, encoder: Encoder) -> float:
    """Distance of the same two by features, where the pictures are visible in both."""
    moved = warp(painted[pair.first], pair.flow)
    moved = torch.where(pair.visible, moved, painted[pair.second])
    first, second = (encoder(x, LAYERS) for x in (moved, painted[pair.second]))
    return mean(
        float((F.normalize(first[name]) - F.normalize(second[name])).square().sum(1).mean())
        for name in LAYERS
    )


def style_distance(picture: Tensor, style: Tensor, encoder: Encoder) -> float:
    """Distance of two pictures' Gram matrices, relative to the style's."""
    gram = STATISTICS["gram"]
    seen, wanted = (encoder(x, LAYERS) for x in (picture, style))
    distances = []
    for name in LAYERS:
        first, second = (gram.summary(features[name], None) for features in (seen, wanted))
        energy = sum(float(value.square().sum()) for value in second.values())
        distances.append(float(gram.distance(first, second)) / energy)
    return mean(distances)


def laplacian_energy(picture: Tensor) -> float:
    """Mean square of 4 × a pixel less its neighbours, of the luma."""
    y = luma(picture)
    inner = 4 * y[..., 1:-1, 1:-1] - y[..., 2:, 1:-1] - y[..., :-2, 1:-1]
    return float((inner - y[..., 1:-1, 2:] - y[..., 1:-1, :-2]).square().mean())


def mean(values) -> float:
    numbers = list(values)
    return sum(numbers) / max(1, len(numbers))


def line(title: str, figures: dict[str, float]) -> str:
    return f"{title:16}" + " ".join(f"{figures[name]:10.4g}" for name in FIGURES)


def table(rows: dict[str, list[dict[str, float]]]) -> str:
    """A table in Markdown: means over clips, and the mean over clips of the ratios."""
    base = next(iter(rows.values()))
    lines = ["| steady | " + " | ".join(FIGURES) + " |", "|---" * (len(FIGURES) + 1) + "|"]
    for steady, some in rows.items():
        means = [mean(row[name] for row in some) for name in FIGURES]
        lines.append(f"| {steady} | " + " | ".join(f"{value:.4g}" for value in means) + " |")
        ratios = [
            mean(row[name] / first[name] for row, first in zip(some, base, strict=True))
            if all(first[name] for first in base)
            else float("nan")
            for name in FIGURES
        ]
        if some is not base:
            words = " | ".join(f"× {value:.3f}" for value in ratios)
            lines.append(f"| relative to {next(iter(rows))} | {words} |")
    return "\n".join(lines)


def write_sheets(
    folder: Path, name: str, film: Sequence[Frame], painted: dict[str, list[Tensor]]
) -> None:
    """A contact sheet over time, and a slice of one row over time."""
    folder.mkdir(parents=True, exist_ok=True)
    films = [[frame.image for frame in film], *painted.values()]
    chosen = range(0, len(film), max(1, len(film) // 6))
    rows = [torch.cat([some[n] for n in chosen], -1) for some in films]
    images.write(folder / f"{name}-sheet.png", torch.cat(rows, -2))
    row = film[0].size[0] // 2
    slices = [torch.cat([frame[..., row : row + 1, :] for frame in some], -2) for some in films]
    tall = [F.interpolate(part, scale_factor=(3.0, 2.0), mode="nearest") for part in slices]
    images.write(folder / f"{name}-slice.png", torch.cat(tall, -2))


if __name__ == "__main__":
    raise SystemExit(main())
