"""What surrounds the things in generated photos: grounds, backdrops out of focus, skies, leaves over leaves, grass, and shadows."""

import numpy as np
from PIL import Image, ImageDraw

from .drawing import any_colour, blend, blob, blurred, chance, fractal, hsv, natural_palette, one_of, perspective, pick, polygon_mask, ranks, rgb, to_array, to_image
from .texture import cloudy, texture


def patches(rng: np.random.Generator, size: tuple[int, int], count: int, sharpness: tuple[float, float] = (4, 40)) -> np.ndarray:
    """Returns several textures side by side, with natural borders between them."""
    array = texture(rng, size)
    for _ in range(count):
        mask = fractal(rng, size, rng.uniform(1.2, 2.2), finest=128) - rng.normal(0.3, 0.5)
        shadow = rng.uniform(0.5, 1)
        over = texture(rng, size) * rng.uniform(0.6, 1.2)
        soft = ranks(mask, rng.uniform(*sharpness))
        under = array * (1 - (1 - shadow) * np.roll(soft, 4, axis=(0, 1)))[..., None]
        array = blend(under, over, soft)
    return array


def leaves(rng: np.random.Generator, image: Image.Image, count: int, textured: float, smallest: float, largest: float) -> None:
    """Drops opaque shapes on an image until it is covered: the dead leaves model, sizes by a power law (Lee, Mumford, Huang 2001)."""
    w, h = image.size
    draw = ImageDraw.Draw(image)
    palettes = [natural_palette(rng) for _ in range(3)]
    # Radii by inverse transform of a density of r^-3.
    radii = 1 / np.sqrt(rng.uniform(1 / largest**2, 1 / smallest**2, count)) * max(w, h)
    form = pick(rng, ("ellipse", "blob", "box", "mixed", "mixed"))
    for r in radii.tolist():
        x, y = rng.uniform(-0.1, 1.1) * w, rng.uniform(-0.1, 1.1) * h
        shape = pick(rng, ("ellipse", "blob", "box")) if form == "mixed" else form
        palette = pick(rng, palettes)
        colour = one_of(rng, palette) * rng.uniform(0.5, 1.25)
        if r > 10 and chance(rng, textured):
            side = int(2 * r)
            if shape == "blob":
                mask = polygon_mask((side, side), (blob(rng, 0.25) * 0.5 + 0.5) * side)
            else:
                mask = Image.new("L", (side, side), 255 if shape == "box" else 0)
                if shape == "ellipse":
                    ImageDraw.Draw(mask).ellipse((0, 0, side - 1, side - 1), fill=255)
            face = texture(rng, (min(side, 96), min(side, 96)), palette=palette)
            face = to_image(face * rng.uniform(0.5, 1.2)).resize((side, side), Image.Resampling.BILINEAR)
            turn = rng.uniform(0, 360)
            image.paste(face.rotate(turn), (int(x - r), int(y - r)), mask.rotate(turn) if shape != "ellipse" else mask)
        elif shape == "ellipse":
            squeeze = rng.uniform(0.5, 1)
            draw.ellipse((x - r, y - r * squeeze, x + r, y + r * squeeze), fill=rgb(colour))
        else:
            points = blob(rng, 0.3, 24) * r if shape == "blob" else np.array([(-r, -r * 0.6), (r, -r * 0.6), (r, r * 0.6), (-r, r * 0.6)])
            turn = rng.uniform(0, np.pi)
            c, s = np.cos(turn), np.sin(turn)
            draw.polygon([(x + a * c - b * s, y + a * s + b * c) for a, b in points.tolist()], fill=rgb(colour))


def backdrop(rng: np.random.Generator, size: tuple[int, int], blur: float | None = None) -> Image.Image:
    """Returns what is behind a subject: textures, leaves, lights or a plain wall, out of focus by a share of the size."""
    sort = int(rng.integers(5))
    small = (max(32, size[0] // 2), max(32, size[1] // 2))
    if sort == 0:
        image = to_image(patches(rng, small, 1))
    elif sort == 1:
        image = to_image(texture(rng, small))
        leaves(rng, image, 120, 0.0, 0.02, 0.3)
    elif sort == 2:
        a, b = natural_palette(rng, 2) if chance(rng, 0.6) else (any_colour(rng), any_colour(rng))
        y = np.linspace(0, 1, small[1], dtype=np.float32)[:, None, None]
        image = to_image(a + (b - a) * y + fractal(rng, small, 1.6, finest=64)[..., None] * 0.04)
    elif sort == 3:
        image = to_image(cloudy(rng, small, natural_palette(rng)))
    else:
        image = ground_and_sky(rng, small)
    blur = rng.uniform(0, 0.05) if blur is None else blur
    return blurred(image.resize(size, Image.Resampling.BICUBIC), blur * max(size))


def ground_and_sky(rng: np.random.Generator, size: tuple[int, int], horizon: float | None = None) -> Image.Image:
    """Returns a floor that recedes to a horizon, and a wall or a sky behind it."""
    w, h = size
    line = int(h * (rng.uniform(0.25, 0.7) if horizon is None else horizon))
    image = to_image(sky(rng, size) if chance(rng, 0.5) else texture(rng, size) * rng.uniform(0.5, 1.1))
    floor = to_image(texture(rng, (w, h)))
    spread = rng.uniform(0.2, 1.5) * w
    image.paste(perspective(floor, ((0, line), (w, line), (w + spread, h), (-spread, h)), size, (90, 90, 90)).crop((0, line, w, h)), (0, line))
    return image


def sky(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """Returns a sky: blue, grey, or of the evening, with or without clouds."""
    w, h = size
    top = hsv(rng.normal(0.59, 0.03), rng.uniform(0.05, 0.8), rng.uniform(0.35, 0.95))
    bottom = hsv(rng.normal(0.58, 0.04), rng.uniform(0, 0.35), rng.uniform(0.7, 1)) if chance(rng, 0.7) else hsv(rng.uniform(0, 0.12), rng.uniform(0.2, 0.9), rng.uniform(0.6, 1))
    array = top + (bottom - top) * np.linspace(0, 1, h, dtype=np.float32)[:, None, None] * np.ones((1, w, 1), np.float32)
    if chance(rng, 0.6):
        cloud = np.clip(fractal(rng, size, rng.uniform(1.3, 1.9), stretch=rng.uniform(1, 4)) - rng.normal(0.2, 0.6), 0, 1)
        array = blend(array, np.full_like(array, rng.uniform(0.6, 1)), cloud * rng.uniform(0.3, 1))
    return array


def put(rng: np.random.Generator, image: Image.Image, item: Image.Image, x: float, y: float, shadow: float) -> None:
    """Stands a thing on a point of the image (the middle of its foot), with a soft shadow below it."""
    w, h = item.size
    left, top = int(x - w / 2), int(y - h)
    if shadow > 0 and w > 8 and h > 8:
        dark = Image.new("L", image.size)
        flat = item.getchannel("A").resize((w, max(3, int(h * rng.uniform(0.1, 0.3)))))
        dark.paste(flat, (left + int(rng.normal(0, 0.08) * w), int(y - flat.height * rng.uniform(0.45, 0.8))))
        dark = blurred(dark, max(1.0, w * rng.uniform(0.01, 0.06)))
        image.paste((0, 0, 0), (0, 0), dark.point(lambda v: int(v * shadow)))
    image.paste(item, (left, top), item.getchannel("A"))


def grass(rng: np.random.Generator, image: Image.Image, y: float, tall: float) -> None:
    """Draws blades that grow from below into the picture, before what is behind them."""
    draw = ImageDraw.Draw(image)
    hue = rng.uniform(0.1, 0.35)
    for _ in range(int(rng.integers(40, 160))):
        x, lean = rng.uniform(0, image.width), rng.normal(0, 0.3) * tall
        colour = rgb(hsv(hue + rng.normal(0, 0.02), rng.uniform(0.2, 0.8), rng.uniform(0.15, 0.8)))
        draw.line((x, image.height, x + lean, y - tall * rng.uniform(0.3, 1)), fill=colour, width=int(rng.integers(1, 4)))
