"""What every plot of ours has in common."""

from __future__ import annotations

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Okabe & Ito 2008: told apart by all eyes, on light paper and on dark."""
