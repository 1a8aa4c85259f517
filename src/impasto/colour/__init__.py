"""Colours: whose colours a painting has, and how they are computed.

* :mod:`impasto.colour.spaces`: OKLab, CIELAB and YIQ, and colours brought into the gamut of sRGB.
* :mod:`impasto.colour.matching`: the colours, lightness or chroma of one picture for another.
* :mod:`impasto.colour.chroma_bound`: the chromas that a picture may have, by those of its styles.
* :mod:`impasto.colour.tones`: the range of lightness of one picture for another.
* :mod:`impasto.colour.modes`: colour modes, applied to the pictures before and after painting.
"""
