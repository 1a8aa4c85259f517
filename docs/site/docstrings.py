"""An extension of Griffe: docstrings as Markdown, for the reference of the site.

The roles of reStructuredText (``:func:`x```) become names, and the double colon before code one.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

_ROLE = re.compile(r":\w+:`~?\.?([^`]+)`")


class Markdown(griffe.Extension):
    """Changes every docstring that is loaded."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite the docstring of one object."""
        if obj.docstring is not None:
            text = _ROLE.sub(r"`\1`", obj.docstring.value)
            obj.docstring.value = re.sub(r"::$", ":", text, flags=re.MULTILINE)
