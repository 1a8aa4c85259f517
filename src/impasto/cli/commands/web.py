"""``impasto web build``: write the browser studio as a static site."""

from __future__ import annotations

import argparse

from impasto.cli.shared.messages import print_json, say
from impasto.cli.shared.share_bar import share_bar
from impasto.runtime.command_text import command_line
from impasto.web.site import build_site, first_download


def run(args: argparse.Namespace) -> int:
    """Write the site, say how large it is, and return the exit code."""
    with share_bar(hidden=args.quiet or args.json) as progress:
        site = build_site(
            args.output,
            models=list(dict.fromkeys(args.model)),
            precision=args.precision,
            webgpu=args.webgpu,
            overwrite=args.overwrite,
            progress=progress,
        )
    if args.json:
        print_json(site)
        return 0
    files = site["files"]
    say(
        f"{args.output}: {len(files)} files, {sum(files.values()) / 1e6:.1f} MB, of which a first "
        f"picture takes {first_download(site) / 1e6:.1f} MB."
    )
    words = ["python", "-m", "http.server", "--bind", "127.0.0.1", "--directory"]
    say(f"To see it: {command_line([*words, str(args.output)])}")
    return 0
