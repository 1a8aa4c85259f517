"""The work of the commands: one module each, with one line in ``impasto.cli.main.COMMANDS``.

A module has ``run(args)``, which returns the exit code. Errors are raised as ``ImpastoError``. The
options are in the module of the same name in :mod:`impasto.cli.options`.
"""
