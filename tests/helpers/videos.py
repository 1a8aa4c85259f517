"""Optical flows and moving pictures."""

import cv2
import numpy as np
import torch


def uniform(right, down, size, batch=1):
    """A flow that is the same everywhere."""
    return torch.tensor([right, down], dtype=torch.float64).view(1, 2, 1, 1).expand(batch, 2, *size)


def texture(height, width, seed=0, blur=2.0):
    """(1, 3, H, W) in [0, 1]: blurred noise, with detail everywhere."""
    grain = np.random.default_rng(seed).random((height, width, 3))
    found = cv2.GaussianBlur(grain, (0, 0), blur)
    found = (found - found.min()) / (found.max() - found.min())
    return torch.from_numpy(found).float().permute(2, 0, 1)[None]


def panned(frames, step, size=(48, 64), seed=0):
    """A film in which a large picture moves by ``step`` = (right, down) from frame to frame."""
    (right, down), (height, width) = step, size
    large = texture(height + frames * abs(down), width + frames * abs(right), seed)
    film = []
    for number in range(frames):
        x, y = (a * (frames - 1 - number) if a > 0 else -a * number for a in step)
        film.append(large[..., y : y + height, x : x + width])
    return film
