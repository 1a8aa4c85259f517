"""The command line.

* ``main``: finds the command, runs it, turns errors into one sentence
* ``options``: the options of each command, without torch; ``commands``: its work
* ``shared``: options, progress bars, outputs and messages that several commands share
"""
