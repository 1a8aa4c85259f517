"""Pictures of a camera painted while they are taken.

- ``sources`` keep the newest picture of a camera, or of a clip that stands in for one;
- ``pace`` chooses the size that holds a number of frames a second, by measurement;
- ``looks`` are the styles and strengths that a key changes;
- ``outputs`` show pictures: a window with keys, a virtual camera;
- ``session`` is the loop from one to the other.

OpenCV and pyvirtualcam are imported when they are needed.
"""
