"""Problems that do not end a long work, such as a log that cannot be written."""

from __future__ import annotations

from collections.abc import Callable

from impasto.cli.shared.messages import print_error
from impasto.errors import ImpastoError


class Problems:
    """Prints problems on stderr, each once."""

    def __init__(self) -> None:
        self._printed: set[str] = set()

    def report(self, error: ImpastoError) -> None:
        """Print a problem, unless it is known."""
        if error.message not in self._printed:
            self._printed.add(error.message)
            print_error(error)

    def attempt(self, action: Callable[..., object], *arguments: object) -> bool:
        """Do something and report its problem, if it has one; whether it succeeded."""
        try:
            action(*arguments)
        except ImpastoError as error:
            self.report(error)
            return False
        except OSError as error:
            reason = error.strerror or error
            self.report(ImpastoError(f"A file of the run could not be written ({reason})."))
            return False
        return True
