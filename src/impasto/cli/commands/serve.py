"""``impasto serve``: a page and a service."""

from __future__ import annotations

import argparse
import os
import secrets
from functools import partial
from pathlib import Path

from impasto.cli.shared.messages import say
from impasto.cli.shared.recipe_options import given_entries
from impasto.cli.shared.run_to_file import memory_of
from impasto.errors import OptionError
from impasto.runtime.optional import require
from impasto.web.settings import Limits, Settings

_LONGEST_TOKEN = 4096
_VARIABLE = "IMPASTO_TOKEN"


def run(args: argparse.Namespace) -> int:
    """Serve until the program is told to stop, and return the exit code."""
    token, is_new = _token(args)
    settings = Settings(
        host=args.host,
        port=args.port,
        token=token,
        is_open=args.open,
        host_names=tuple(args.host_name),
        embed_in=tuple(args.embed_in),
        proxy=args.proxy,
        devices=tuple(args.device),
        quick_workers=args.quick_workers,
        memory=memory_of(args),
        limits=Limits(**given_entries(args, Limits)),
    )
    for module in ("starlette", "uvicorn", "python_multipart", "prometheus_client"):
        require(module, by="The service")
    from impasto.web.server import serve

    serve(settings, started=partial(_tell, token=token if is_new else ""))
    return 0


def _tell(address: str, token: str) -> None:
    say(f"{address}#token={token}" if token else address)


def _token(args: argparse.Namespace) -> tuple[str, bool]:
    """The token, and whether it was made just now."""
    if args.token is None:
        return ("" if args.open else os.environ.get(_VARIABLE, "")), False
    if not args.token:
        return secrets.token_urlsafe(24), True
    try:
        with Path(args.token).open(encoding="utf-8") as file:
            token = file.readline(_LONGEST_TOKEN).strip()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise OptionError(
            f"The token file {args.token} cannot be read ({reason}): name another, or give no file."
        ) from error
    if not token:
        raise OptionError(f"The first line of {args.token} is empty: write the token there.")
    return token, False
