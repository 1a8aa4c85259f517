"""The options of each command, in a module each: they import no torch, so that ``-h`` is fast.

A module has ``EXAMPLES``, shown below the help, and ``configure(parser)``, which adds the options.
The work of a command is in its module in :mod:`impasto.cli.commands`, imported when it runs.
"""
