"""Exit codes of the program, besides 0."""

WRONG_INPUT = 2
INTERRUPTED = 130
