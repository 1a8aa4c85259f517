"""The commands: one module each, with one line in ``impasto.cli.main.COMMANDS``.

A command module has ``EXAMPLES`` (shown below its help), ``configure(parser)``, which adds its
options, and ``run(args)``, which returns the exit code. Errors are raised as ``ImpastoError``.
"""
