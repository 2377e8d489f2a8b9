"""Textures for the surfaces in generated photos: float32 [height, width, 3] in 0..1, with the statistics of natural ones."""

import numpy as np
from PIL import Image, ImageDraw

from .drawing import any_colour, blend, chance, enlarge, fractal, natural_palette, one_of, pick, ramp, ranks, rgb, to_array


def cloudy(rng: np.random.Generator, size: tuple[int, int], palette: np.ndarray) -> np.ndarray:
    """1/f noise in correlated channels: brightness from one field, colour from weaker, smoother ones."""
    beta = rng.uniform(0.7, 1.6)
    light = fractal(rng, size, beta)
    array = ramp(ranks(light, rng.uniform(0.6, 2)), palette)
    return array + fractal(rng, size, 1.4, finest=48)[..., None] * rng.normal(0, 0.06, 3).astype(np.float32)


def grainy(rng: np.random.Generator, size: tuple[int, int], palette: np.ndarray) -> np.ndarray:
    """Sand, gravel, asphalt, plaster: nearly white noise over slow changes."""
    fine = fractal(rng, size, rng.uniform(0.1, 0.6))
    slow = fractal(rng, size, 1.5, finest=48)
    return ramp(ranks(fine * rng.uniform(0.3, 1) + slow * rng.uniform(0.1, 0.8)), palette)


def drawn_out(rng: np.random.Generator, size: tuple[int, int], palette: np.ndarray) -> np.ndarray:
    """Fur, grass, bark, brushed metal, water: noise that is longer one way than the other, bent by a slow field."""
    field = fractal(rng, size, rng.uniform(0.6, 1.3), stretch=rng.uniform(3, 16), angle=rng.uniform(0, np.pi))
    if chance(rng, 0.6):
        field = bent(rng, field, rng.uniform(0.03, 0.15))
    return ramp(ranks(field, rng.uniform(0.7, 1.8)), palette)


def veined(rng: np.random.Generator, size: tuple[int, int], palette: np.ndarray) -> np.ndarray:
    """Wood, marble, sand ripples, zebra: waves through a turbulent field."""
    w, h = size
    angle, waves = rng.uniform(0, np.pi), rng.uniform(2, 18)
    y, x = np.mgrid[0:h, 0:w].astype(np.float32) / max(size)
    phase = (x * np.cos(angle) + y * np.sin(angle)) * waves + fractal(rng, size, 1.6) * rng.uniform(0.1, 0.9)
    field = 0.5 + 0.5 * np.sin(2 * np.pi * phase) ** pick(rng, (1, 1, 3))
    return ramp(np.clip(field + fractal(rng, size, 0.7) * 0.08, 0, 1), palette)


def cellular(rng: np.random.Generator, size: tuple[int, int], palette: np.ndarray) -> np.ndarray:
    """Pebbles, scales, cracked mud, giraffe: cells around scattered points, each with a tone and a dark seam."""
    scale = min(1.0, 128 / max(size))
    w, h = max(8, int(size[0] * scale)), max(8, int(size[1] * scale))
    count = int(rng.integers(12, 70))
    points = rng.random((count, 2)).astype(np.float32) * (w, h)
    y, x = np.mgrid[0:h, 0:w].astype(np.float32)
    wobble = fractal(rng, (w, h), 1.5) * rng.uniform(0, 4)
    distance = (x[..., None] + wobble[..., None] - points[:, 0]) ** 2 + (y[..., None] - points[:, 1]) ** 2
    nearest = distance.argmin(axis=2)
    two = np.sqrt(np.partition(distance, 1, axis=2)[..., :2])
    seam = np.clip((two[..., 1] - two[..., 0]) / rng.uniform(1.5, 6), 0, 1)
    dome = np.clip(1 - two[..., 0] / (two[..., 0].max() + 1e-3), 0, 1) * rng.uniform(0, 0.6)
    tones = ramp(rng.random(count).astype(np.float32), palette)[nearest]
    array = tones * (rng.uniform(0.2, 0.8) + (1 - rng.uniform(0.2, 0.8)) * seam + dome - 0.2)[..., None]
    array = np.stack([enlarge(array[..., c], size) for c in range(3)], axis=2)
    return array + fractal(rng, size, 0.8)[..., None] * 0.04


def strokes(rng: np.random.Generator, size: tuple[int, int], palette: np.ndarray) -> np.ndarray:
    """Fur, feathers, straw, grass: many thin lines that follow a slowly turning direction, the later over the earlier."""
    w, h = size
    image = Image.new("RGB", size, rgb(palette[0] * 0.7))
    draw = ImageDraw.Draw(image)
    directions = enlarge(rng.standard_normal((4, 4)).astype(np.float32), size) * rng.uniform(0.1, 0.8) + rng.uniform(0, 2 * np.pi)
    long = max(size) * rng.uniform(0.04, 0.2)
    count = int(rng.integers(200, 500))
    xs, ys = rng.integers(0, w, count), rng.integers(0, h, count)
    colours = (np.clip(ramp(rng.random(count).astype(np.float32), palette) + rng.normal(0, 0.06, (count, 1)), 0, 1) * 255).astype(int)
    thick = max(1, int(max(size) / rng.uniform(70, 220)))
    for x, y, colour, turn in zip(xs.tolist(), ys.tolist(), colours.tolist(), rng.normal(0, 0.2, count).tolist()):
        angle = float(directions[y, x]) + turn
        draw.line((x, y, x + long * np.cos(angle), y + long * np.sin(angle)), fill=tuple(colour), width=thick)
    return to_array(image)


def woven(rng: np.random.Generator, size: tuple[int, int], palette: np.ndarray) -> np.ndarray:
    """Cloth, nets, baskets, tiles, plaid: two crossing waves with shading and wear."""
    w, h = size
    angle, pitch = rng.uniform(0, np.pi), rng.uniform(5, 40)
    y, x = np.mgrid[0:h, 0:w].astype(np.float32) / max(size) + 0.02 * fractal(rng, size, 1.7, finest=48)
    u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    a, b = np.sin(2 * np.pi * u * pitch), np.sin(2 * np.pi * v * pitch * pick(rng, (1, 1, 0.5, 0.25)))
    field = pick(rng, (a * b, np.maximum(a, b), a + 0.5 * b, np.sign(a) * 0.5 + np.sign(b) * 0.5))
    return ramp(np.clip(0.5 + 0.4 * field + 0.1 * fractal(rng, size, 0.9), 0, 1), palette) * (1 + 0.12 * fractal(rng, size, 1.6, finest=48))[..., None]


def bricks(rng: np.random.Generator, size: tuple[int, int], palette: np.ndarray) -> np.ndarray:
    """Walls, paving, shelves, planks: rows of unequal stones with joints."""
    w, h = size
    image = Image.new("RGB", size, rgb(any_colour(rng) * 0.7))
    draw = ImageDraw.Draw(image)
    rows = int(rng.integers(4, 14))
    tall, joint = h / rows, max(1, int(h / rows * rng.uniform(0.04, 0.15)))
    for row in range(rows):
        x = -rng.random() * tall * 2
        while x < w:
            wide = tall * rng.uniform(1.5, 2.6)
            colour = one_of(rng, palette) * rng.uniform(0.8, 1.15)
            draw.rectangle((x, row * tall, x + wide - joint, (row + 1) * tall - joint), fill=rgb(colour))
            x += wide
    return to_array(image) * (1 + 0.15 * fractal(rng, size, rng.uniform(0.5, 1.2)))[..., None]


def spotted(rng: np.random.Generator, size: tuple[int, int], palette: np.ndarray) -> np.ndarray:
    """Patches of two textures with a sharp or soft border: lichen, cows, leopards, rust, melting snow."""
    over, under = cloudy(rng, size, palette), grainy(rng, size, natural_palette(rng))
    mask = fractal(rng, size, rng.uniform(1, 2)) - rng.normal(0, 0.7)
    return blend(under, over, ranks(mask, rng.uniform(2, 14)))


TEXTURES = (cloudy, grainy, drawn_out, veined, cellular, strokes, woven, bricks, spotted)
NATURAL = (cloudy, cloudy, grainy, drawn_out, strokes, cellular, spotted)
SKINS = (cloudy, grainy, drawn_out, veined, strokes, spotted, woven)


def texture(rng: np.random.Generator, size: tuple[int, int], among=TEXTURES, palette: np.ndarray | None = None) -> np.ndarray:
    """Returns a surface of any sort, in its own or the given colours."""
    size = (max(int(size[0]), 8), max(int(size[1]), 8))
    return np.clip(pick(rng, among)(rng, size, natural_palette(rng) if palette is None else palette), 0, 1)


def bent(rng: np.random.Generator, field: np.ndarray, amount: float) -> np.ndarray:
    """Moves the pixels of a field about, smoothly, by up to a share of its size."""
    h, w = field.shape[:2]
    y, x = np.mgrid[0:h, 0:w]
    shift = max(h, w) * amount / 2
    dx, dy = (enlarge(rng.standard_normal((5, 5)).astype(np.float32), (w, h)) * shift for _ in range(2))
    return field[np.clip(y + dy, 0, h - 1).astype(int), np.clip(x + dx, 0, w - 1).astype(int)]
