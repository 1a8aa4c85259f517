"""The command line.

* ``main``: finds the command, runs it, turns errors into one sentence
* ``commands``: one module a command
* ``shared``: options, progress bars, outputs and messages that several commands share
"""
