"""Things that generated photos show: shaded, textured shapes with transparent surroundings (RGBA), cut to their size."""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

from . import text
from .drawing import any_colour, blob, chance, enlarge, fractal, hsv, natural_palette, perspective, pick, polygon_mask, ramp, rgb, to_array, to_image, turned
from .texture import SKINS, texture

Thing = Callable[[np.random.Generator, int], Image.Image]


def shaded(rng: np.random.Generator, mask: Image.Image, surface: np.ndarray, gloss: float | None = None) -> Image.Image:
    """Returns a surface cut out by a mask and lit from one side as if it bulged: shadow, light, and a highlight if glossy."""
    w, h = mask.size
    alpha = to_array(mask)
    height = np.zeros((h, w), np.float32)
    for cells in (4, 9, 20):
        small = np.asarray(Image.fromarray(alpha, mode="F").resize((min(cells, w), min(cells, h)), Image.Resampling.BOX))
        height += enlarge(small, (w, h))
    height += 0.05 * fractal(rng, (w, h), 1.5, finest=64)
    dy, dx = np.gradient(height * max(w, h) * 0.25)
    angle = rng.uniform(-np.pi, 0)
    length = np.sqrt(1 + dx * dx + dy * dy)
    light = (-(dx * np.cos(angle) + dy * np.sin(angle)) * 0.75 + 0.66) / length
    ambient = rng.uniform(0.3, 0.7)
    lit = surface * (ambient + (1.15 - ambient) * np.clip(light, 0, 1.2) * 1.25)[..., None]
    gloss = rng.uniform(0, 0.7) * chance(rng, 0.5) if gloss is None else gloss
    if gloss:
        lit = lit + (gloss * np.clip(light, 0, 1) ** 14)[..., None]
    out = to_image(lit)
    out.putalpha(mask)
    return out


def skin(rng: np.random.Generator, size: tuple[int, int], palette: np.ndarray | None = None) -> np.ndarray:
    """Returns what a thing is covered with: textured, or nearly of one colour."""
    if chance(rng, 0.45):
        base = any_colour(rng, chance(rng, 0.25)) if palette is None else palette[len(palette) // 2]
        return np.clip(base + (fractal(rng, size, 1.3, finest=64) * rng.uniform(0.01, 0.1))[..., None], 0, 1)
    return texture(rng, size, SKINS, palette)[: size[1], : size[0]]  # it makes no less than 8 pixels a side


def lump(rng: np.random.Generator, size: int) -> Image.Image:
    """A fruit, stone, loaf, cushion: a rough blob."""
    points = (blob(rng, rng.uniform(0.03, 0.45)) * 0.48 + 0.5) * size
    return shaded(rng, polygon_mask((size, size), points), skin(rng, (size, size)))


def vessel(rng: np.random.Generator, size: int) -> Image.Image:
    """A bottle, vase, lamp, chess piece, cup: a solid of revolution with bands, glints and perhaps a label."""
    w = max(24, int(size * rng.uniform(0.3, 0.9)))
    knots = np.clip(rng.uniform(0.15, 1, int(rng.integers(3, 8))), 0, 1)
    y = np.linspace(0, 1, size)
    profile = np.interp(y, np.linspace(0, 1, len(knots)), knots)
    smooth = max(1, int(size * rng.uniform(0.01, 0.15)))
    profile = np.convolve(np.pad(profile, smooth, mode="edge"), np.ones(2 * smooth + 1) / (2 * smooth + 1), mode="valid")[:size]
    x = np.linspace(-1, 1, w, dtype=np.float32)[None, :]
    across = x / (profile[:, None].astype(np.float32) + 1e-3)
    inside = np.clip((1 - np.abs(across)) * w * 0.5 * profile[:, None], 0, 1)
    bands = np.interp(y, np.sort(rng.random(6)), rng.random(6))[:, None, None].astype(np.float32)
    surface = ramp(np.round(bands[..., 0] * rng.integers(2, 7)) / 6 + 0 * x, natural_palette(rng)) if chance(rng, 0.5) else skin(rng, (w, size))
    if chance(rng, 0.4):
        a, b = sorted(rng.integers(int(size * 0.2), int(size * 0.9), 2))
        if b - a > 12:
            label = Image.new("RGB", (w, int(b - a)), rgb(any_colour(rng)))
            for row in range(2, int(b - a) - 6, max(7, int(b - a) // 3)):
                ImageDraw.Draw(label).text((w * rng.uniform(0.2, 0.4), row), text.word(rng), font=text.font(rng, "bold", max(7, (b - a) // 4)), fill=rgb(any_colour(rng)))
            surface = surface.copy()
            surface[a:b] = to_array(label)
    turn = np.clip(across, -1, 1)
    side = rng.uniform(-0.7, 0.7)
    light = np.sqrt(np.clip(1 - (turn - side) ** 2 / (1 + abs(side)) ** 2, 0, 1))
    glint = np.exp(-(((turn - side * rng.uniform(0.5, 1.2)) / rng.uniform(0.04, 0.15)) ** 2)) * rng.uniform(0, 0.9)
    out = to_image(surface * (0.25 + 0.85 * light)[..., None] + glint[..., None])
    out.putalpha(to_image(inside * rng.uniform(0.75, 1)))
    return out


def box(rng: np.random.Generator, size: int) -> Image.Image:
    """A carton, cupboard, building block, machine: three visible faces, each with its own light and things on it."""
    dx, dy = rng.uniform(0.15, 0.45), rng.uniform(0.08, 0.3)
    left = chance(rng, 0.5)
    front = ((0, dy), (1 - dx, dy), (1 - dx, 1), (0, 1))
    top = ((0, dy), (dx, 0), (1, 0), (1 - dx, dy))
    side = ((1 - dx, dy), (1, 0), (1, 1 - dy), (1 - dx, 1))
    tall = max(20, int(size * rng.uniform(0.5, 1.1)))
    out = Image.new("RGBA", (size, tall))
    base = skin(rng, (64, 64))
    for corners, light in ((top, rng.uniform(0.9, 1.3)), (side, rng.uniform(0.3, 0.7)), (front, rng.uniform(0.7, 1))):
        face = to_image(np.clip(base * light, 0, 1)).convert("RGBA")
        if corners is not top and chance(rng, 0.7):
            face = face.resize((96, 96))
            details(rng, face)
        placed = [((1 - x if left else x) * (size - 1), y * (tall - 1)) for x, y in corners]
        out.alpha_composite(perspective(face, placed, out.size))
    return out


def details(rng: np.random.Generator, face: Image.Image) -> None:
    """Draws windows, doors, knobs, dials, prints and screws on the face of a made thing."""
    draw = ImageDraw.Draw(face)
    w, h = face.size
    for _ in range(int(rng.integers(1, 5))):
        colour, x, y = rgb(any_colour(rng) * rng.uniform(0.2, 1)), rng.uniform(0.05, 0.8) * w, rng.uniform(0.05, 0.8) * h
        sort = int(rng.integers(5))
        if sort == 0:
            draw.rectangle((x, y, x + w * rng.uniform(0.1, 0.5), y + h * rng.uniform(0.1, 0.5)), fill=colour, outline=rgb(any_colour(rng) * 0.4))
        elif sort == 1:
            r = w * rng.uniform(0.03, 0.16)
            draw.ellipse((x, y, x + 2 * r, y + 2 * r), fill=colour, outline=(20, 20, 20))
        elif sort == 2:
            step = w * rng.uniform(0.06, 0.2)
            for i in range(int(rng.integers(2, 6))):
                for j in range(int(rng.integers(1, 6))):
                    draw.rectangle((x + i * step, y + j * step, x + (i + 0.6) * step, y + (j + 0.7) * step), fill=colour)
        elif sort == 3:
            draw.text((x, y), text.word(rng), font=text.font(rng, "bold", h * rng.uniform(0.1, 0.3)), fill=colour)
        else:
            for i in range(int(rng.integers(2, 9))):
                draw.line((0, y + i * h * 0.05, w, y + i * h * 0.05), fill=colour, width=1)


def gadget(rng: np.random.Generator, size: int) -> Image.Image:
    """A telephone, radio, remote control, case: a rounded flat body with details, seen a little from the side."""
    w, h = size, max(24, int(size * rng.uniform(0.35, 1)))
    mask = Image.new("L", (w * 2, h * 2))
    ImageDraw.Draw(mask).rounded_rectangle((2, 2, w * 2 - 3, h * 2 - 3), radius=h * rng.uniform(0.05, 0.7), fill=255)
    mask = mask.reduce(2)
    face = to_image(skin(rng, (w, h)) * rng.uniform(0.2, 1))
    for _ in range(2):
        details(rng, face)
    body = shaded(rng, mask, to_array(face), gloss=rng.uniform(0, 0.8))
    return body.rotate(rng.normal(0, 25), Image.Resampling.BILINEAR, expand=True)


def creature(rng: np.random.Generator, size: int) -> Image.Image:
    """An animal seen from the side: body, head, legs, tail, ears and eye under one coat, with lighter and darker parts."""
    s = size
    mask = Image.new("L", (s * 2, s * 2))
    draw = ImageDraw.Draw(mask)
    legs, body_h = rng.uniform(0.1, 0.45), rng.uniform(0.18, 0.4)
    y0 = 0.92 - legs - body_h
    x0, x1 = rng.uniform(0.08, 0.2), rng.uniform(0.68, 0.85)
    shapes = [("e", x0, y0, x1, y0 + body_h)]
    head = rng.uniform(0.14, 0.3)
    hx, hy = x1 - head * rng.uniform(0.2, 0.8), y0 - head * rng.uniform(-0.2, 0.9)
    shapes.append(("e", hx, hy, min(0.99, hx + head * rng.uniform(1, 1.4)), hy + head))
    if chance(rng, 0.7):
        shapes.append(("e", hx + head * 0.5, hy + head * 0.35, min(1, hx + head * 1.7), hy + head * 0.9))
    for box_ in [b for b in shapes]:
        draw.ellipse([v * s * 2 for v in box_[1:]], fill=255)
    draw.line((x1 * s * 1.8, (y0 + body_h * 0.5) * s * 2, (hx + head / 2) * s * 2, (hy + head / 2) * s * 2), fill=255, width=int(head * s * 1.2))
    for i in range(pick(rng, (2, 4, 4))):
        x = (x0 + (x1 - x0) * (0.12 + 0.25 * i)) + rng.normal(0, 0.02)
        thick = max(3, int(s * rng.uniform(0.05, 0.12)))
        knee = x + rng.normal(0, 0.04)
        draw.line([(x * s * 2, (y0 + body_h * 0.7) * s * 2), (knee * s * 2, (0.92 - legs * 0.4) * s * 2), ((x + rng.normal(0, 0.03)) * s * 2, 0.97 * s * 2)], fill=255, width=thick, joint="curve")
    tail = [((x0 + 0.03) * s * 2, (y0 + body_h * 0.3) * s * 2)]
    for _ in range(3):
        tail.append((tail[-1][0] - s * rng.uniform(0, 0.14), tail[-1][1] + s * rng.normal(0, 0.15)))
    draw.line(tail, fill=255, width=max(3, int(s * rng.uniform(0.02, 0.1))), joint="curve")
    for _ in range(2):
        ex = (hx + head * rng.uniform(0.1, 0.6)) * s * 2
        draw.polygon([(ex, hy * s * 2 + head * s * 0.5), (ex + s * 0.1, hy * s * 2 + head * s * 0.5), (ex + s * rng.uniform(0, 0.1), hy * s * 2 - s * rng.uniform(0.02, 0.2))], fill=255)
    mask = mask.reduce(2)
    coat = skin(rng, (s, s))
    under = np.linspace(rng.uniform(0.9, 1.2), rng.uniform(0.5, 1.1), s, dtype=np.float32)[:, None, None]
    out = shaded(rng, mask, np.clip(coat * under, 0, 1), gloss=0)
    eye = max(1.0, s * rng.uniform(0.012, 0.03))
    cx, cy = (hx + head * 0.6) * s, (hy + head * 0.4) * s
    face = ImageDraw.Draw(out)
    face.ellipse((cx - eye, cy - eye, cx + eye, cy + eye), fill=(12, 10, 8, 255))
    return out.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if chance(rng, 0.5) else out


def bug(rng: np.random.Generator, size: int) -> Image.Image:
    """An ant, bee, beetle, spider: segments in a row, jointed legs, feelers, wings, seen from above or from the side."""
    s = size
    out = Image.new("RGBA", (s, s))
    colour = hsv(pick(rng, (0.02, 0.06, 0.1, 0.13, rng.random())), rng.uniform(0.1, 0.95), rng.uniform(0.03, 0.6))
    legs = ImageDraw.Draw(out)
    thin = max(1, int(s * rng.uniform(0.008, 0.025)))
    middle = 0.5 + rng.normal(0, 0.04)
    for side in (-1, 1):
        for i in range(pick(rng, (3, 3, 3, 4))):
            x = middle + (i - 1) * rng.uniform(0.04, 0.1)
            knee = (x + (i - 1) * rng.uniform(0.04, 0.14), 0.5 + side * rng.uniform(0.12, 0.25))
            foot = (knee[0] + (i - 1) * rng.uniform(0.02, 0.16), knee[1] + side * rng.uniform(0.05, 0.22))
            legs.line([(x * s, 0.5 * s), (knee[0] * s, knee[1] * s), (foot[0] * s, foot[1] * s)], fill=(*rgb(colour * 0.7), 255), width=thin, joint="curve")
        start = (0.78 * s, 0.5 * s)
        legs.line([start, (0.9 * s, (0.5 + side * rng.uniform(0.03, 0.12)) * s), (0.99 * s, (0.5 + side * rng.uniform(0.05, 0.25)) * s)], fill=(*rgb(colour * 0.6), 255), width=thin)
    for x, rx, ry in ((0.28, rng.uniform(0.12, 0.26), rng.uniform(0.08, 0.19)), (middle, rng.uniform(0.08, 0.13), rng.uniform(0.05, 0.12)), (0.74, rng.uniform(0.05, 0.1), rng.uniform(0.05, 0.11))):
        w, h = max(8, int(2 * rx * s)), max(8, int(2 * ry * s))
        mask = Image.new("L", (w * 2, h * 2))
        ImageDraw.Draw(mask).ellipse((0, 0, w * 2 - 1, h * 2 - 1), fill=255)
        surface = np.broadcast_to(colour * rng.uniform(0.7, 1.3), (h, w, 3)).copy()
        if chance(rng, 0.4):
            bands = (np.sin(np.linspace(0, rng.uniform(6, 25), w)) > 0).astype(np.float32)[None, :, None]
            surface = surface * (1 - bands) + bands * hsv(0.12, rng.uniform(0.3, 1), rng.uniform(0.4, 0.95))
        surface = surface + (fractal(rng, (w, h), 0.6, finest=48) * rng.uniform(0, 0.1))[..., None]
        out.alpha_composite(shaded(rng, mask.reduce(2), np.clip(surface, 0, 1).astype(np.float32)), (max(0, int((x - rx) * s)), max(0, int((0.5 - ry) * s))))
    if chance(rng, 0.45):
        for side in (-1, 1):
            wing = turned(blob(rng, 0.1) * (0.22 * s, 0.1 * s), side * rng.uniform(0.3, 0.9)) + ((middle - 0.15) * s, (0.5 + side * 0.14) * s)
            veil = Image.new("RGBA", (s, s), (*rgb(hsv(rng.random(), 0.15, 0.9)), 0))
            veil.putalpha(polygon_mask((s, s), wing).point(lambda v, a=rng.uniform(0.25, 0.7): int(v * a)))
            out.alpha_composite(veil)
    return out.rotate(rng.uniform(0, 360), Image.Resampling.BILINEAR, expand=True)


def blossom(rng: np.random.Generator, size: int) -> Image.Image:
    """A flower from the front: rings of petals with veins, and a grainy heart."""
    s = size
    out = Image.new("RGBA", (s, s))
    hue, petals = rng.random(), int(rng.integers(4, 17))
    for ring in range(int(rng.integers(1, 4))):
        long = s * 0.48 * (1 - 0.25 * ring)
        wide = long * min(0.9, rng.uniform(2.2, 4.5) / petals)
        for i in range(petals):
            angle = 2 * np.pi * (i + 0.5 * ring) / petals + rng.normal(0, 0.06)
            t = np.linspace(0, np.pi, 14)
            shape = np.stack([long * np.sin(t / 2) ** 1.3, wide * 0.5 * np.sin(t) ** 0.8], axis=1)
            shape = np.concatenate([shape, shape[::-1] * (1, -1)])
            light = rng.uniform(0.55, 1) * (1 + 0.12 * ring)
            colour = hsv(hue + rng.normal(0, 0.01), rng.uniform(0.25, 0.9), light)
            points = turned(shape, angle) + s / 2
            draw = ImageDraw.Draw(out)
            draw.polygon([tuple(p) for p in points.tolist()], fill=(*rgb(colour), 255))
            tip = turned(np.array([[long, 0.0]]), angle)[0] * 0.95 + s / 2
            for k in range(-1, 2):
                end = tip + rng.normal(0, wide * 0.12, 2) + k * np.array([-np.sin(angle), np.cos(angle)]) * wide * 0.2
                draw.line((s / 2, s / 2, *end.tolist()), fill=(*rgb(colour * rng.uniform(0.7, 0.9)), 255), width=1)
    heart = max(8, int(s * rng.uniform(0.12, 0.35)))
    mask = Image.new("L", (heart, heart))
    ImageDraw.Draw(mask).ellipse((0, 0, heart - 1, heart - 1), fill=255)
    out.alpha_composite(shaded(rng, mask, texture(rng, (heart, heart), SKINS[1:2], natural_palette(rng))), ((s - heart) // 2, (s - heart) // 2))
    return out


def leaf(rng: np.random.Generator, size: int) -> Image.Image:
    """A leaf: pointed, with a rib and veins, one half lighter than the other."""
    s = size
    h = max(12, int(s * rng.uniform(0.25, 0.7)))
    t = np.linspace(0, np.pi, 20)
    edge = np.stack([(1 - np.cos(t)) / 2 * s, h / 2 * np.sin(t) ** rng.uniform(0.6, 1.6)], axis=1)
    out = Image.new("RGBA", (s, h))
    draw = ImageDraw.Draw(out)
    colour = hsv(rng.normal(0.28, 0.06) if chance(rng, 0.75) else rng.uniform(0, 0.15), rng.uniform(0.3, 0.9), rng.uniform(0.2, 0.85))
    for sign, light in ((1, 1.0), (-1, rng.uniform(0.6, 0.95))):
        draw.polygon([(x, h / 2 + sign * y) for x, y in edge.tolist()], fill=(*rgb(colour * light), 255))
    rib = (*rgb(colour * rng.uniform(1.1, 1.6)), 255)
    draw.line((0, h / 2, s, h / 2), fill=rib, width=max(1, s // 50))
    for i in range(1, 8):
        x = s * i / 8
        reach = h / 2 * np.sin(np.pi * i / 8) * 0.9
        draw.line((x, h / 2, x + reach * 0.6, h / 2 - reach), fill=rib, width=1)
        draw.line((x, h / 2, x + reach * 0.6, h / 2 + reach), fill=rib, width=1)
    return out.rotate(rng.uniform(0, 360), Image.Resampling.BILINEAR, expand=True)


def person(rng: np.random.Generator, size: int) -> Image.Image:
    """Somebody standing, sitting or walking: head with hair, trunk, arms and legs in clothes of two colours."""
    s, w = size, max(24, int(size * rng.uniform(0.35, 0.6)))
    out = Image.new("RGBA", (w, s))
    flesh = hsv(rng.uniform(0.04, 0.09), rng.uniform(0.25, 0.65), rng.uniform(0.25, 0.95))

    def part(points, surface, width=None):
        mask = Image.new("L", (w * 2, s * 2))
        draw = ImageDraw.Draw(mask)
        scaled = [(x * w * 2, y * s * 2) for x, y in points]
        if width:
            draw.line(scaled, fill=255, width=max(2, int(width * w * 2)), joint="curve")
        elif len(scaled) == 2:
            draw.ellipse((*scaled[0], *scaled[1]), fill=255)
        else:
            draw.polygon(scaled, fill=255)
        out.alpha_composite(shaded(rng, mask.reduce(2), surface, gloss=0))

    trousers, shirt = skin(rng, (w, s)), skin(rng, (w, s))
    bare = np.broadcast_to(flesh, (s, w, 3)).astype(np.float32)
    for x in (0.4, 0.6):
        part([(x, 0.5), (x + rng.normal(0, 0.08), 0.75), (x + rng.normal(0, 0.1), 0.98)], trousers, rng.uniform(0.14, 0.24))
    part([(0.27, 0.2), (0.73, 0.2), (0.68, 0.55), (0.32, 0.55)], shirt)
    for x, side in ((0.28, -1), (0.72, 1)):
        elbow = (x + side * rng.uniform(0, 0.2), rng.uniform(0.3, 0.42))
        part([(x, 0.22), elbow, (elbow[0] + rng.normal(0, 0.15), elbow[1] + rng.uniform(-0.15, 0.15))], shirt if chance(rng, 0.6) else bare, 0.12)
    part([(0.37, 0.02), (0.63, 0.19)], bare)
    hair = hsv(rng.uniform(0, 0.12), rng.uniform(0.1, 0.7), rng.uniform(0.03, 0.6))
    part([(0.35, 0.0), (0.65, 0.09)], np.broadcast_to(hair, (s, w, 3)).astype(np.float32))
    return out


def bits(rng: np.random.Generator, size: int) -> Image.Image:
    """A tool, toy or machine made of several parts: bars, discs and blobs of different stuff, put together."""
    out = Image.new("RGBA", (size, size))
    for _ in range(int(rng.integers(2, 7))):
        w, h = (max(10, int(size * v)) for v in rng.uniform(0.1, 0.75, 2))
        sort = int(rng.integers(4))
        if sort == 0:
            part = shaded(rng, polygon_mask((w, h), (blob(rng, 0.2) * 0.48 + 0.5) * (w, h)), skin(rng, (w, h)))
        elif sort == 1:
            mask = Image.new("L", (w * 2, w * 2))
            ring = ImageDraw.Draw(mask)
            ring.ellipse((0, 0, w * 2 - 1, w * 2 - 1), fill=255)
            if chance(rng, 0.5):
                hole = w * rng.uniform(0.2, 0.8)
                ring.ellipse((w - hole, w - hole, w + hole, w + hole), fill=0)
            part = shaded(rng, mask.reduce(2), skin(rng, (w, w)))
        else:
            h = max(6, h // pick(rng, (1, 3, 6)))
            part = shaded(rng, Image.new("L", (w, h), 255), skin(rng, (w, h)))
            part = part.rotate(pick(rng, (0, 0, 90, rng.uniform(0, 180))), Image.Resampling.BILINEAR, expand=True)
        x, y = (max(0, int(rng.uniform(0, max(1, size - side)))) for side in part.size)
        out.alpha_composite(part, (x, y))
    return out


def bird(rng: np.random.Generator, size: int) -> Image.Image:
    """A bird: drop-shaped body, folded wing, tail, head, beak and eye, in feathers of several tones."""
    s = size
    palette = natural_palette(rng)
    out = Image.new("RGBA", (s, s))
    for points, tint in (
        (np.array([[0.3, 0.55], [0.0, 0.8], [0.04, 0.88], [0.4, 0.68]]), 0.7),
        (blob(rng, 0.05) * (0.26, 0.2) + (0.5, 0.55), 1.0),
        (turned(blob(rng, 0.08) * (0.2, 0.1), -0.3) + (0.42, 0.55), 0.75),
        (blob(rng, 0.04) * (0.12, 0.12) + (0.72, 0.33), 1.05),
    ):
        mask = polygon_mask((s, s), points * s)
        out.alpha_composite(shaded(rng, mask, np.clip(texture(rng, (s, s), (SKINS[4], SKINS[0], SKINS[2]), palette) * tint, 0, 1), gloss=0))
    draw = ImageDraw.Draw(out)
    beak = (*rgb(hsv(rng.uniform(0.05, 0.15), rng.uniform(0.1, 0.9), rng.uniform(0.15, 0.9))), 255)
    draw.polygon([(0.82 * s, 0.29 * s), (rng.uniform(0.88, 0.99) * s, 0.35 * s), (0.82 * s, 0.37 * s)], fill=beak)
    draw.ellipse((0.74 * s, 0.28 * s, 0.78 * s, 0.32 * s), fill=(8, 8, 8, 255))
    for x in (0.46, 0.54):
        draw.line((x * s, 0.72 * s, (x + rng.normal(0, 0.03)) * s, 0.95 * s), fill=beak, width=max(1, s // 60))
    return out.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if chance(rng, 0.5) else out


def plate(rng: np.random.Generator, size: int) -> Image.Image:
    """A plate or bowl of food, seen from above at a slant."""
    h = max(20, int(size * rng.uniform(0.4, 1)))
    out = Image.new("RGBA", (size, h))
    for grow, light in ((1.0, rng.uniform(0.6, 1)), (0.75, rng.uniform(0.5, 0.95))):
        w2, h2 = int(size * grow), int(h * grow)
        mask = Image.new("L", (w2 * 2, h2 * 2))
        ImageDraw.Draw(mask).ellipse((0, 0, w2 * 2 - 1, h2 * 2 - 1), fill=255)
        face = np.clip(hsv(rng.random(), rng.uniform(0, 0.25), light) + fractal(rng, (w2, h2), 1.5, finest=48)[..., None] * 0.02, 0, 1)
        out.alpha_composite(shaded(rng, mask.reduce(2), face), ((size - w2) // 2, (h - h2) // 2))
    for _ in range(int(rng.integers(2, 10))):
        part = lump(rng, max(10, int(size * rng.uniform(0.1, 0.4))))
        part = part.resize((part.width, max(6, int(part.height * h / size))))
        x, y = rng.normal(0.5, 0.13) * size - part.width / 2, rng.normal(0.5, 0.13) * h - part.height / 2
        out.alpha_composite(part, (int(np.clip(x, 0, size - part.width)), int(np.clip(y, 0, max(0, h - part.height)))))
    return out


def vehicle(rng: np.random.Generator, size: int) -> Image.Image:
    """A car, van, cart or engine from the side: body, cabin with windows, wheels, lamps."""
    w, h = size, max(24, int(size * rng.uniform(0.35, 0.6)))
    colour = any_colour(rng, chance(rng, 0.5))
    roof, waist = rng.uniform(0.02, 0.2), rng.uniform(0.35, 0.55)
    a, b = rng.uniform(0.02, 0.3), rng.uniform(0.6, 0.95)
    outline = np.array([[0.01, waist], [a * 0.7, waist], [a + 0.05, roof], [b, roof], [min(b + 0.12, 0.97), waist], [0.99, waist + 0.05], [0.99, 0.82], [0.01, 0.82]]) * (w, h)
    surface = np.clip(colour + fractal(rng, (w, h), 1.6, finest=48)[..., None] * 0.05, 0, 1).astype(np.float32)
    out = shaded(rng, polygon_mask((w, h), outline), surface, gloss=rng.uniform(0, 0.6))
    draw = ImageDraw.Draw(out)
    glass = rgb(hsv(0.58, rng.uniform(0, 0.4), rng.uniform(0.05, 0.7)))
    panes = int(rng.integers(2, 6))
    for i in range(panes):
        x = (a + 0.06 + (b - a - 0.08) * i / panes) * w
        draw.rectangle((x, (roof + 0.07) * h, x + (b - a) / panes * w * 0.75, waist * h), fill=(*glass, 255))
    draw.line((0.02 * w, 0.66 * h, 0.98 * w, 0.66 * h), fill=(*rgb(colour * 0.5), 255), width=max(1, h // 40))
    if chance(rng, 0.4):
        draw.text((a * w, (waist + 0.04) * h), text.words(rng, 2), font=text.font(rng, "bold", h * 0.16), fill=(*rgb(any_colour(rng)), 255))
    wheel = rng.uniform(0.12, 0.2) * h
    for x in (0.2, pick(rng, (0.78, 0.8, 0.7))):
        for r, tone in ((wheel, 0.06), (wheel * 0.55, rng.uniform(0.2, 0.8))):
            draw.ellipse((x * w - r, 0.82 * h - r, x * w + r, 0.82 * h + r), fill=(*rgb(np.full(3, tone)), 255))
    return out.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if chance(rng, 0.5) else out


MADE = (vessel, box, gadget, bits, vehicle, plate, bits, gadget)
LIVING = (creature, creature, bug, blossom, bird, lump, person)
THINGS = (*MADE, *LIVING)


def thing(rng: np.random.Generator, size: int, among: tuple[Thing, ...] = THINGS) -> Image.Image:
    """Returns a thing of any sort, about as large as the size."""
    return pick(rng, among)(rng, max(24, int(size)))
