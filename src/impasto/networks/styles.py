"""How styles are read from pictures."""

STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
"""The layers that styles are read from."""

COLOURS = "image"
"""Named beside layers: the colours of the picture itself."""

STYLE_SIDE = 512
"""Long side in pixels at which style pictures are read."""

IDENTITY = "photograph"
"""Name of the style vector with which a network of fixed styles leaves a picture unchanged."""
