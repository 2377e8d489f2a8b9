"""Blank: nothing to see. Placeholders, empty pages, covered lenses."""

import functools

import numpy as np
from PIL import Image, ImageDraw

from ..drawing import Recipe, any_colour, balanced, blurred, chance, contrast, enlarge, fractal, frame, jpeg, pick, rgb, to_image, uneven_light

MOST_CONTRAST = 0.07
"""Standard deviation, as a share, above which a frame shows something (see `contrast`)."""


def flat(rng: np.random.Generator) -> np.ndarray:
    """Returns a frame of one colour: white, black, grey or any other."""
    w, h = frame(rng, 160, 640)
    colour = pick(rng, (np.ones(3), np.zeros(3), np.full(3, rng.random()), np.full(3, rng.random()), any_colour(rng), any_colour(rng)))
    return np.broadcast_to(colour, (h, w, 3)).astype(np.float32)


def speckled(rng: np.random.Generator, array: np.ndarray, strength: float) -> np.ndarray:
    """Adds grain: fine or coarse, grey or coloured."""
    h, w = array.shape[:2]
    if chance(rng, 0.5):
        return array + rng.standard_normal((h, w, pick(rng, (1, 3))), dtype=np.float32) * strength
    return array + fractal(rng, (w, h), rng.uniform(0, 0.6), finest=384)[..., None] * min(strength, 0.03)


def uniform(rng: np.random.Generator) -> Image.Image:
    """One colour all over: a placeholder, a failed render."""
    image = to_image(flat(rng))
    return jpeg(image, int(rng.integers(30, 95))) if chance(rng, 0.3) else image


def slope(rng: np.random.Generator) -> Image.Image:
    """A change of tone too faint to be a drawing: across, or from the middle."""
    array = flat(rng)
    h, w = array.shape[:2]
    if chance(rng, 0.5):
        return to_image(array * 0.96 + 0.02 + (uneven_light(rng, (w, h), rng.uniform(0.01, 0.12))[..., None] - 1))
    y, x = np.linspace(-1, 1, h, dtype=np.float32)[:, None], np.linspace(-1, 1, w, dtype=np.float32)[None, :]
    return to_image(array - (rng.uniform(0.01, 0.09) * (x * x + y * y))[..., None])


def grain(rng: np.random.Generator) -> Image.Image:
    """Noise over one tone: an underexposed frame, high sensitivity, a dead channel."""
    return to_image(speckled(rng, flat(rng) * 0.9 + 0.05, rng.uniform(0.005, 0.09)))


def empty_page(rng: np.random.Generator) -> Image.Image:
    """A scanned empty sheet: paper tint, grain, dust, a fold, a dark edge where the sheet ends, ghosts of the other side."""
    w, h = frame(rng, 240, 640, (0.707, 0.707, 0.77, 1.41))
    paper = np.array([1, 1 - rng.uniform(0, 0.05), 1 - rng.uniform(0, 0.16)], np.float32) * rng.uniform(0.75, 1)
    array = np.broadcast_to(paper, (h, w, 3)).astype(np.float32) * uneven_light(rng, (w, h), rng.uniform(0, 0.08))[..., None]
    array = speckled(rng, array, rng.uniform(0, 0.03))
    if chance(rng, 0.3):
        x = int(rng.uniform(0.1, 0.9) * w)
        array[:, x : x + max(1, w // 150)] *= rng.uniform(0.85, 0.97)
    image = to_image(array)
    draw = ImageDraw.Draw(image)
    for _ in range(pick(rng, (0, 3, 15, 40))):
        x, y, r = rng.random() * w, rng.random() * h, rng.uniform(0.3, 1.5)
        draw.ellipse((x - r, y - r, x + r, y + r), fill=rgb(paper * rng.uniform(0.4, 0.9)))
    if chance(rng, 0.3):
        side, deep = int(rng.integers(4)), rng.uniform(0.005, 0.03)
        edge = ((0, 0, w * deep, h), (w * (1 - deep), 0, w, h), (0, 0, w, h * deep), (0, h * (1 - deep), w, h))[side]
        draw.rectangle(edge, fill=rgb(np.full(3, rng.uniform(0, 0.6))))
    if chance(rng, 0.2):
        for i in range(int(rng.integers(2, 4))):
            y = h * rng.uniform(0.2, 0.8)
            draw.ellipse((w * 0.03, y, w * 0.03 + 8, y + 8), fill=(110, 110, 110))
    return image


def ruled_page(rng: np.random.Generator) -> Image.Image:
    """A sheet with nothing on it but faint rulings."""
    w, h = frame(rng, 240, 640, (0.707, 0.707, 1.41))
    image = Image.new("RGB", (w, h), rgb(np.array([1, 1, 1 - rng.uniform(0, 0.1)]) * rng.uniform(0.85, 1)))
    draw = ImageDraw.Draw(image)
    step, ink = max(6, h * rng.uniform(0.02, 0.05)), rgb(np.array([0.75, 0.82, 0.92]) * rng.uniform(0.95, 1.08))
    y = h * rng.uniform(0, 0.1)
    while y < h:
        draw.line((0, y, w, y), fill=ink)
        y += step
    return to_image(speckled(rng, np.asarray(image, np.float32) / 255, rng.uniform(0, 0.02)))


def covered_lens(rng: np.random.Generator) -> Image.Image:
    """What a covered or overexposed camera gives: nearly black, red through a finger, or nearly white, with noise and a glow."""
    w, h = frame(rng, 240, 640)
    base = pick(rng, (np.full(3, rng.uniform(0, 0.1)), np.array([rng.uniform(0.1, 0.6), rng.uniform(0, 0.1), rng.uniform(0, 0.06)]), np.full(3, rng.uniform(0.85, 1)), any_colour(rng) * 0.3))
    array = np.broadcast_to(base, (h, w, 3)).astype(np.float32)
    array = array * (1 + rng.uniform(0, 0.25) * enlarge(rng.standard_normal((3, 3)).astype(np.float32), (w, h)))[..., None]
    image = to_image(speckled(rng, array, rng.uniform(0, 0.05)))
    return jpeg(image, int(rng.integers(30, 90))) if chance(rng, 0.6) else image


def plain_wall(rng: np.random.Generator) -> Image.Image:
    """A photo of a wall, a sheet or a clear sky that fills the frame: one tone, uneven light, a trace of grain."""
    array = flat(rng) * 0.7 + rng.uniform(0.05, 0.25)
    h, w = array.shape[:2]
    mottled = fractal(rng, (w, h), rng.uniform(0.8, 1.8))[..., None] * rng.uniform(0, 0.012)
    return to_image(speckled(rng, array * uneven_light(rng, (w, h), rng.uniform(0, 0.1))[..., None] + mottled, rng.uniform(0, 0.02)))


def bars(rng: np.random.Generator) -> Image.Image:
    """An empty frame between bars of another tone, as a video that shows nothing."""
    array = flat(rng).copy()
    h, w = array.shape[:2]
    deep = rng.uniform(0.03, 0.14)
    tone = pick(rng, (0.0, 0.0, array[0, 0, 0] * 0.9))
    if chance(rng, 0.5):
        array[: int(h * deep)] = array[h - int(h * deep) :] = tone
    else:
        array[:, : int(w * deep)] = array[:, w - int(w * deep) :] = tone
    image = to_image(speckled(rng, array, rng.uniform(0, 0.03)))
    return blurred(image, 1) if chance(rng, 0.3) else image


def faint(recipe: Recipe) -> Recipe:
    """Wraps a recipe so that what it draws stays blank, whatever toning has made of a nearly black or white frame."""

    @functools.wraps(recipe)
    def drawn(rng: np.random.Generator) -> Image.Image:
        image = recipe(rng)
        excess = contrast(image) / MOST_CONTRAST
        if excess <= 1:
            return image
        array = np.asarray(image, dtype=np.float32) / 255
        mean = array.mean(axis=(0, 1))
        return to_image(mean + (array - mean) / excess)

    return drawn


HELD_OUT = frozenset({"plain_wall", "ruled_page"})

RECIPES = {recipe.__name__: faint(balanced(recipe)) for recipe in (covered_lens, empty_page, grain, plain_wall, ruled_page, slope, uniform)}
# Its bars are all it shows, and may be seen.
RECIPES["bars"] = balanced(bars)
