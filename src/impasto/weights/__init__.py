"""Published and built-in weights: where they come from, the local copies, opening by name.

- :mod:`~impasto.weights.open`: encoders by name, also of other packages; networks of metrics
- :mod:`~impasto.weights.store`: download, conversion to safetensors, verification
- :mod:`~impasto.weights.records`: ``WEIGHTS``, one record per weight
- :mod:`~impasto.weights.layouts`: names and shapes of the tensors in published files
"""
