"""Clips painted frame by frame: files read and written, styles over time, work that is resumed.

- ``frame`` is what passes from the reader to the painter and the writer;
- ``painters`` paint one frame after the other;
- readers and writers know files (PyAV, Pillow), and nothing of painting.

PyAV and OpenCV are imported when they are needed.
"""
