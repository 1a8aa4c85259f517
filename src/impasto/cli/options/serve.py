"""Options of ``impasto serve``."""

from __future__ import annotations

from impasto.cli.shared.limits import add_memory
from impasto.cli.shared.parser import Parser, under
from impasto.cli.shared.recipe_options import add_entry_option
from impasto.runtime.fields import entries
from impasto.web.settings import PORT, Limits

EXAMPLES = """\
examples:
  impasto serve
  impasto serve --host 0.0.0.0 --token
  impasto serve --host 0.0.0.0 --token token.txt --host-name studio.example.org --proxy 10.0.0.2
  impasto serve --device cuda:0 cuda:1 --result-pixels 16000000

Without options only this machine reaches the page.
"""


def configure(parser: Parser) -> None:
    """Add the options of ``serve``."""
    parser.usage = "impasto serve [options]"
    add = parser.add_argument
    add("--host", default="127.0.0.1", metavar="ADDRESS",
        help="where to listen; 0.0.0.0: for all machines [127.0.0.1, this machine]")  # fmt: skip
    add("--port", type=int, default=PORT, metavar="N", help=f"TCP port, 0: a free one [{PORT}]")
    add("--token", nargs="?", const="", metavar="FILE",
        help="let in only who has the token in the file; without a file a new one is made and "
             "shown [IMPASTO_TOKEN of the environment]")  # fmt: skip
    add("--open", action="store_true", help="let in everybody who reaches the address")
    add("--host-name", nargs="+", default=[], metavar="NAME",
        help="names by which browsers call the server, such as that of a proxy")  # fmt: skip
    add(
        "--embed-in",
        nargs="+",
        default=[],
        metavar="SITE",
        help="sites whose pages may show the page in a frame, such as https://huggingface.co",
    )
    add("--proxy", default="", metavar="ADDRESS",
        help="reverse proxy whose X-Forwarded headers are believed")  # fmt: skip
    run = under(parser, "This run")
    run.add_argument("--device", nargs="+", default=["auto"], metavar="NAME",
                     help="devices, each for one painting at a time [auto]")  # fmt: skip
    run.add_argument("--quick-workers", type=int, default=1, metavar="N",
                     help="one-pass pictures at a time [1]")  # fmt: skip
    add_memory(run)
    limits = under(parser, "Limits")
    for entry in entries(Limits).values():
        add_entry_option(limits, entry, entry.default)
    parser.show_first("host", "port", "token", "open", "host_name", "device", "result_pixels",
                      "most_seconds", "keep_seconds")  # fmt: skip
