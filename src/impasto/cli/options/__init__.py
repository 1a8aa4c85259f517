"""The options of each command, in a module each: they import no torch, so that ``-h`` is fast.

The work of a command is in its module in :mod:`impasto.cli.commands`, imported when it runs.
"""
