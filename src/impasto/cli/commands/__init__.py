"""One module a command, each with ``configure`` and ``run``."""
