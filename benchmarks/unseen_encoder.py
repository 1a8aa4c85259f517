"""Train the unseen encoder: a judge of style that no painter is ever trained against.

    python benchmarks/unseen_encoder.py --content DIR --style DIR -o unseen.safetensors

Card. *Use*: to judge style in ``one_pass_quality.py --unseen``. It must never be used in a loss, to
choose training steps, or to read styles: then it would be unseen no more. *Family*: a residual
network with strided convolutions and batch normalization, trained from scratch by contrast
(SimCLR's loss, Chen et al. 2020, arXiv:2002.05709). Two crops of one picture that share no pixel
are to lie closer together than crops of different pictures. A picture is seen through means and
deviations of features only, so what tells pictures apart is style: colours, strokes, textures. It
shares neither weights nor architecture nor objective with VGG. *Data*: style pictures and a third
of the photographs whose digest of the name begins with 8 … f; the pairs that methods are judged on
begin with 0 or 1 and are not among them. *Weights*: 1.6 million, 6.5 MB, not in the repository:
train your own. *Weak spots*: small and briefly trained; Gram errors of nearly white pictures
outweigh all others in a mean, so read ``unseen_moments`` and ``unseen_embed`` first, or medians.

At the end it prints how often the nearest of all other crops is the other half of the same picture,
for held-out paintings. 500 steps took 24 minutes on one busy core.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from impasto import images
from impasto.errors import ImageError, ImpastoError, InputDataError, WeightsError, counted_noun
from impasto.images.picture import list_pictures
from impasto.runtime.files import atomic_write, check_writable
from impasto.runtime.safetensors import read_safetensors, serialize
from impasto.training.crops import is_held_out, random_integer

CROP = 112
"""Side of the crops in pixels."""

WIDTHS = (48, 96, 160)
"""Channels at a quarter, an eighth and a sixteenth of the size."""

_STEM_WIDTH = 24
_EMBEDDING = 128
_SEED = 7
_FIRST_BATCH = 90_000  # seed of the first step's batch
_SAVE_EVERY = 100


class UnseenEncoder(nn.Module):
    """Pictures (B, 3, H, W) in [0, 1] to maps of three stages, and to embeddings."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, _STEM_WIDTH, 3, stride=2, padding=1)
        self.down, self.stages = nn.ModuleList(), nn.ModuleList()
        before = _STEM_WIDTH
        for width in WIDTHS:
            convolution = nn.Conv2d(before, width, 3, stride=2, padding=1, bias=False)
            self.down.append(nn.Sequential(convolution, nn.BatchNorm2d(width), nn.GELU()))
            self.stages.append(nn.Sequential(_Block(width), _Block(width)))
            before = width
        self.head = nn.Linear(2 * sum(WIDTHS), _EMBEDDING)

    def maps(self, pictures: Tensor) -> list[Tensor]:
        """Features at a quarter, an eighth and a sixteenth of the size."""
        x = F.gelu(self.stem(2 * pictures - 1))
        found = []
        for down, stage in zip(self.down, self.stages, strict=True):
            x = stage(down(x))
            found.append(x)
        return found

    def forward(self, pictures: Tensor) -> Tensor:
        """Embeddings (B, 128) of length one."""
        return self.embed(self.maps(pictures))

    def embed(self, maps: Sequence[Tensor]) -> Tensor:
        """The embeddings of pictures by their maps."""
        parts = []
        for x in maps:
            variance, mean = torch.var_mean(x.float(), (2, 3), correction=0)
            parts += [mean, (variance + 1e-4).sqrt()]
        return F.normalize(self.head(torch.cat(parts, 1)), dim=1)


class _Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = (nn.Conv2d(width, width, 3, padding=1, bias=False) for _ in "ab")
        self.norm_first, self.norm_second = (nn.BatchNorm2d(width) for _ in "ab")

    def forward(self, x: Tensor) -> Tensor:
        inner = F.gelu(self.norm_first(self.first(x)))
        return F.gelu(x + self.norm_second(self.second(inner)))


def open_unseen(path: Path) -> UnseenEncoder:
    """The trained encoder, frozen.

    Raises:
        WeightsError: If the file is missing, or not of this encoder.
    """
    encoder = UnseenEncoder()
    try:
        encoder.load_state_dict(read_safetensors(path)[0])
    except (WeightsError, RuntimeError) as error:
        raise WeightsError(
            f"{path} is not a file that benchmarks/unseen_encoder.py has written: train it first."
        ) from error
    return encoder.eval().requires_grad_(False)


# --- Data ---------------------------------------------------------------------------------------


def is_for_judge(path: Path) -> bool:
    """Whether the unseen encoder may train on a picture: half of the files, none held out."""
    return int(hashlib.sha256(path.name.encode()).hexdigest()[0], 16) >= 8


def read_pictures(paths: Sequence[Path], *, long_side: int) -> list[Tensor]:
    """Pictures (3, H, W) as uint8, wide enough for two crops; broken files are left out.

    Raises:
        InputDataError: If none can be read.
    """
    found = []
    for path in paths:
        try:
            picture = images.read(path, long_side=long_side, max_enlarge=1.0).tensor
        except ImageError:
            continue
        short = min(picture.shape[-2:])
        if short < 2 * CROP:
            size = [max(2 * CROP, round(n * 2 * CROP / short)) for n in picture.shape[-2:]]
            picture = images.resize(picture, (size[0], size[1]))
        found.append(images.as_uint8(picture)[0])
    if not found:
        raise InputDataError(
            f"None of {counted_noun(len(paths), 'picture')} can be read: name other folders."
        )
    return found


def two_crops(picture: Tensor, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Crops (3, CROP, CROP) in [0, 1] of two halves of a picture (3, H, W), uint8.

    They share no pixel, have about one scale, and slightly different light.
    """
    axis = -1 if picture.shape[-1] >= picture.shape[-2] else -2
    half = picture.shape[axis] // 2
    reduction = 1 + float(torch.rand((), generator=random))
    crops = []
    for part in (picture.narrow(axis, 0, half), picture.narrow(axis, half, half)):
        crop = _random_crop(part, reduction, random)
        light = 1 + 0.1 * (2 * torch.rand(3, 1, 1, generator=random) - 1)
        # Mirrored a second time: the encoder behind the documented figures drew these numbers.
        crop = crop if random_integer(2, random) else crop.flip(-1)
        crops.append((crop * light).clamp(0, 1))
    return crops[0], crops[1]


def _random_crop(picture: Tensor, reduction: float, random: torch.Generator) -> Tensor:
    """A square of ``CROP`` to ``reduction`` × ``CROP`` pixels, resized to ``CROP``, or mirrored."""
    height, width = picture.shape[-2:]
    largest = min(height, width, int(reduction * CROP))
    side = CROP + random_integer(largest - CROP + 1, random) if largest > CROP else largest
    top = random_integer(height - side + 1, random)
    left = random_integer(width - side + 1, random)
    crop = picture[None, :, top : top + side, left : left + side].float() / 255
    if side != CROP:
        crop = F.interpolate(crop, (CROP, CROP), mode="bilinear", antialias=True)
    return (crop.flip(-1) if random_integer(2, random) else crop)[0]


# --- Training -----------------------------------------------------------------------------------


def contrast(embeddings: Tensor, temperature: float = 0.1) -> tuple[Tensor, Tensor]:
    """SimCLR's loss of embeddings (2N, D), where rows i and i + N are of one picture.

    Returns:
        The loss, and the share of rows whose nearest other row is of the same picture.
    """
    count = len(embeddings)
    similarity = embeddings @ embeddings.T / temperature
    similarity = similarity.masked_fill(torch.eye(count, dtype=torch.bool), -1e4)
    partner = torch.arange(count).roll(count // 2)
    right = (similarity.argmax(1) == partner).float().mean()
    return F.cross_entropy(similarity, partner), right


def train(
    styles: Sequence[Tensor], photographs: Sequence[Tensor], *, steps: int, pairs: int, output: Path
) -> UnseenEncoder:
    """Train the encoder and write it, every hundred steps too.

    Args:
        styles: Pictures (3, H, W), uint8.
        photographs: The same; a sixth of each step's pictures.
        steps: Number of steps.
        pairs: Pictures of a step.
        output: File to write.
    """
    torch.manual_seed(_SEED)
    encoder = UnseenEncoder().to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(encoder.parameters(), 1e-3, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 1e-3, total_steps=max(2, steps), pct_start=0.1
    )
    started = time.monotonic()
    for step in range(steps):
        random = torch.Generator().manual_seed(_FIRST_BATCH + step)
        chosen = [
            pictures[index]
            for pictures, count in ((styles, pairs - pairs // 6), (photographs, pairs // 6))
            for index in torch.randperm(len(pictures), generator=random)[:count].tolist()
        ]
        batch = _batch([two_crops(picture, random) for picture in chosen])
        with torch.autocast("cpu", torch.bfloat16):
            embeddings = encoder(batch.contiguous(memory_format=torch.channels_last))
        loss, right = contrast(embeddings.float())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        is_last = step == steps - 1
        if step % 25 == 0 or is_last:
            seconds = time.monotonic() - started
            print(f"{step} loss {loss:.3f} right {right:.2f} {seconds:.0f} s", flush=True)
        if step % _SAVE_EVERY == _SAVE_EVERY - 1 or is_last:
            _save(encoder, output)
    return encoder.eval().requires_grad_(False)


@torch.no_grad()
def retrieval(encoder: UnseenEncoder, pictures: Sequence[Tensor]) -> float:
    """Share of crops whose nearest other crop, by embedding, is of the same picture."""
    random = torch.Generator().manual_seed(_SEED)
    _, right = contrast(encoder(_batch([two_crops(picture, random) for picture in pictures])))
    return float(right)


def _batch(crops: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """First halves, then second halves."""
    return torch.stack([first for first, _ in crops] + [second for _, second in crops])


def _save(encoder: UnseenEncoder, path: Path) -> None:
    state = {key: value.contiguous() for key, value in encoder.state_dict().items()}
    about = {"use": "judging only, never training", "licence": "MIT"}
    with atomic_write(path) as temporary:
        temporary.write_bytes(serialize(state, about))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--content", required=True, help="folder of photographs")
    parser.add_argument("--style", required=True, help="folder of paintings and textures")
    parser.add_argument("--steps", type=int, default=500, help="[500]")
    parser.add_argument("--pairs", type=int, default=32, help="pictures of a step [32]")
    parser.add_argument("--threads", type=int, default=1, help="[1]")
    parser.add_argument("-o", "--output", type=Path, required=True, help="file to write")
    args = parser.parse_args(arguments)
    torch.set_num_threads(args.threads)
    try:
        check_writable(args.output)
        paths = list_pictures(args.style)
        styles = read_pictures([p for p in paths if is_for_judge(p)], long_side=512)
        held_out = read_pictures([p for p in paths if is_held_out(p)][:96], long_side=512)
        photographs = [p for p in list_pictures(args.content) if is_for_judge(p)][::3]
        pictures = read_pictures(photographs, long_side=448)
        print(f"{len(styles)} style pictures, {len(pictures)} photographs", flush=True)
        encoder = train(styles, pictures, steps=args.steps, pairs=args.pairs, output=args.output)
        right = retrieval(encoder, held_out)
    except ImpastoError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"held-out paintings: the other half is nearest for {100 * right:.0f} % of the crops "
          f"of {len(held_out)}")  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
