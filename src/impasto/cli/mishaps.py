"""What goes wrong beside a long work is told, and the work goes on."""

from __future__ import annotations

import sys
from collections.abc import Callable

from impasto.errors import ImpastoError


class Mishaps:
    """Does what is not worth losing the work for: checkpoints, pictures on the way."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def survive(self, deed: Callable[[], object]) -> bool:
        """Do something; whether it went well. The sentence of each error is printed once."""
        try:
            deed()
        except ImpastoError as error:
            if str(error) not in self._told:
                print(f"impasto: {error}", file=sys.stderr)
            self._told.add(str(error))
            return False
        return True
