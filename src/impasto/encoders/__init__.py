"""Networks that turn images into features by layer name.

- :mod:`~impasto.encoders.protocol`: what painting needs from an encoder; the adapter for a function
- :mod:`~impasto.encoders.vgg`: ``Architecture`` and ``Encoder``: VGG-16, VGG-19, ``compact``
- :mod:`~impasto.encoders.files`: encoders as safetensors files
- :mod:`~impasto.encoders.caching`: an encoder that caches the features of recent images
- :mod:`~impasto.encoders.alexnet`: for LPIPS
- :mod:`~impasto.encoders.inception`: for Fréchet distances
"""
