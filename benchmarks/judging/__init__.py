"""Methods of style transfer judged on the same pairs of pictures (see ``one_pass_quality.py``).

* ``pairs``: the fixed pairs of held-out photographs and paintings
* ``methods``: every method by name, and how it paints a pair
* ``peers``: other programs, run from outside the repository
* ``checkpoints``: the model in the checkpoint of a training
* ``judges``: the figures
* ``cache``: pictures and figures are made once
* ``report``: table, CSV, JSON and sheets
"""
