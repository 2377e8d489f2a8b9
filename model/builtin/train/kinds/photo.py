"""Photos: what a camera sees. Scenes are made of textures, things, light and depth; `developed` takes each through a camera."""

import numpy as np
from PIL import Image, ImageDraw

from .. import text
from ..drawing import any_colour, balanced, blend, blob, blurred, chance, fractal, frame, hsv, jittered_corners, jpeg, natural_palette, one_of, perspective, pick, polygon_mask, ramp, ranks, rgb, to_array, to_image, visible
from ..texture import NATURAL, bricks, cloudy, drawn_out, grainy, strokes, texture, veined, woven
from ..things import LIVING, MADE, THINGS, blossom, bug, creature, leaf, lump, person, plate, shaded, skin, thing, vehicle, vessel

LOW, HIGH = 224, 400
"""Range of the longer side of a photo. Larger ones are drawn no better, only slower."""


def developed(rng: np.random.Generator, image: Image.Image) -> Image.Image:
    """Takes a scene through a camera: light, lens, sensor, colour balance, tone curve, sharpening, and what its owner added."""
    w, h = image.size
    array = to_array(image.convert("RGB"))
    y, x = np.linspace(-1, 1, h, dtype=np.float32)[:, None], np.linspace(-1, 1, w, dtype=np.float32)[None, :]
    if chance(rng, 0.5):
        array = array * (1 + rng.normal(0, 0.2) * x + rng.normal(0, 0.2) * y)[..., None]
    if chance(rng, 0.3):
        array = array * (1 - rng.uniform(0, 0.45) * (x * x + y * y) ** 1.2)[..., None]
    array = array * np.exp(rng.normal(0, 0.05, 3)).astype(np.float32)
    # Few things are as vivid as paint.
    grey = array @ np.array([0.3, 0.59, 0.11], np.float32)
    array = grey[..., None] + (array - grey[..., None]) * np.float32(rng.uniform(0.35, 1.05))
    # Exposure that uses what the sensor has, more often than not: some pixels nearly black and some nearly white.
    if chance(rng, 0.7):
        dark, bright = np.percentile(array[::4, ::4], (rng.uniform(0.2, 4), 100 - rng.uniform(0.2, 4)))
        dark *= rng.uniform(0.6, 1)
        array = (array - dark) / max(bright - dark, 0.15) * rng.uniform(0.85, 1.05)
    array = np.clip(array, 0, 1.2) ** np.exp(rng.normal(0.05, 0.25))
    array = (array - 0.5) * np.exp(rng.normal(0.05, 0.15)) + 0.5 + rng.normal(0, 0.03)
    if chance(rng, 0.1):
        array = np.broadcast_to(array @ np.array([0.3, 0.59, 0.11], np.float32)[:, None], array.shape) * (hsv(0.1, 0.25, 1) if chance(rng, 0.3) else 1)
    if chance(rng, 0.7):
        # One field, moved about, is three that look independent.
        grain = rng.standard_normal((h, w), dtype=np.float32) * np.float32(rng.gamma(1.5, 0.012))
        coloured = np.float32(rng.uniform(0, 0.8))
        array = array + np.stack([grain, grain + coloured * np.roll(grain, (7, 19), (0, 1)), grain + coloured * np.roll(grain, (23, 5), (0, 1))], axis=2)
    image = to_image(array)
    if chance(rng, 0.12):
        image = blurred(image, rng.uniform(0.5, 3))
    if chance(rng, 0.12):
        signature(rng, image)
    if chance(rng, 0.05):
        image = framed(rng, image)
    return jpeg(image, int(rng.integers(35, 96))) if chance(rng, 0.5) else image


def signature(rng: np.random.Generator, image: Image.Image) -> None:
    """Writes a date, a credit or a watermark into a photo."""
    w, h = image.size
    size = h * pick(rng, (0.04, 0.05, 0.12))
    place = pick(rng, ((0.03, 0.92), (0.6, 0.92), (0.3, 0.45), (0.03, 0.03)))
    colour = pick(rng, ((255, 150, 30), (255, 255, 255), (240, 240, 240), (20, 20, 20), (230, 40, 40)))
    ImageDraw.Draw(image).text((place[0] * w, place[1] * h), text.words(rng, int(rng.integers(1, 4))), font=text.font(rng, "sans", size), fill=colour)


def framed(rng: np.random.Generator, image: Image.Image) -> Image.Image:
    """Puts a plain border around a photo, as prints and slides have."""
    w, h = image.size
    margin = int(min(w, h) * rng.uniform(0.01, 0.08))
    out = Image.new("RGB", (w + 2 * margin, h + margin * pick(rng, (2, 2, 4))), pick(rng, ((255, 255, 255), (0, 0, 0), (240, 235, 220), rgb(any_colour(rng)))))
    out.paste(image, (margin, margin))
    return out


def canvas(rng: np.random.Generator) -> tuple[int, int]:
    """Returns the size of a photo."""
    return frame(rng, LOW, HIGH)


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


def texture_close_up(rng: np.random.Generator) -> Image.Image:
    """A surface that fills the frame."""
    return developed(rng, to_image(texture(rng, canvas(rng))))


def mixed_textures(rng: np.random.Generator) -> Image.Image:
    """Several surfaces that meet along natural borders."""
    size = canvas(rng)
    return developed(rng, to_image(patches(rng, size, int(rng.integers(1, 4)))))


def dead_leaves(rng: np.random.Generator) -> Image.Image:
    """Opaque discs, boxes and blobs of plain colours that hide one another, of all sizes."""
    size = canvas(rng)
    image = to_image(texture(rng, size))
    leaves(rng, image, int(rng.integers(120, 600)), 0.0, rng.uniform(0.004, 0.02), rng.uniform(0.15, 0.5))
    array = to_array(image) * (1 + rng.uniform(0.03, 0.2) * fractal(rng, size, 1.0))[..., None]
    return developed(rng, to_image(array))


def textured_leaves(rng: np.random.Generator) -> Image.Image:
    """Dead leaves whose larger shapes have textures of their own."""
    size = canvas(rng)
    image = to_image(texture(rng, size))
    leaves(rng, image, int(rng.integers(15, 45)), 0.9, rng.uniform(0.02, 0.06), rng.uniform(0.3, 0.7))
    return developed(rng, image)


def subject(rng: np.random.Generator) -> Image.Image:
    """One thing, sharp, before a background out of focus."""
    size = canvas(rng)
    image = backdrop(rng, size, rng.uniform(0.005, 0.06))
    item = thing(rng, int(min(size) * rng.uniform(0.4, 1.15)))
    put(rng, image, item, size[0] * rng.uniform(0.3, 0.7), size[1] * rng.uniform(0.75, 1.05), rng.uniform(0, 0.5))
    return developed(rng, image)


def close_up(rng: np.random.Generator) -> Image.Image:
    """One or two things from so near that the frame cuts them off."""
    size = canvas(rng)
    image = backdrop(rng, size)
    for _ in range(pick(rng, (1, 1, 2))):
        item = thing(rng, int(min(size) * rng.uniform(0.9, 1.5)))
        # Enlarged at last, which costs less than drawing it so large.
        item = item.resize([int(side * 1.3) for side in item.size], Image.Resampling.BILINEAR)
        put(rng, image, item, size[0] * rng.uniform(0.2, 0.8), size[1] * rng.uniform(0.9, 1.4), rng.uniform(0, 0.4))
    return developed(rng, image)


def shelf(rng: np.random.Generator) -> Image.Image:
    """Rows of goods, books or tools on shelves, or hung on a wall: many made things side by side, with labels."""
    size = canvas(rng)
    w, h = size
    image = to_image(texture(rng, size, (veined, cloudy, bricks, woven)) * rng.uniform(0.2, 0.9))
    draw = ImageDraw.Draw(image)
    rows = int(rng.integers(2, 6))
    tall = h / rows
    sorts = tuple(pick(rng, MADE) for _ in range(int(rng.integers(1, 4))))
    stamps = [thing(rng, int(tall * rng.uniform(0.6, 0.9)), sorts) for _ in range(int(rng.integers(3, 8)))]
    books = chance(rng, 0.3)
    wood = rgb(any_colour(rng) * rng.uniform(0.3, 1))
    for row in range(rows):
        y, x = (row + 1) * tall, rng.uniform(0, 0.05) * w
        draw.rectangle((0, y - tall * 0.08, w, y), fill=wood)
        while x < w:
            if books:
                wide = tall * rng.uniform(0.06, 0.25)
                draw.rectangle((x, y - tall * rng.uniform(0.6, 0.92), x + wide, y - tall * 0.08), fill=rgb(any_colour(rng) * rng.uniform(0.5, 1)), outline=(25, 20, 20))
                draw.line((x + wide * 0.2, y - tall * 0.4, x + wide * 0.8, y - tall * 0.4), fill=rgb(any_colour(rng)), width=2)
            else:
                stamp = pick(rng, stamps)
                wide = stamp.width * rng.uniform(0.8, 1.2)
                image.paste(stamp, (int(x), int(y - tall * 0.08 - stamp.height)), stamp.getchannel("A"))
                if chance(rng, 0.3):
                    draw.rectangle((x, y - tall * 0.07, x + wide * 0.5, y - 1), fill=(240, 240, 225))
            x += wide
    if chance(rng, 0.4):
        image = perspective(image.convert("RGBA"), jittered_corners(rng, size, -0.1, 0.1), size).convert("RGB")
    if chance(rng, 0.25):
        put(rng, image, person(rng, int(h * rng.uniform(0.6, 1))), w * rng.uniform(0.2, 0.8), h * rng.uniform(0.95, 1.2), 0.2)
    array = to_array(image) * (1 + 0.12 * fractal(rng, size, 1.2, finest=128))[..., None]
    return developed(rng, to_image(array))


def insect(rng: np.random.Generator) -> Image.Image:
    """A bug on a leaf, a flower, sand or a plain ground, from near."""
    size = canvas(rng)
    image = backdrop(rng, size, rng.uniform(0, 0.04))
    if chance(rng, 0.5):
        perch = pick(rng, (leaf, blossom, lump))(rng, int(max(size) * rng.uniform(0.5, 1.2)))
        put(rng, image, perch, size[0] * rng.uniform(0.3, 0.7), size[1] * rng.uniform(0.8, 1.3), 0.3)
    for _ in range(pick(rng, (1, 1, 1, 2, 4))):
        item = bug(rng, int(min(size) * rng.uniform(0.25, 0.95)))
        put(rng, image, item, size[0] * rng.uniform(0.3, 0.7), size[1] * rng.uniform(0.6, 1), rng.uniform(0, 0.6))
    return developed(rng, image)


def animal(rng: np.random.Generator) -> Image.Image:
    """An animal or a bird, or some, standing on the ground."""
    size = canvas(rng)
    image = ground_and_sky(rng, size)
    if chance(rng, 0.5):
        image = blurred(image, max(size) * rng.uniform(0, 0.03))
    for _ in range(pick(rng, (1, 1, 1, 2, 3))):
        put(rng, image, thing(rng, int(min(size) * rng.uniform(0.4, 1)), LIVING), size[0] * rng.uniform(0.25, 0.75), size[1] * rng.uniform(0.75, 1), rng.uniform(0.1, 0.6))
    if chance(rng, 0.3):
        grass(rng, image, size[1] * rng.uniform(0.85, 1), size[1] * rng.uniform(0.05, 0.25))
    return developed(rng, image)


def grass(rng: np.random.Generator, image: Image.Image, y: float, tall: float) -> None:
    """Draws blades that grow from below into the picture, before what is behind them."""
    draw = ImageDraw.Draw(image)
    hue = rng.uniform(0.1, 0.35)
    for _ in range(int(rng.integers(40, 160))):
        x, lean = rng.uniform(0, image.width), rng.normal(0, 0.3) * tall
        colour = rgb(hsv(hue + rng.normal(0, 0.02), rng.uniform(0.2, 0.8), rng.uniform(0.15, 0.8)))
        draw.line((x, image.height, x + lean, y - tall * rng.uniform(0.3, 1)), fill=colour, width=int(rng.integers(1, 4)))


def product(rng: np.random.Generator) -> Image.Image:
    """Things on a white or plain ground with a soft shadow, as in shops and catalogues: photos all the same."""
    size = canvas(rng)
    ground = np.full(3, rng.uniform(0.9, 1), np.float32) if chance(rng, 0.7) else any_colour(rng)
    array = np.broadcast_to(ground, (size[1], size[0], 3)).astype(np.float32)
    if chance(rng, 0.5):
        array = array * np.linspace(1, rng.uniform(0.75, 1), size[1], dtype=np.float32)[:, None, None]
    image = to_image(array)
    count = pick(rng, (1, 1, 1, 1, 2, 3, 5))
    among = pick(rng, (THINGS, MADE, LIVING))
    for i in range(count):
        item = thing(rng, int(min(size) * rng.uniform(0.5, 0.95) / count**0.4), among)
        put(rng, image, item, size[0] * ((i + 0.5) / count + rng.normal(0, 0.04)), size[1] * rng.uniform(0.8, 0.97), rng.uniform(0, 0.5))
    return developed(rng, image)


def table(rng: np.random.Generator) -> Image.Image:
    """Made things together on a table before a wall."""
    size = canvas(rng)
    image = ground_and_sky(rng, size, rng.uniform(0.2, 0.5))
    for depth in np.sort(rng.random(int(rng.integers(3, 9)))):
        item = thing(rng, int(min(size) * rng.uniform(0.2, 0.5) * (0.7 + 0.6 * depth)), MADE if chance(rng, 0.8) else (lump, plate))
        put(rng, image, item, size[0] * rng.uniform(0.05, 0.95), size[1] * (0.5 + 0.48 * depth), rng.uniform(0.2, 0.6))
    return developed(rng, image)


def room(rng: np.random.Generator) -> Image.Image:
    """A room in perspective: floor, ceiling, walls with pictures and windows, furniture."""
    size = canvas(rng)
    w, h = size
    image = Image.new("RGB", size)
    l, r = rng.uniform(0.05, 0.4) * w, rng.uniform(0.6, 0.95) * w
    t, b = rng.uniform(0.05, 0.3) * h, rng.uniform(0.55, 0.85) * h
    wall = skin(rng, (128, 128))
    for corners, surface in (
        (((l, t), (r, t), (r, b), (l, b)), wall),
        (((0, 0), (l, t), (l, b), (0, h)), wall * rng.uniform(0.5, 0.95)),
        (((r, t), (w, 0), (w, h), (r, b)), wall * rng.uniform(0.5, 1.1)),
        (((0, 0), (w, 0), (r, t), (l, t)), np.broadcast_to(np.float32(rng.uniform(0.5, 1)), (16, 16, 3))),
        (((l, b), (r, b), (w, h), (0, h)), texture(rng, (160, 160), (veined, woven, bricks, cloudy, grainy))),
    ):
        face = to_image(surface).convert("RGBA")
        if chance(rng, 0.4) and face.width > 100:
            inner = to_image(texture(rng, (48, 48)) if chance(rng, 0.5) else np.clip(sky(rng, (48, 48)) * 1.3, 0, 1))
            x, y = int(rng.uniform(8, 70)), int(rng.uniform(8, 50))
            face.paste((40, 30, 20, 255), (x - 4, y - 4, x + 52, y + 52))
            face.paste(inner, (x, y))
        placed = perspective(face, corners, size)
        image.paste(placed, (0, 0), placed.getchannel("A"))
    for depth in np.sort(rng.random(int(rng.integers(2, 7)))):
        item = thing(rng, int(h * rng.uniform(0.2, 0.5) * (0.6 + 0.6 * depth)), (*MADE, person))
        put(rng, image, item, rng.uniform(0.05, 0.95) * w, b + (h - b) * depth, rng.uniform(0.2, 0.6))
    return developed(rng, image)


def street(rng: np.random.Generator) -> Image.Image:
    """Buildings with windows, a road, cars, people and signs under a sky."""
    size = canvas(rng)
    w, h = size
    image = ground_and_sky(rng, size, 0.7)
    image.paste(to_image(sky(rng, (w, int(h * 0.7)))), (0, 0))
    x = -rng.uniform(0, 0.2) * w
    while x < w:
        wide, tall = rng.uniform(0.12, 0.5) * w, rng.uniform(0.2, 0.75) * h
        facade = to_image(texture(rng, (96, 128), (bricks, grainy, cloudy, woven)) * rng.uniform(0.5, 1.1)).convert("RGBA")
        draw = ImageDraw.Draw(facade)
        columns, rows = int(rng.integers(2, 7)), int(rng.integers(2, 9))
        for i in range(columns):
            for j in range(rows):
                pane = rgb(hsv(0.58, rng.uniform(0, 0.3), rng.uniform(0.05, 0.9)))
                draw.rectangle(((i + 0.2) * 96 / columns, (j + 0.2) * 128 / rows, (i + 0.75) * 96 / columns, (j + 0.8) * 128 / rows), fill=pane, outline=(60, 60, 60))
        lean = rng.normal(0, 0.06) * h
        placed = perspective(facade, ((x, 0.72 * h - tall + lean), (x + wide, 0.72 * h - tall - lean), (x + wide, 0.74 * h), (x, 0.74 * h)), size)
        image.paste(placed, (0, 0), placed.getchannel("A"))
        x += wide * rng.uniform(0.7, 1.1)
    for depth in np.sort(rng.random(int(rng.integers(1, 6)))):
        item = thing(rng, int(h * rng.uniform(0.15, 0.3) * (0.6 + depth)), (vehicle, vehicle, person, person, vessel))
        put(rng, image, item, rng.uniform(0, 1) * w, h * (0.76 + 0.22 * depth), 0.5)
    return developed(rng, image)


def foliage(rng: np.random.Generator) -> Image.Image:
    """Leaves over leaves: dark and soft behind, light and sharp in front."""
    size = canvas(rng)
    image = backdrop(rng, size, 0.03)
    stamps = [leaf(rng, int(max(size) * rng.uniform(0.06, 0.25))) for _ in range(10)]
    for depth in np.linspace(0.3, 1, int(rng.integers(60, 160))):
        stamp = pick(rng, stamps)
        image.paste(stamp.convert("RGB").point(lambda v: int(v * depth)), (int(rng.uniform(-0.1, 1) * size[0]), int(rng.uniform(-0.1, 1) * size[1])), stamp.getchannel("A"))
    for _ in range(pick(rng, (0, 0, 1, 4))):
        put(rng, image, thing(rng, int(min(size) * rng.uniform(0.15, 0.5)), (blossom, lump, bug, creature)), size[0] * rng.random(), size[1] * rng.uniform(0.4, 1), 0)
    return developed(rng, image)


def flowers(rng: np.random.Generator) -> Image.Image:
    """One blossom from near, or many in a bed."""
    size = canvas(rng)
    image = backdrop(rng, size, rng.uniform(0.01, 0.06))
    count = pick(rng, (1, 1, 3, 8, 20))
    if chance(rng, 0.5):
        grass(rng, image, size[1] * rng.uniform(0.3, 0.9), size[1] * 0.3)
    stamps = [blossom(rng, int(min(size) * rng.uniform(0.5, 1.1) / count**0.5)) for _ in range(min(count, 3))]
    for _ in range(count):
        put(rng, image, pick(rng, stamps), size[0] * rng.uniform(0.1, 0.9), size[1] * rng.uniform(0.4, 1.1), 0.2)
    return developed(rng, image)


def landscape(rng: np.random.Generator) -> Image.Image:
    """Ridges that fade into the distance under a sky, with water, fields or trees before them."""
    size = canvas(rng)
    w, h = size
    array = sky(rng, size)
    haze = array[h // 2].mean(axis=0)
    base = rng.uniform(0.3, 0.55)
    steps = int(rng.integers(2, 6))
    y = np.arange(h, dtype=np.float32)[:, None]
    for i in range(steps):
        near = (i + 1) / steps
        ridge = fractal(rng, (w, 8), rng.uniform(1.2, 2), finest=512)[0] * h * 0.06 * rng.uniform(0.3, 1.5)
        level = h * (base + (0.95 - base) * (i / steps) ** 1.2)
        mask = np.clip(y - level - ridge[None, :], 0, 1)
        surface = texture(rng, size, NATURAL) * rng.uniform(0.4, 1)
        array = blend(array, haze + (surface - haze) * near, mask)
    image = to_image(array)
    if chance(rng, 0.3):
        put(rng, image, thing(rng, int(h * rng.uniform(0.1, 0.4))), w * rng.uniform(0.2, 0.8), h * rng.uniform(0.7, 0.95), 0.4)
    return developed(rng, image)


def water(rng: np.random.Generator) -> Image.Image:
    """Water with waves and glints to the horizon or all over, perhaps something on it or in it."""
    size = canvas(rng)
    w, h = size
    waves = fractal(rng, size, rng.uniform(0.7, 1.3), stretch=rng.uniform(3, 12), angle=rng.normal(0, 0.08))
    hue = rng.normal(0.53, 0.08)
    deep, light = hsv(hue, rng.uniform(0.2, 0.9), rng.uniform(0.1, 0.5)), hsv(hue, rng.uniform(0.05, 0.5), rng.uniform(0.5, 1))
    array = ramp(ranks(waves, rng.uniform(0.6, 2)), np.stack([deep, (deep + light) / 2, light]))
    array = array + (np.clip(waves - rng.uniform(1, 2.5), 0, 1) * rng.uniform(0, 1))[..., None]
    if chance(rng, 0.6):
        line = int(h * rng.uniform(0.15, 0.6))
        array[:line] = sky(rng, (w, line))
        if chance(rng, 0.5):
            shore = int(h * rng.uniform(0.02, 0.15))
            array[max(0, line - shore) : line] = texture(rng, (w, line - max(0, line - shore)), NATURAL)[: line - max(0, line - shore)] * 0.6
    image = to_image(array)
    for _ in range(pick(rng, (0, 1, 1, 3))):
        put(rng, image, thing(rng, int(min(size) * rng.uniform(0.1, 0.7))), w * rng.random(), h * rng.uniform(0.6, 0.95), 0.3)
    return developed(rng, image)


def night(rng: np.random.Generator) -> Image.Image:
    """Lights, sharp or as discs out of focus, in the dark; a subject lit by a flash, perhaps."""
    size = canvas(rng)
    image = to_image(texture(rng, size) * rng.uniform(0.02, 0.25))
    glow = Image.new("RGB", size)
    draw = ImageDraw.Draw(glow)
    hue = rng.random()
    for _ in range(int(rng.integers(3, 60))):
        r = max(size) * rng.uniform(0.003, 0.05)
        x, y = rng.random() * size[0], rng.random() * size[1]
        draw.ellipse((x - r, y - r, x + r, y + r), fill=rgb(hsv(hue + rng.normal(0, 0.12), rng.uniform(0.1, 0.9), rng.uniform(0.4, 1))))
    halo = to_array(blurred(glow, max(size) * rng.uniform(0.01, 0.06)))
    image = to_image(to_array(image) + to_array(blurred(glow, rng.uniform(0, 3))) * rng.uniform(0.4, 1) + halo * rng.uniform(0.5, 2))
    if chance(rng, 0.5):
        put(rng, image, thing(rng, int(min(size) * rng.uniform(0.3, 1))), size[0] * rng.uniform(0.3, 0.7), size[1] * rng.uniform(0.8, 1.05), 0)
    return developed(rng, image)


def crowd(rng: np.random.Generator) -> Image.Image:
    """Many things of one or two sorts: a market, a herd, a team, a shelf."""
    size = canvas(rng)
    image = ground_and_sky(rng, size) if chance(rng, 0.6) else to_image(texture(rng, size))
    sorts = (pick(rng, THINGS), pick(rng, THINGS), person)
    count = int(rng.integers(8, 36))
    sized = min(size) * rng.uniform(0.15, 0.4)
    stamps = [thing(rng, int(sized * rng.uniform(0.7, 1.3)), (pick(rng, sorts),)) for _ in range(min(count, 7))]
    rows = chance(rng, 0.35)
    for i in range(count):
        depth = i / count
        across = (i * 0.382) % 1 if rows else rng.random()
        stamp = pick(rng, stamps)
        if chance(rng, 0.5):
            stamp = stamp.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        put(rng, image, stamp, size[0] * across, size[1] * (0.3 + 0.75 * depth), 0)
    return developed(rng, image)


def portrait(rng: np.random.Generator) -> Image.Image:
    """Head and shoulders: a face with eyes, nose, mouth and hair before a background out of focus."""
    size = canvas(rng)
    w, h = size
    image = backdrop(rng, size, rng.uniform(0, 0.05))
    r = min(size) * rng.uniform(0.15, 0.36)
    cx, cy = w * rng.uniform(0.35, 0.65), h * rng.uniform(0.35, 0.55)
    flesh = hsv(rng.uniform(0.03, 0.09), rng.uniform(0.2, 0.65), rng.uniform(0.25, 0.98))
    hair = natural_palette(rng) * rng.uniform(0.2, 0.8)

    def layer(points, surface):
        mask = polygon_mask(size, points)
        item = shaded(rng, mask, surface, gloss=rng.uniform(0, 0.15))
        image.paste(item, (0, 0), mask)

    circle = blob(rng, 0.02)
    layer(blob(rng, 0.08) * (r * 1.35, r * 1.7) + (cx, cy + r * rng.uniform(-0.3, 0.5)), strokes(rng, size, hair))
    layer(np.array([[-1.9, 4], [-1.7, 1.7], [-0.4, 1.2], [0.4, 1.2], [1.7, 1.7], [1.9, 4]]) * r + (cx, cy), skin(rng, size))
    face = np.clip(flesh + fractal(rng, size, 1.4, finest=96)[..., None] * 0.03, 0, 1).astype(np.float32)
    layer(np.array([[-0.35, 0.6], [0.35, 0.6], [0.4, 1.4], [-0.4, 1.4]]) * r + (cx, cy), face * 0.8)
    layer(circle / np.abs(circle).max(axis=0) * (r * 0.8, r * 1.05) + (cx, cy), face)
    draw = ImageDraw.Draw(image)
    turn = rng.normal(0, 0.12) * r
    for side in (-1, 1):
        ex, ey = cx + turn + side * 0.32 * r, cy - 0.1 * r
        draw.ellipse((ex - 0.13 * r, ey - 0.06 * r, ex + 0.13 * r, ey + 0.06 * r), fill=(225, 220, 215))
        draw.ellipse((ex - 0.06 * r, ey - 0.06 * r, ex + 0.06 * r, ey + 0.06 * r), fill=(35, 25, 20))
        draw.line((ex - 0.16 * r, ey - 0.17 * r, ex + 0.16 * r, ey - 0.19 * r), fill=rgb(hair[0]), width=max(1, int(0.05 * r)))
    draw.polygon([(cx + turn, cy), (cx + turn - 0.12 * r, cy + 0.3 * r), (cx + turn + 0.1 * r, cy + 0.3 * r)], fill=rgb(flesh * 0.82))
    draw.ellipse((cx + turn - 0.25 * r, cy + 0.48 * r, cx + turn + 0.25 * r, cy + 0.6 * r), fill=rgb(flesh * (0.85, 0.5, 0.5)))
    fringe = polygon_mask(size, blob(rng, 0.15) * (r * 0.85, r * 0.45) + (cx, cy - r * 0.85))
    image.paste(to_image(strokes(rng, size, hair)), (0, 0), fringe)
    if chance(rng, 0.4):
        image = blurred(image, rng.uniform(0.3, 1.5))
    return developed(rng, image)


def sign(rng: np.random.Generator) -> Image.Image:
    """A sign, label, poster or book that hangs, stands or lies somewhere, in perspective: text in a photo."""
    size = canvas(rng)
    image = backdrop(rng, size) if chance(rng, 0.5) else to_image(patches(rng, size, 1))
    paint = any_colour(rng, True) if chance(rng, 0.7) else np.full(3, rng.uniform(0.7, 1), np.float32)
    board = to_image(np.clip(paint + fractal(rng, (192, 128), 1.3, finest=64)[..., None] * 0.05, 0, 1)).convert("RGBA")
    draw = ImageDraw.Draw(board)
    ink = (255, 255, 255) if paint.mean() < 0.5 else rgb(any_colour(rng) * 0.4)
    for i in range(int(rng.integers(1, 4))):
        draw.text((rng.uniform(8, 40), 8 + i * 38), text.words(rng, int(rng.integers(1, 3))), font=text.font(rng, "bold", rng.uniform(20, 44)), fill=ink)
    if chance(rng, 0.5):
        draw.rectangle((3, 3, 188, 124), outline=ink, width=3)
    placed = perspective(board, jittered_corners(rng, size, rng.uniform(0.12, 0.3), 0.1), size)
    image.paste(placed, (0, 0), placed.getchannel("A"))
    if chance(rng, 0.5):
        put(rng, image, thing(rng, int(min(size) * rng.uniform(0.3, 0.7))), size[0] * rng.random(), size[1] * rng.uniform(0.8, 1.05), 0.3)
    return developed(rng, image)


def fur(rng: np.random.Generator) -> Image.Image:
    """A coat of fur or feathers from near, with folds of shade, perhaps with an eye or a nose in it."""
    size = canvas(rng)
    palette = natural_palette(rng)
    array = strokes(rng, size, palette) if chance(rng, 0.7) else drawn_out(rng, size, palette)
    array = array * (1 + 0.3 * fractal(rng, size, 1.8, finest=64))[..., None]
    if chance(rng, 0.4):
        array = blend(array, strokes(rng, size, natural_palette(rng)), ranks(fractal(rng, size, 1.8, finest=96), 8))
    image = to_image(array)
    draw = ImageDraw.Draw(image)
    for _ in range(pick(rng, (0, 0, 1, 2))):
        r = min(size) * rng.uniform(0.03, 0.09)
        x, y = size[0] * rng.uniform(0.2, 0.8), size[1] * rng.uniform(0.2, 0.8)
        for grow, tone in ((1.25, 0.05), (1, rng.uniform(0.2, 0.7)), (0.55, 0.02)):
            draw.ellipse((x - r * grow, y - r * grow, x + r * grow, y + r * grow), fill=rgb(hsv(rng.uniform(0.05, 0.15), 0.6, tone)))
    return developed(rng, image)


def on_texture(rng: np.random.Generator) -> Image.Image:
    """A few things lying on a textured ground that is as sharp as they are."""
    size = canvas(rng)
    image = to_image(texture(rng, size))
    for _ in range(int(rng.integers(1, 6))):
        put(rng, image, thing(rng, int(min(size) * rng.uniform(0.2, 0.9))), size[0] * rng.uniform(0.15, 0.85), size[1] * rng.uniform(0.4, 1.05), rng.uniform(0, 0.5))
    return developed(rng, image)


def soft(rng: np.random.Generator) -> Image.Image:
    """Nearly everything out of focus, or in mist: large soft shapes with little detail, yet no plain ground."""
    size = canvas(rng)
    image = to_image(patches(rng, size, 2, (1, 6)))
    leaves(rng, image, 25, 0.0, 0.05, 0.4)
    image = blurred(image, max(size) * rng.uniform(0.01, 0.05))
    if chance(rng, 0.4):
        put(rng, image, thing(rng, int(min(size) * rng.uniform(0.3, 0.8))), size[0] * rng.uniform(0.3, 0.7), size[1], 0)
    return developed(rng, image)


HELD_OUT = frozenset({"animal", "table", "textured_leaves", "flowers"})

RECIPES = {
    recipe.__name__: balanced(visible(recipe, 0.05), natural=True)
    for recipe in (
        animal, close_up, crowd, dead_leaves, flowers, foliage, fur, insect, landscape, mixed_textures, night, on_texture, portrait,
        product, room, shelf, sign, soft, street, subject, table, texture_close_up, textured_leaves, water,
    )
}  # fmt: skip
