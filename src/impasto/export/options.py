"""The formats and precisions of export, by name; listing them imports nothing."""

FORMATS = ("onnx", "pt2")
"""ONNX, and the archive of ``torch.export``."""

PRECISIONS = ("float32", "float16", "int8")
"""Float32; weights stored in float16; convolutions in 8 bits and other weights in float16."""
