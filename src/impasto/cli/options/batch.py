"""Options of ``impasto batch``."""

from __future__ import annotations

from impasto.batch.choices import FORMS, LAYOUTS, LOCAL
from impasto.cli.shared.device_option import add_device
from impasto.cli.shared.limits import add_max_pixels, add_memory
from impasto.cli.shared.parser import Parser, under
from impasto.cli.shared.recipe_options import add_entry_option, add_recipe_options
from impasto.cli.shared.save_options import add_format, add_overwrite, add_save_options
from impasto.cli.shared.style_options import add_model, add_styles
from impasto.jobs.requests import StylizeRequest
from impasto.runtime.fields import entries

EXAMPLES = """\
examples:
  impasto batch holiday/ painted/ --style great-wave
  impasto batch pictures.csv painted/ --style painting.jpg --workers 4
  impasto batch 's3://photos/2025/**/*.jpg' s3://painted/2025 --style scream
  impasto batch 'data-{000..999}.tar' painted/ --to tar --style kiss --address auto
  impasto batch portraits/ painted/ --style painting.jpg --paint --size 512
"""


def configure(parser: Parser) -> None:
    """Add the options of ``batch``."""
    add, run = parser.add_argument, under(parser, "This run")
    parser.usage = "impasto batch INPUT OUTPUT --style STYLE [STYLE …] [options]"
    add("input", metavar="INPUT",
        help="a folder, a pattern in quotes, a .csv, .jsonl or .parquet manifest with a picture a "
             "row, or WebDataset .tar files; here, or at s3://, gs://, http(s)://")  # fmt: skip
    add("output", metavar="OUTPUT",
        help="a folder here, or at s3:// or gs://; the same command goes on with it")  # fmt: skip
    style = under(parser, "Style")
    add_styles(style, more="; rows of a manifest may have their own")
    add_model(style)
    under(parser, "Content").add_argument(
        "--size", type=int, metavar="N", help="long side in pixels [unchanged]"
    )
    under(parser, "Optimization").add_argument(
        "--paint", action="store_true", help="paint by optimization, with the options of `paint`"
    )
    for name, entry in entries(StylizeRequest).items():
        if name not in ("model", "size"):
            heading = under(parser, entry.group.capitalize() or "This run")
            add_entry_option(heading, entry, entry.default)
    add_recipe_options(parser, without=[*entries(StylizeRequest), "size"])
    parser.set_defaults(recipe=None)
    output = under(parser, "Output")
    output.add_argument("--to", choices=LAYOUTS, default=LAYOUTS[0],
                        help="files with kept names, or an archive a shard [files]")  # fmt: skip
    output.add_argument("--log", choices=FORMS,
                        help="form of the log of each shard [jsonl; parquet for tar]")  # fmt: skip
    output.add_argument("--shard-size", type=int, default=0, metavar="N",
                        help="pictures of a shard [1000, or fewer for few pictures]")  # fmt: skip
    add_format(output)
    add_save_options(output)
    add_overwrite(output)
    limits = under(parser, "Limits")
    limits.add_argument("--max-errors", type=int, metavar="N",
                        help="stop after more pictures than that failed [never]")  # fmt: skip
    limits.add_argument("--timeout", type=float, metavar="SECONDS",
                        help="end the worker of a picture that takes longer; after three times "
                             "the picture is given up [never]")  # fmt: skip
    limits.add_argument("--ignore", nargs="+", action="extend", default=[], metavar="COLUMN",
                        help="columns of the manifest that are for other programs")  # fmt: skip
    add_max_pixels(limits)
    run.add_argument("--address", default=LOCAL, metavar="ADDRESS",
                     help="local: processes of this machine; auto, ray://HOST:PORT or HOST:PORT: "
                          "a Ray cluster [local]")  # fmt: skip
    run.add_argument("--workers", type=int, metavar="N",
                     help="number of workers [as the devices take]; 0: this process")  # fmt: skip
    run.add_argument("--workers-per-device", type=int, default=1, metavar="N",
                     help="workers that share a GPU [1]")  # fmt: skip
    run.add_argument("--retry-failed", action="store_true",
                     help="paint again what failed before")  # fmt: skip
    add_device(run)
    add_memory(run)
    run.add_argument("--json", action="store_true", help="print the summary as JSON")
    run.add_argument("--quiet", action="store_true", help="show no progress")
    parser.show_first("style", "strength", "style_scale", "size", "paint", "to", "format",
                      "shard_size", "max_errors", "address", "workers", "retry_failed",
                      "overwrite")  # fmt: skip
