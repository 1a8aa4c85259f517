"""A folder of results as one page: every picture with its recipe and the command to repeat it."""
