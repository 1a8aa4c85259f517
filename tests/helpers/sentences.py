"""What a mistake gets: one sentence, from a call or from the command line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


def said(error: type[Exception], call: Callable[..., object], *args: Any, **keywords: Any) -> str:
    with pytest.raises(error) as caught:
        call(*args, **keywords)
    return str(caught.value)


def sentence(
    error: type[Exception], call: Callable[..., object], *args: Any, **keywords: Any
) -> str:
    text = said(error, call, *args, **keywords)
    assert text.endswith(".")
    assert "\n" not in text
    return text


def check_told(capsys: pytest.CaptureFixture[str], named: str) -> None:
    """That a command has said, in a sentence or two, what was wrong with what."""
    told = capsys.readouterr().err.strip()
    assert named in told
    assert "Traceback" not in told
    assert told.startswith("impasto: ")
    assert len(told.splitlines()) <= 3
