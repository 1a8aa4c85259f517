"""Convolutions, padding and bands: building blocks of encoders and networks.

* ``bands``: large maps computed band by band, to save memory
* ``convolution``: 3×3 convolutions of fixed filters, with padding and ReLU in one step
* ``padding``: padding modes, in the channels-last layout, and their gradients
* ``winograd``: 3×3 convolutions with a quarter of the multiplications
"""
