"""Photos: what a camera sees. Scenes are made of textures, things, light and depth; `camera.developed` takes each through a camera."""

import numpy as np
from PIL import Image, ImageDraw

from .. import text
from ..camera import canvas, developed
from ..drawing import any_colour, balanced, blend, blob, blurred, chance, fractal, hsv, jittered_corners, natural_palette, perspective, pick, polygon_mask, ramp, ranks, rgb, to_array, to_image, turned, visible
from ..scenery import backdrop, grass, ground_and_sky, leaves, patches, put, sky
from ..texture import NATURAL, bricks, cloudy, drawn_out, grainy, strokes, texture, veined, woven
from ..things import LIVING, MADE, THINGS, blossom, bug, creature, leaf, lump, person, plate, shaded, skin, thing, vehicle, vessel


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


def seamless(rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """Returns a ground without a horizon, as in a studio or near a wall: white, pale, coloured or dark, with a smooth change of light and hardly any texture."""
    w, h = size
    base = pick(rng, (np.full(3, rng.uniform(0.85, 1.05)), np.full(3, rng.uniform(0.85, 1.05)), any_colour(rng) * rng.uniform(0.6, 1.1), natural_palette(rng)[2], np.full(3, rng.uniform(0, 0.2))))
    slow = fractal(rng, size, rng.uniform(1.5, 2.2), finest=48) * rng.uniform(0, 0.05)
    fine = fractal(rng, size, rng.uniform(0.2, 1)) * rng.choice((0, 0.01, 0.03))
    across = np.linspace(-1, 1, w, dtype=np.float32)[None, :] * rng.normal(0, 0.06) + np.linspace(-1, 1, h, dtype=np.float32)[:, None] * rng.normal(0, 0.1)
    return to_image((base * (1 + slow + fine + across)[..., None]).astype(np.float32))


def flashed(rng: np.random.Generator, item: Image.Image) -> Image.Image:
    """Returns a thing in the light that a studio throws on it: its shadows are filled, and it is as bright as its ground."""
    light = to_image(np.clip(to_array(item.convert("RGB")), 0, 1) ** rng.uniform(0.35, 0.9) * rng.uniform(0.9, 1.25))
    light.putalpha(item.getchannel("A"))
    return light


def studio(rng: np.random.Generator) -> Image.Image:
    """One thing that stands free on a seamless ground, cut out or with its shadow: catalogues, portraits of insects, museum pieces."""
    size = canvas(rng)
    image = seamless(rng, size) if chance(rng, 0.75) else Image.new("RGB", size, (255, 255, 255))
    item = thing(rng, int(min(size) * rng.uniform(0.45, 0.98)), (*THINGS, bug, bug, lump, vessel))
    if chance(rng, 0.3):
        # The thing itself is pale, dark or of one colour.
        tint = to_image(to_array(item.convert("L"))[..., None] * any_colour(rng) * rng.uniform(0.8, 1.6))
        tint.putalpha(item.getchannel("A"))
        item = tint
    if chance(rng, 0.7):
        item = flashed(rng, item)
    if chance(rng, 0.3):
        item = item.rotate(rng.normal(0, 30), Image.Resampling.BILINEAR, expand=True)
    foot = (size[1] + item.height) / 2 + rng.normal(0, 0.05) * size[1]
    put(rng, image, item, size[0] * rng.uniform(0.4, 0.6), min(foot, size[1] * 1.05), pick(rng, (0, 0.2, 0.5)))
    return developed(rng, image)


def far_off(rng: np.random.Generator) -> Image.Image:
    """Something small in the midst of nothing much: a ship on the sea, a bird or a kite in the sky, a beetle on sand or on a wall."""
    size = canvas(rng)
    w, h = size
    sort = int(rng.integers(3))
    image = seamless(rng, size)
    if sort == 1:
        image = to_image(sky(rng, size))
    elif sort == 2:
        image = to_image(sky(rng, size))
        line, hue = int(h * rng.uniform(0.3, 0.8)), rng.normal(0.55, 0.1)
        ripples = fractal(rng, (w, h - line), rng.uniform(0.5, 1.3), stretch=rng.uniform(4, 14)) * rng.uniform(0.02, 0.2)
        image.paste(to_image(hsv(hue, rng.uniform(0, 0.6), rng.uniform(0.2, 0.7)) * (1 + ripples)[..., None]), (0, line))
    for _ in range(pick(rng, (1, 1, 1, 2, 6))):
        item = thing(rng, int(min(size) * rng.uniform(0.08, 0.35)), (*MADE, bug, bug, vehicle, person, creature))
        y = line + rng.uniform(0, 0.05) * h if sort == 2 else rng.uniform(0.3, 0.9) * h
        put(rng, image, item, w * rng.uniform(0.15, 0.85), y, 0 if sort == 1 else rng.uniform(0, 0.6))
    return developed(rng, image)


def flower_heart(rng: np.random.Generator) -> Image.Image:
    """The middle of a vivid flower from near: florets in spirals, petals that leave the frame, perhaps an insect on them."""
    size = canvas(rng)
    w, h = size
    image = backdrop(rng, size, rng.uniform(0.02, 0.06))
    draw = ImageDraw.Draw(image)
    cx, cy, radius = w * rng.uniform(-0.1, 1.1), h * rng.uniform(-0.1, 1.1), max(size) * rng.uniform(0.4, 1)
    hue, count = pick(rng, (0.13, 0.13, 0.02, 0.95, 0.85, 0.75, rng.random())), int(rng.integers(7, 34))
    for ring in range(int(rng.integers(1, 4))):
        for i in range(count):
            angle, long = 2 * np.pi * (i + 0.5 * ring) / count + rng.normal(0, 0.05), radius * (1 - 0.15 * ring)
            t = np.linspace(0, np.pi, 12)
            edge = np.stack([long * np.sin(t / 2), long * rng.uniform(2, 3.2) / count * np.sin(t)], axis=1)
            colour = hsv(hue + rng.normal(0, 0.012), rng.uniform(0.7, 1), rng.uniform(0.55, 1))
            for half, light in ((edge, 1.0), (edge * (1, -1), rng.uniform(0.75, 1))):
                draw.polygon([tuple(p) for p in (turned(half, angle) + (cx, cy)).tolist()], fill=rgb(colour * light))
    if chance(rng, 0.5):
        image = blurred(image, max(size) * rng.uniform(0, 0.02))
    draw = ImageDraw.Draw(image)
    heart, florets = radius * rng.uniform(0.2, 0.6), int(rng.integers(60, 420))
    tones = natural_palette(rng) if chance(rng, 0.4) else np.stack([hsv(hue - 0.05, 0.8, v) for v in (0.15, 0.35, 0.7)])
    for i in range(florets, 0, -1):
        # The golden angle, as in a sunflower (Vogel 1979).
        away, angle = heart * (i / florets) ** 0.5, i * 2.39996
        x, y, r = cx + away * np.cos(angle), cy + away * np.sin(angle), heart / florets**0.5 * rng.uniform(0.6, 1.2)
        colour = tones[int(rng.integers(len(tones)))] * rng.uniform(0.7, 1.2)
        draw.ellipse((x - r, y - r, x + r, y + r), fill=rgb(colour * 0.6))
        draw.ellipse((x - r * 0.6, y - r * 0.7, x + r * 0.5, y + r * 0.4), fill=rgb(colour))
    if chance(rng, 0.5):
        put(rng, image, bug(rng, int(min(size) * rng.uniform(0.15, 0.5))), w * rng.uniform(0.2, 0.8), h * rng.uniform(0.4, 0.9), 0.3)
    array = to_array(image) * (1 + 0.08 * fractal(rng, size, 1.2))[..., None]
    return developed(rng, to_image(array))


def lattice(rng: np.random.Generator) -> Image.Image:
    """A grating, fence, keyboard, tiling or front of windows in perspective, unevenly lit: made things that repeat, perhaps with something before them."""
    size = canvas(rng)
    w, h = size
    columns, rows, side = int(rng.integers(3, 18)), int(rng.integers(3, 18)), 384
    ground, cell = (skin(rng, (side, side)) * rng.uniform(0.3, 1), skin(rng, (side, side)) * rng.uniform(0.2, 1))
    mask = Image.new("L", (side, side))
    draw = ImageDraw.Draw(mask)
    share_x, share_y, form = rng.uniform(0.3, 0.92), rng.uniform(0.3, 0.92), int(rng.integers(4))
    for i in range(columns):
        for j in range(rows):
            if chance(rng, 0.03):
                continue
            x, y = (i + 0.5 + (0.25 if form == 3 and j % 2 else 0)) * side / columns, (j + 0.5) * side / rows
            box = (x - share_x * side / columns / 2, y - share_y * side / rows / 2, x + share_x * side / columns / 2, y + share_y * side / rows / 2)
            draw.ellipse(box, fill=255) if form == 0 else draw.rounded_rectangle(box, radius=0 if form == 1 else 4, fill=255)
    raised = rng.uniform(-0.5, 0.5)
    edge = np.roll(to_array(mask), (-2, -2), (0, 1)) - np.roll(to_array(mask), (2, 2), (0, 1))
    face = to_image(blend(ground, cell, to_array(blurred(mask, 0.6))) + (raised * edge)[..., None] * 0.6).convert("RGBA")
    if chance(rng, 0.25):
        marks = ImageDraw.Draw(face)
        for i in range(columns):
            for j in range(rows):
                marks.text(((i + 0.3) * side / columns, (j + 0.25) * side / rows), text.word(rng)[0], font=text.font(rng, "sans", side / rows * 0.45), fill=rgb(any_colour(rng)))
    image = backdrop(rng, size) if chance(rng, 0.4) else to_image(texture(rng, size))
    inset = rng.uniform(-0.35, 0.15)
    placed = perspective(face, jittered_corners(rng, size, inset, 0.16), size)
    image.paste(placed, (0, 0), placed.getchannel("A"))
    if chance(rng, 0.4):
        put(rng, image, thing(rng, int(min(size) * rng.uniform(0.3, 0.9))), w * rng.uniform(0.2, 0.8), h * rng.uniform(0.7, 1.1), 0.4)
    array = to_array(image) * (1 + 0.1 * fractal(rng, size, 1.3, finest=128))[..., None]
    return developed(rng, to_image(array))


def pale(rng: np.random.Generator) -> Image.Image:
    """White things in a white room: a bath, a fridge, crockery, snow, linen. All is in soft shades of nearly one tone."""
    size = canvas(rng)
    w, h = size
    tint = hsv(rng.random(), rng.uniform(0, 0.12), 1)
    array = np.ones((h, w), np.float32) * rng.uniform(0.6, 0.95) + fractal(rng, size, 1.8, finest=48) * 0.03
    for _ in range(int(rng.integers(3, 10))):
        # Each shape has its own even shade, a soft light across it, an edge that shines and one in shadow.
        sort = int(rng.integers(3))
        mask = Image.new("L", size)
        x0, y0, long, tall = rng.uniform(-0.3, 0.8) * w, rng.uniform(-0.3, 0.8) * h, rng.uniform(0.15, 0.9) * w, rng.uniform(0.15, 0.9) * h
        box = (x0, y0, x0 + long, y0 + tall)
        if sort == 0:
            ImageDraw.Draw(mask).ellipse(box, fill=255)
        elif sort == 1:
            ImageDraw.Draw(mask).rounded_rectangle(box, radius=min(long, tall) * rng.uniform(0, 0.4), fill=255)
        else:
            mask = polygon_mask(size, (blob(rng, 0.15) * 0.5 + 0.5) * (long, tall) + (x0, y0))
        inside, soft = to_array(blurred(mask, rng.uniform(0.4, 2))), to_array(blurred(mask, max(size) * rng.uniform(0.01, 0.06)))
        light = np.linspace(-1, 1, w, dtype=np.float32)[None, :] * rng.normal(0, 0.1) + np.linspace(-1, 1, h, dtype=np.float32)[:, None] * rng.normal(0, 0.12)
        array = array * (1 - rng.uniform(0, 0.35) * np.roll(soft, int(rng.integers(2, 9)), 0))
        array = array + (rng.uniform(0.55, 1) + light - (1 - soft) * rng.uniform(0, 0.4) - array) * inside
    image = to_image(array[..., None] * tint)
    for _ in range(pick(rng, (0, 1, 2, 4))):
        put(rng, image, thing(rng, int(min(size) * rng.uniform(0.06, 0.35)), MADE), w * rng.random(), h * rng.uniform(0.3, 1), 0.3)
    return developed(rng, image)


def display(rng: np.random.Generator) -> Image.Image:
    """Glowing digits, letters or tubes on something dark, out of the dark or blurred by their own light: clocks, signs, neon, gauges."""
    size = canvas(rng)
    w, h = size
    glow = Image.new("RGB", size)
    draw, hue = ImageDraw.Draw(glow), pick(rng, (0.0, 0.0, 0.35, 0.55, 0.1, rng.random()))
    for _ in range(int(rng.integers(1, 4))):
        colour = rgb(hsv(hue + rng.normal(0, 0.03), rng.uniform(0.5, 1), 1))
        content = text.number(rng) if chance(rng, 0.6) else text.word(rng).upper()
        draw.text((w * rng.uniform(0, 0.4), h * rng.uniform(0, 0.7)), content, font=text.font(rng, pick(rng, ("mono", "bold", "sans")), h * rng.uniform(0.12, 0.6)), fill=colour)
    for _ in range(pick(rng, (0, 0, 3, 8))):
        points = [(w * rng.random(), h * rng.random()) for _ in range(3)]
        draw.line(points, fill=rgb(hsv(rng.random(), rng.uniform(0.3, 1), 1)), width=int(rng.integers(1, 6)), joint="curve")
    glow = glow.rotate(rng.normal(0, 10), Image.Resampling.BILINEAR)
    dark = to_array(backdrop(rng, size)) * rng.uniform(0.02, 0.35)
    sharp, halo = to_array(blurred(glow, rng.uniform(0.3, 4))), to_array(blurred(glow, max(size) * rng.uniform(0.01, 0.08)))
    return developed(rng, to_image(dark + sharp * rng.uniform(0.7, 1.3) + halo * rng.uniform(0.3, 1.6)))


def bare_branches(rng: np.random.Generator) -> Image.Image:
    """Twigs, masts, cranes, wires or blades of grass against the sky or something bright and soft: dark lines that fork."""
    size = canvas(rng)
    w, h = size
    image = to_image(sky(rng, size)) if chance(rng, 0.6) else backdrop(rng, size, rng.uniform(0.02, 0.07))
    draw = ImageDraw.Draw(image)
    made, bark = chance(rng, 0.35), natural_palette(rng)[0] * rng.uniform(0.3, 1)
    ends = [(w * rng.uniform(0, 1), h * rng.uniform(0.9, 1.1), -np.pi / 2 + rng.normal(0, 0.3), h * rng.uniform(0.2, 0.45), max(size) * rng.uniform(0.01, 0.05)) for _ in range(int(rng.integers(1, 4)))]
    drawn = 0
    while ends and drawn < 260:
        x, y, angle, long, thick = ends.pop(0)
        drawn += 1
        tip = (x + long * np.cos(angle), y + long * np.sin(angle))
        draw.line((x, y, *tip), fill=rgb(bark * rng.uniform(0.7, 1.4)), width=max(1, int(thick)))
        if long > max(size) * 0.02:
            for _ in range(int(rng.integers(2, 4))):
                turn = pick(rng, (-np.pi / 2, 0, np.pi / 2, np.pi / 4)) if made else rng.normal(0, 0.5)
                ends.append((*tip, angle + turn, long * rng.uniform(0.5, 0.85), thick * 0.65))
    if chance(rng, 0.4):
        put(rng, image, thing(rng, int(min(size) * rng.uniform(0.1, 0.5)), (creature, person, lump, vehicle, vessel)), w * rng.uniform(0.1, 0.9), h * rng.uniform(0.5, 1), 0)
    return developed(rng, image)


def printed(rng: np.random.Generator) -> Image.Image:
    """Cloth, a mug, a wall or a parcel with a drawing or writing on it, in folds and shade: what is printed is flat, what it is on is not."""
    size = canvas(rng)
    w, h = size
    cloth = np.broadcast_to(any_colour(rng), (h, w, 3)).astype(np.float32) if chance(rng, 0.6) else skin(rng, size)
    print_ = Image.new("RGBA", size)
    draw, ink = ImageDraw.Draw(print_), [rgb(any_colour(rng)) for _ in range(3)]
    for _ in range(int(rng.integers(1, 6))):
        x, y, r = w * rng.uniform(0.25, 0.75), h * rng.uniform(0.25, 0.75), min(size) * rng.uniform(0.03, 0.2)
        sort = int(rng.integers(3))
        if sort == 0:
            draw.polygon([tuple(p) for p in (blob(rng, 0.3, 24) * r + (x, y)).tolist()], fill=(*pick(rng, ink), 255))
        elif sort == 1:
            draw.text((x - 2 * r, y), text.words(rng, int(rng.integers(1, 3))), font=text.font(rng, "bold", max(8, r)), fill=(*pick(rng, ink), 255))
        else:
            draw.ellipse((x - r, y - r, x + r, y + r), outline=(*pick(rng, ink), 255), width=max(1, int(r * 0.2)))
    array = blend(cloth, to_array(print_.convert("RGB")), to_array(print_.getchannel("A")) * rng.uniform(0.6, 1))
    folds = fractal(rng, size, rng.uniform(1.3, 2), stretch=rng.uniform(1, 5), angle=rng.uniform(0, np.pi), finest=128)
    array = array * (1 + rng.uniform(0.05, 0.25) * folds)[..., None]
    outline = polygon_mask(size, np.array([[0.12, 0.1], [0.35, 0.04], [0.65, 0.04], [0.88, 0.1], [0.98, 0.4], [0.84, 0.45], [0.82, 0.98], [0.18, 0.98], [0.16, 0.45], [0.02, 0.4]]) * (w, h)) if chance(rng, 0.5) else polygon_mask(size, (blob(rng, 0.1) * 0.48 + 0.5) * (w, h))
    image = pick(rng, (seamless, lambda rng, size: to_image(texture(rng, size)), backdrop))(rng, size)
    image.paste(shaded(rng, outline, array.astype(np.float32), gloss=0), (0, 0), outline)
    return developed(rng, image)


HELD_OUT = frozenset({"animal", "table", "textured_leaves", "flowers"})

RECIPES = {
    recipe.__name__: balanced(visible(recipe, 0.05), natural=True)
    for recipe in (
        animal, bare_branches, close_up, crowd, dead_leaves, display, far_off, flower_heart, flowers, foliage, fur, insect, landscape,
        lattice, mixed_textures, night, on_texture, pale, portrait, printed, product, room, shelf, sign, soft, street, studio, subject, table,
        texture_close_up, textured_leaves, water,
    )
}  # fmt: skip
