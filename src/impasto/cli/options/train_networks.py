"""Options of the commands of ``impasto train`` that train networks."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from impasto.cli.shared.parser import Parser, under
from impasto.cli.shared.training_options import add_network_options, add_training_options
from impasto.networks.styles import STYLE_SIDE
from impasto.training.settings import PRESETS, OnePassSettings

EXAMPLES = """\
examples:
  impasto train per-style --content photos/ --style wave.jpg -o wave.safetensors
  impasto train multi-style --content photos/ --style a.jpg b.jpg --start any -o ours.safetensors
  impasto train multi-style --content photos/ --style c.jpg --add-style ours.safetensors -o more.safetensors
  impasto train any-style --content photos/ --style paintings/ -o any.safetensors
  torchrun --nproc_per_node 2 -m -- impasto train any-style …

Ctrl-C stops after the current step; the same command continues from there.
"""  # noqa: E501


ABOUT: Mapping[str, str] = {
    "per-style": "train a network for one style",
    "multi-style": "train a network for several styles, each a vector of its own",
    "any-style": "train a network for any style, and the predictor of its style vectors",
}


_PLACE = "PICTURE|DIR"


_STYLES: Mapping[str, str] = {
    "per-style": "the style picture, or a folder with it alone",
    "multi-style": "style pictures, or folders of them",
    "any-style": "paintings and textures",
}


def configure(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the commands that train networks."""
    for name, about in ABOUT.items():
        parser = commands.add_parser(
            name,
            # argparse's own usage would fill a third of the screen.
            usage=f"impasto train {name} --content DIR --style {_PLACE} -o FILE [OPTION …]",
            help=about,
            description=f"{about[0].upper()}{about[1:]}.",
            epilog=EXAMPLES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        _configure(parser, name)
        parser.set_defaults(what=name, add_style=None)


def _configure(parser: Parser, name: str) -> None:
    several = {"nargs": "+"} if name == "multi-style" else {}
    add = under(parser, "Style").add_argument
    add("--style", required=True, metavar=_PLACE, help=_STYLES[name], **several)
    if name != "any-style":
        add("--style-size", type=int, default=STYLE_SIDE, metavar="N",
            help=f"long side of the style: larger makes larger strokes [{STYLE_SIDE}]")  # fmt: skip
    else:
        add("--style-weights", metavar="FILE", type=Path,
            help="how often styles are drawn: lines of a name pattern and a weight")  # fmt: skip
    default = OnePassSettings()
    add = under(parser, "Content").add_argument
    add("--content", required=True, metavar="DIR", help="photographs")
    add("--content-weight", type=float, metavar="X", help="times the preset's [1]")
    parser.add_argument("-o", "--output", required=True, metavar="FILE", type=Path,
                        help="the model file to write (.safetensors)")  # fmt: skip
    optimization = under(parser, "Optimization")
    add = optimization.add_argument
    add("--preset", default="default", choices=tuple(PRESETS), help="losses and rates [default]")
    add("--encoder", default="compact", metavar="NAME|FILE",
        help="computes losses, and reads styles [compact]")  # fmt: skip
    add("--fine-encoder", metavar="NAME|FILE",
        help="judges strokes with --preset recolour or strokes [vgg19]")  # fmt: skip
    add("--deep-encoder", metavar="NAME|FILE",
        help="judges content with the same presets [the fine encoder]")  # fmt: skip
    add_network_options(optimization)
    if name == "multi-style":
        add("--add-style", metavar="MODEL",
            help="add to this model's styles, training nothing but the new ones")  # fmt: skip
    add("--batch", type=int, metavar="N", help=f"pictures a step [{default.batch}]")
    add("--crop", type=int, metavar="N", help=f"side of the crops [{default.crop}]")
    add("--tv-weight", type=float, metavar="X", help=f"[{default.tv_weight:g}]")
    add("--even-weight", type=float, metavar="X",
        help=f"keeps smooth skies smooth [{default.even_weight:g}]")  # fmt: skip
    add("--learning-rate", type=float, metavar="X", help=f"peak [{default.learning_rate:g}]")
    add_training_options(parser, steps=6000, precision=default.precision)
    under(parser, "This run").add_argument(
        "--validate-every", type=int, default=500, metavar="N",
        help="steps between sheets of unseen pictures [500]",
    )  # fmt: skip
    only = {"multi-style": ("add_style", "style_size"), "per-style": ("style_size",)}
    parser.show_first("output", "style", "content", "preset", "start", "steps", "run", "device",
                      "overwrite", *only.get(name, ()))  # fmt: skip
