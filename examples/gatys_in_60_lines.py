"""Neural style transfer of Gatys, Ecker & Bethge (CVPR 2016) on Impasto.

``gatys_plain_pytorch.py`` computes the same loss, and minimizes it by L-BFGS, without Impasto.

    python examples/gatys_in_60_lines.py --size 256 --steps 100
"""

from __future__ import annotations

import argparse
from pathlib import Path

import impasto
from impasto.images.samples import SAMPLES

CONTENT_LAYER = "relu4_2"
STYLE_LAYERS = ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"]


def objective(
    content: impasto.Picture, style: impasto.Picture, content_weight: float
) -> impasto.Objective:
    """The weighted sum of the content loss and the style loss."""
    encoder = impasto.open_encoder("compact")  # a small VGG-19; "vgg19" for the paper's own
    return impasto.Objective(
        [
            impasto.ContentTerm(encoder(content.tensor, [CONTENT_LAYER]), weight=content_weight),
            impasto.StyleTerm(encoder(style.tensor, STYLE_LAYERS), statistic="gram"),
        ],
        encoder,
    )


def main() -> None:
    """Paint one picture."""
    parser = argparse.ArgumentParser(description="Neural style transfer on Impasto.")
    parser.add_argument("--content", type=Path, default=SAMPLES / "tuebingen.jpg")
    parser.add_argument("--style", type=Path, default=SAMPLES / "van-gogh-starry-night.jpg")
    parser.add_argument("--content-weight", type=float, default=0.05)
    parser.add_argument("--size", type=int, default=256, help="long side in pixels")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("-o", "--output", type=Path, default=Path("out/gatys.png"))
    args = parser.parse_args()

    content = impasto.read_image(args.content, long_side=args.size)
    style = impasto.read_image(args.style, long_side=args.size)
    loss = objective(content, style, args.content_weight)

    # preconditioning=0 is L-BFGS in plain pixels, as in the paper.
    image = content.tensor
    for step in impasto.optimize(loss, image, steps=args.steps, preconditioning=0):
        image = step.image
        print(f"step {step.step}: loss {step.loss:.4f}")

    args.output.parent.mkdir(parents=True, exist_ok=True)
    impasto.write_image(args.output, image)


if __name__ == "__main__":
    main()
