"""Limits on pictures that are read and enlarged."""

MAX_PIXELS = 200_000_000
"""Default limit on the pixels read: a file of a few kilobytes can claim any size."""


MAX_ENLARGE = 4.0
"""Default limit on enlarging: beyond it there is only blur to paint."""
