"""How the programs of this folder end where what they were given is wrong."""

from __future__ import annotations

import sys
from collections.abc import Callable

from impasto.errors import ImpastoError


def exit_code(work: Callable[[], object]) -> int:
    """Do the work: 0, or 1 after a sentence on stderr that names the option."""
    try:
        work()
    except ImpastoError as error:
        print(error.render(lambda name: f"--{name.replace('_', '-')}"), file=sys.stderr)
        return 1
    return 0
