"""One-pass models as graphs for other runtimes: ONNX and torch.export.

:mod:`impasto.export.graphs` says what is exported, :mod:`impasto.export.onnx` writes and quantizes
graphs, :mod:`impasto.export.folder` writes the folder that describes itself.
"""
