"""What goes wrong beside a long work is told, and the work goes on."""

from __future__ import annotations

from collections.abc import Callable

from impasto.cli.shared.messages import print_error, sentence
from impasto.errors import ImpastoError


class BestEffort:
    """Does what is not worth losing the work for: checkpoints, pictures on the way."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def survive(self, deed: Callable[[], object]) -> bool:
        """Do something; whether it went well. The sentence of each error is printed once."""
        try:
            deed()
        except ImpastoError as error:
            if sentence(error) not in self._told:
                print_error(error)
            self._told.add(sentence(error))
            return False
        return True
