"""One module a command, and one line in ``impasto.cli.main.COMMANDS`` for each.

A command module has ``EXAMPLES`` (shown below its help), ``configure(parser)``, which adds its
options, and ``run(args)``, which returns the exit code. Errors are raised as ``ImpastoError``.
"""
