"""Augmentation of batches on their way into the network: cheap, on bytes, seeded by epoch and batch."""

import keras
import numpy as np

from . import kinds
from .dataset import Dataset
from .settings import SIDE, Settings

PHOTO = kinds.KINDS.index("photo")
PATTERN = np.random.default_rng(76).standard_normal((2 * SIDE, 2 * SIDE, 3), dtype=np.float32)


class Batches(keras.utils.PyDataset):
    """The training set in shuffled, augmented batches: float32 [batch, SIDE, SIDE, 3] in 0..255 and one-hot kinds."""

    def __init__(self, data: Dataset, settings: Settings):
        super().__init__(workers=1)
        self.data, self.settings, self.epoch = data, settings, 0
        self.photos = np.flatnonzero(data.kind == PHOTO)
        self.shuffle()

    def __len__(self) -> int:
        return len(self.order) // self.settings.batch

    def __getitem__(self, index: int):
        rng = np.random.default_rng([self.settings.seed, 77, self.epoch, index])
        rows = np.sort(self.order[index * self.settings.batch : (index + 1) * self.settings.batch])
        images, kind = self.data.pixels[rows], self.data.kind[rows]
        for i in np.flatnonzero(kind == PHOTO):
            if rng.random() < 0.25:
                images[i] = compose(images[i], self.data.pixels[rng.choice(self.photos)], rng)
        images = np.stack([colour(turn(image, rng), rng) for image in images])
        images = images.astype(np.float32)
        noisy = rng.random(len(images)) < 0.25
        if noisy.any():
            images[noisy] += noise(int(noisy.sum()), rng)
            np.clip(images, 0, 255, out=images)
        return images, np.eye(len(kinds.KINDS), dtype=np.float32)[kind]

    def on_epoch_end(self) -> None:
        self.epoch += 1
        self.shuffle()

    def shuffle(self) -> None:
        self.order = np.random.default_rng([self.settings.seed, 78, self.epoch]).permutation(len(self.data.kind))


def turn(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Flips, sometimes turns by a quarter, and shifts a little: what comes in at the border is the border's own pixels."""
    if rng.random() < 0.5:
        image = image[:, ::-1]
    if rng.random() < 0.2:
        image = np.rot90(image, int(rng.integers(1, 4)))
    if rng.random() < 0.5:
        dy, dx = rng.integers(-8, 9, size=2)
        image = image[np.clip(np.arange(SIDE) + dy, 0, SIDE - 1)][:, np.clip(np.arange(SIDE) + dx, 0, SIDE - 1)]
    return image


def colour(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Changes brightness, contrast, gamma and colour balance by one table a channel, and sometimes takes the colour away."""
    if rng.random() < 0.1:
        image = np.repeat((image.astype(np.uint16) @ np.array([77, 150, 29], np.uint16) >> 8).astype(np.uint8)[..., None], 3, axis=2)
    elif rng.random() < 0.15:
        image = image[..., rng.permutation(3)]
    if rng.random() < 0.2:
        return image
    ramp = np.linspace(0, 1, 256)[:, None] ** np.exp(rng.uniform(-0.5, 0.5))
    ramp = (ramp - 0.5) * np.exp(rng.uniform(-0.4, 0.2)) + 0.5 + rng.uniform(-0.15, 0.15)
    tables = np.clip(ramp * np.exp(rng.normal(0, 0.06, 3)) * 255, 0, 255).astype(np.uint8)
    return np.stack([tables[:, c][image[..., c]] for c in range(3)], axis=2)


def compose(image: np.ndarray, other: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Lays a part of another photo over a photo, along a wavy and more or less soft border: a photo shows several textures at once."""
    y, x = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    fy, fx, px, py = rng.uniform(0.4, 2.5), rng.uniform(0.4, 2.5), *rng.uniform(0, 2 * np.pi, 2)
    field = np.sin(2 * np.pi * fy * y + py + 2 * np.sin(2 * np.pi * fx * x + px)) + rng.uniform(-2, 2) * (x - 0.5)
    mask = 1 / (1 + np.exp(-np.clip((field - rng.uniform(-0.5, 0.7)) * np.exp(rng.uniform(0.5, 4)), -30, 30)))
    return (image + (other.astype(np.float32) - image) * mask[..., None]).astype(np.uint8)


def noise(count: int, rng: np.random.Generator) -> np.ndarray:
    """Returns sensor-like noise, grey or coloured, of a random strength for each image: shifted cuts of one pattern, which is cheaper than drawing it."""
    out = np.empty((count, SIDE, SIDE, 3), dtype=np.float32)
    for i in range(count):
        y, x, v, u = rng.integers(0, SIDE, 4)
        share = np.float32(rng.random())
        out[i] = PATTERN[y : y + SIDE, x : x + SIDE, :1] * share + PATTERN[v : v + SIDE, u : u + SIDE] * (1 - share)
        out[i] *= np.float32(rng.uniform(1, 12))
    return out
