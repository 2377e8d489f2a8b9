"""Graphics: what is drawn rather than seen. Charts, diagrams, maps, icons, logos, clip-art, posters, cartoons."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from .. import text
from ..drawing import any_colour, balanced, blob, chance, fractal, frame, hsv, jpeg, pick, rgb, to_array, to_image, turned, visible


def scheme(rng: np.random.Generator, count: int) -> list[tuple]:
    """Returns colours that a designer puts together: one family, evenly spread hues, or shades of one."""
    sort, hue = int(rng.integers(4)), rng.random()
    s, v = rng.uniform(0.35, 0.95), rng.uniform(0.6, 0.98)
    if sort == 0:
        return [rgb(hsv(hue + i / count, s, v)) for i in range(count)]
    if sort == 1:
        return [rgb(hsv(hue, s * (0.3 + 0.7 * i / count), 1 - 0.6 * i / count)) for i in range(count)]
    if sort == 2:
        return [rgb(hsv(hue + rng.normal(0, 0.07), rng.uniform(0.3, 1), rng.uniform(0.35, 1))) for _ in range(count)]
    return [rgb(any_colour(rng, True)) for _ in range(count)]


def ground(rng: np.random.Generator, low: int = 220, high: int = 640, aspects=(4 / 3, 1, 3 / 2, 16 / 9, 3 / 4)) -> tuple[Image.Image, tuple, bool]:
    """Returns an empty canvas, the ink to draw on it with, and whether it is dark."""
    size = frame(rng, low, high, aspects)
    sort = rng.random()
    if sort < 0.6:
        return Image.new("RGB", size, (255, 255, 255)), rgb(np.full(3, rng.uniform(0, 0.35))), False
    if sort < 0.8:
        return Image.new("RGB", size, rgb(hsv(rng.random(), rng.uniform(0, 0.2), rng.uniform(0.85, 1)))), (40, 40, 50), False
    return Image.new("RGB", size, rgb(hsv(rng.random(), rng.uniform(0, 0.6), rng.uniform(0.02, 0.3)))), (225, 225, 230), True


def saved(rng: np.random.Generator, image: Image.Image) -> Image.Image:
    """Saves a drawing as people do: mostly without loss, sometimes as JPEG, small, in few colours, or printed and scanned."""
    way = rng.random()
    if way < 0.2:
        return jpeg(image, int(rng.integers(40, 95)))
    if way < 0.27:
        return image.quantize(int(rng.integers(4, 64))).convert("RGB")
    if way < 0.33:
        return image.filter(ImageFilter.GaussianBlur(rng.uniform(0.4, 1.2)))
    return image


class Chart:
    """The frame of a chart: title, axes, ticks, grid and legend around a plotting area."""

    def __init__(self, rng: np.random.Generator, axes: bool = True):
        self.rng = rng
        self.image, self.ink, self.dark = ground(rng, 260, 680)
        w, h = self.image.size
        self.draw = ImageDraw.Draw(self.image)
        self.unit = h * rng.uniform(0.025, 0.04)
        self.font = text.font(rng, pick(rng, ("sans", "sans", "serif")), self.unit)
        self.left, self.right = w * rng.uniform(0.06, 0.14), w * (1 - rng.uniform(0.02, 0.06))
        self.top, self.bottom = h * rng.uniform(0.04, 0.1), h * (1 - rng.uniform(0.08, 0.16))
        self.legend = chance(rng, 0.4)
        if chance(rng, 0.7):
            size = self.unit * rng.uniform(1.2, 1.9)
            self.draw.text((w * pick(rng, (0.05, 0.3)), self.top * 0.5), text.words(rng, int(rng.integers(2, 6))), font=text.font(rng, "bold", size), fill=self.ink)
            self.top += size * 1.6
        if self.legend:
            self.right -= w * 0.18
        if axes:
            self.axes()

    def axes(self) -> None:
        """Draws axes, ticks with numbers, and a grid."""
        grid = tuple(int(v * 0.75 + i * 0.25) for v, i in zip(self.image.getpixel((1, 1)), self.ink))
        style, rows, columns = int(self.rng.integers(4)), int(self.rng.integers(3, 9)), int(self.rng.integers(3, 10))
        for i in range(rows + 1):
            y = self.bottom + (self.top - self.bottom) * i / rows
            if style in (1, 2):
                self.draw.line((self.left, y, self.right, y), fill=grid)
            label = text.number(self.rng)[:5] if chance(self.rng, 0.1) else str(i * int(self.rng.choice((1, 5, 10, 20))))
            self.draw.text((self.left - 4 - self.font.getlength(label), y - self.unit / 2), label, font=self.font, fill=self.ink)
        for i in range(columns + 1):
            x = self.left + (self.right - self.left) * i / columns
            if style == 2:
                self.draw.line((x, self.top, x, self.bottom), fill=grid)
            self.draw.line((x, self.bottom, x, self.bottom + 3), fill=self.ink)
            self.draw.text((x - self.unit / 2, self.bottom + 4), pick(self.rng, (str(2000 + i), text.word(self.rng)[:4])), font=self.font, fill=self.ink)
        if style != 1:
            self.draw.line((self.left, self.top, self.left, self.bottom, self.right, self.bottom), fill=self.ink, width=int(self.rng.integers(1, 3)))
        if style == 3:
            self.draw.rectangle((self.left, self.top, self.right, self.bottom), outline=self.ink)

    def key(self, colours: list[tuple]) -> None:
        """Draws the legend, if the chart has one."""
        if not self.legend:
            return
        for i, colour in enumerate(colours):
            x, y = self.right + self.unit, self.top + i * self.unit * 1.6
            self.draw.rectangle((x, y, x + self.unit * 0.8, y + self.unit * 0.8), fill=colour)
            self.draw.text((x + self.unit * 1.2, y), text.word(self.rng), font=self.font, fill=self.ink)


def bar_chart(rng: np.random.Generator) -> Image.Image:
    """Bars upright or lying, in groups or stacked."""
    chart = Chart(rng)
    series, groups = int(rng.integers(1, 5)), int(rng.integers(3, 14))
    colours = scheme(rng, series)
    lying, stacked, gap = chance(rng, 0.3), chance(rng, 0.4), rng.uniform(0.1, 0.5)
    values = rng.gamma(2, 0.15, (groups, series))
    values /= values.sum(axis=1).max() if stacked else values.max()
    length, across = (chart.right - chart.left, chart.bottom - chart.top) if lying else (chart.bottom - chart.top, chart.right - chart.left)
    for g in range(groups):
        base = 0.0
        for s in range(series):
            wide = across / groups * (1 - gap) / (1 if stacked else series)
            at = across / groups * (g + gap / 2) + (0 if stacked else s * wide)
            a, b = base * length, (base + values[g, s]) * length
            if lying:
                box = (chart.left + a, chart.top + at, chart.left + max(b, a + 1), chart.top + at + wide)
            else:
                box = (chart.left + at, chart.bottom - max(b, a + 1), chart.left + at + wide, chart.bottom - a)
            chart.draw.rectangle(box, fill=colours[s])
            base += values[g, s] if stacked else 0
    chart.key(colours)
    return saved(rng, chart.image)


def line_chart(rng: np.random.Generator) -> Image.Image:
    """Curves, with or without markers, filled or not."""
    chart = Chart(rng)
    colours = scheme(rng, int(rng.integers(1, 6)))
    count, thick = int(10 ** rng.uniform(0.7, 2.3)), int(rng.integers(1, 4))
    filled, marked = chance(rng, 0.2), count < 30 and chance(rng, 0.6)
    xs = np.linspace(chart.left, chart.right, count)
    for colour in colours:
        walk = np.cumsum(rng.normal(0, 1, count)) + rng.normal(0, 1) * np.arange(count) ** 0.8
        walk = (walk - walk.min()) / (np.ptp(walk) + 1e-6) * rng.uniform(0.2, 0.8) + rng.uniform(0.02, 0.18)
        ys = chart.bottom - walk * (chart.bottom - chart.top)
        points = list(zip(xs.tolist(), ys.tolist()))
        if filled:
            chart.draw.polygon([(chart.left, chart.bottom), *points, (chart.right, chart.bottom)], fill=colour)
        chart.draw.line(points, fill=colour, width=thick)
        if marked:
            for x, y in points:
                chart.draw.ellipse((x - 3, y - 3, x + 3, y + 3), fill=colour)
    chart.key(colours)
    return saved(rng, chart.image)


def pie_chart(rng: np.random.Generator) -> Image.Image:
    """A pie or a ring with labels."""
    chart = Chart(rng, axes=False)
    w, h = chart.image.size
    colours = scheme(rng, int(rng.integers(2, 9)))
    shares = rng.dirichlet(np.ones(len(colours))) * 360
    cx, cy, r = (chart.left + chart.right) / 2, (chart.top + chart.bottom) / 2, min(chart.right - chart.left, chart.bottom - chart.top) * 0.46
    angle = rng.uniform(0, 360)
    for share, colour in zip(shares.tolist(), colours):
        chart.draw.pieslice((cx - r, cy - r, cx + r, cy + r), angle, angle + share, fill=colour, outline=pick(rng, (colour, (255, 255, 255))))
        middle = np.radians(angle + share / 2)
        chart.draw.text((cx + np.cos(middle) * r * 1.08, cy + np.sin(middle) * r * 1.08), f"{share / 3.6:.0f}%", font=chart.font, fill=chart.ink)
        angle += share
    if chance(rng, 0.35):
        hole = r * rng.uniform(0.4, 0.75)
        chart.draw.ellipse((cx - hole, cy - hole, cx + hole, cy + hole), fill=chart.image.getpixel((1, 1)))
    chart.key(colours)
    return saved(rng, chart.image)


def scatter_plot(rng: np.random.Generator) -> Image.Image:
    """Clouds of dots, a heat map, or a field of contours between axes."""
    chart = Chart(rng)
    w, h = int(chart.right - chart.left), int(chart.bottom - chart.top)
    sort = int(rng.integers(3))
    colours = scheme(rng, int(rng.integers(1, 5)))
    if sort == 0:
        for colour in colours:
            centre, spread, r = rng.uniform(0.2, 0.8, 2), rng.uniform(0.03, 0.2, 2), rng.uniform(1, 5)
            for x, y in np.clip(rng.normal(centre, spread, (int(rng.integers(20, 150)), 2)), 0, 1).tolist():
                px, py = chart.left + x * w, chart.bottom - y * h
                chart.draw.ellipse((px - r, py - r, px + r, py + r), fill=colour)
    else:
        cells = (int(rng.integers(4, 24)), int(rng.integers(4, 20)))
        field = rng.random((cells[1], cells[0])).astype(np.float32) if sort == 1 else fractal(rng, (64, 48), 2.2)
        field = (field - field.min()) / np.ptp(field)
        a, b, c = (np.array(v) / 255 for v in scheme(rng, 3))
        steps = np.round(field * 8) / 8
        shades = np.where(steps[..., None] < 0.5, a + (b - a) * steps[..., None] * 2, b + (c - b) * (steps[..., None] * 2 - 1))
        plot = to_image(shades).resize((w, h), Image.Resampling.NEAREST if sort == 1 else Image.Resampling.BICUBIC)
        chart.image.paste(plot, (int(chart.left), int(chart.top)))
    chart.key(colours)
    return saved(rng, chart.image)


def box_at(rng: np.random.Generator, draw: ImageDraw.ImageDraw, x: float, y: float, w: float, h: float, fill, ink, font) -> None:
    """Draws a node of a diagram with its label."""
    sort = int(rng.integers(4))
    box = (x - w / 2, y - h / 2, x + w / 2, y + h / 2)
    if sort == 0:
        draw.rectangle(box, fill=fill, outline=ink)
    elif sort == 1:
        draw.rounded_rectangle(box, radius=h * 0.3, fill=fill, outline=ink)
    elif sort == 2:
        draw.ellipse(box, fill=fill, outline=ink)
    else:
        draw.polygon([(x, box[1]), (box[2], y), (x, box[3]), (box[0], y)], fill=fill, outline=ink)
    for i in range(int(rng.integers(1, 3))):
        label = text.word(rng)
        draw.text((x - font.getlength(label) / 2, y - font.size * 0.6 + i * font.size), label, font=font, fill=ink)


def diagram(rng: np.random.Generator) -> Image.Image:
    """A flow chart, a tree or a network: nodes with labels, and arrows between them."""
    image, ink, dark = ground(rng, 280, 700)
    w, h = image.size
    draw = ImageDraw.Draw(image)
    columns, rows = int(rng.integers(2, 6)), int(rng.integers(2, 6))
    cell_w, cell_h = w / columns, h / rows
    font = text.font(rng, "sans", min(cell_h * 0.2, cell_w * 0.13))
    colours = scheme(rng, 3) if chance(rng, 0.7) else [image.getpixel((0, 0))]
    nodes = [((i + 0.5 + rng.normal(0, 0.06)) * cell_w, (j + 0.5 + rng.normal(0, 0.06)) * cell_h) for i in range(columns) for j in range(rows) if chance(rng, 0.8)]
    elbow, thick = chance(rng, 0.5), int(rng.integers(1, 4))
    for i, (x, y) in enumerate(nodes[1:], 1):
        for _ in range(pick(rng, (1, 1, 2))):
            u, v = nodes[int(rng.integers(i))] if chance(rng, 0.3) else nodes[max(0, i - pick(rng, (1, rows)))]
            draw.line((u, v, u, y, x, y) if elbow else (u, v, x, y), fill=ink, width=thick)
            tip = np.array([x, y]) - np.array([np.sign(x - u) * cell_w * 0.33, 0])
            draw.polygon([tuple(tip), tuple(tip + (-6 * np.sign(x - u), -4)), tuple(tip + (-6 * np.sign(x - u), 4))], fill=ink)
    for x, y in nodes:
        box_at(rng, draw, x, y, cell_w * rng.uniform(0.5, 0.75), cell_h * rng.uniform(0.35, 0.65), pick(rng, colours), ink, font)
    return saved(rng, image)


def line_drawing(rng: np.random.Generator) -> Image.Image:
    """A technical or botanical drawing in lines: outlines, hatching, dimensions, labels with leaders."""
    image, ink, _ = ground(rng)
    w, h = image.size
    draw = ImageDraw.Draw(image)
    thick = int(rng.integers(1, 4))
    for _ in range(int(rng.integers(2, 9))):
        cx, cy, r = rng.uniform(0.2, 0.8) * w, rng.uniform(0.2, 0.8) * h, min(w, h) * rng.uniform(0.05, 0.35)
        sort = int(rng.integers(4))
        if sort == 0:
            draw.ellipse((cx - r, cy - r, cx + r, cy + r), outline=ink, width=thick)
        elif sort == 1:
            draw.rectangle((cx - r, cy - r * 0.6, cx + r, cy + r * 0.6), outline=ink, width=thick)
        elif sort == 2:
            points = (blob(rng, 0.4) * r + (cx, cy)).tolist()
            draw.line([tuple(p) for p in [*points, points[0]]], fill=ink, width=thick)
        else:
            for i in range(int(rng.integers(4, 14))):
                draw.line((cx - r + i * 6, cy - r, cx - r * 1.4 + i * 6, cy + r), fill=ink)
        if chance(rng, 0.4):
            x, y = cx + r * rng.uniform(0.8, 1.6), cy - r * rng.uniform(0.3, 1.4)
            draw.line((cx, cy, x, y, x + 20, y), fill=ink)
            draw.text((x + 22, y - 6), text.word(rng), font=text.font(rng, "sans", h * 0.035), fill=ink)
    return saved(rng, image)


def street_map(rng: np.random.Generator) -> Image.Image:
    """A city map: roads of several widths over blocks, parks and water, with names."""
    w, h = frame(rng, 260, 620)
    land, park, sea, road = (hsv(0.1, 0.05, 0.93), hsv(0.27, 0.25, 0.85), hsv(0.55, 0.3, 0.9), np.ones(3))
    if chance(rng, 0.25):
        land, park, sea, road = (hsv(0.6, 0.2, 0.18), hsv(0.35, 0.3, 0.22), hsv(0.58, 0.5, 0.3), np.full(3, 0.4))
    array = np.broadcast_to(land, (h, w, 3)).astype(np.float32).copy()
    field = fractal(rng, (w, h), 2.2, finest=96)
    array[field > rng.uniform(0.6, 1.5)] = park
    array[field < -rng.uniform(0.7, 1.8)] = sea
    image = to_image(array)
    draw = ImageDraw.Draw(image)
    turn, pitch = rng.uniform(0, np.pi / 2), min(w, h) * rng.uniform(0.05, 0.14)
    reach = int((w + h) / pitch)
    for along in (turn, turn + np.pi / 2 + rng.normal(0, 0.1)):
        d, n = np.array([np.cos(along), np.sin(along)]), np.array([-np.sin(along), np.cos(along)])
        for i in range(-reach, reach):
            if chance(rng, 0.75):
                p = np.array([w / 2, h / 2]) + n * (i + rng.normal(0, 0.15)) * pitch
                a, b = p - d * rng.uniform(0.2, 1) * w, p + d * rng.uniform(0.2, 1) * w
                draw.line((*a, *b), fill=rgb(road), width=pick(rng, (1, 2, 2, 4)))
    for _ in range(int(rng.integers(1, 5))):
        points = np.cumsum(np.concatenate([rng.uniform(0, 1, (1, 2)) * (w, h), rng.normal(0, 0.2, (6, 2)) * (w, h)]), axis=0)
        colour = pick(rng, ((245, 200, 90), (240, 150, 110), (255, 255, 255), (120, 120, 130)))
        draw.line([tuple(p) for p in points.tolist()], fill=colour, width=int(rng.integers(3, 9)), joint="curve")
    for _ in range(int(rng.integers(3, 18))):
        draw.text((rng.random() * w, rng.random() * h), text.words(rng, int(rng.integers(1, 3))), font=text.font(rng, "sans", h * rng.uniform(0.02, 0.05)), fill=(80, 80, 90))
    if chance(rng, 0.4):
        x, y = rng.uniform(0.2, 0.8) * w, rng.uniform(0.2, 0.8) * h
        draw.ellipse((x - 8, y - 22, x + 8, y - 6), fill=(220, 50, 50))
        draw.polygon([(x - 7, y - 11), (x + 7, y - 11), (x, y)], fill=(220, 50, 50))
    return saved(rng, image)


def country_map(rng: np.random.Generator) -> Image.Image:
    """Countries in flat colours with borders, coasts and names; or a relief map in layers."""
    w, h = frame(rng, 260, 620)
    count = int(rng.integers(6, 26))
    small = (max(8, w // 3), max(8, h // 3))
    y, x = np.mgrid[0 : small[1], 0 : small[0]].astype(np.float32)
    wobble = [fractal(rng, small, 1.5, finest=128) * rng.uniform(1, 6) for _ in range(2)]
    points = rng.random((count, 2)).astype(np.float32) * small
    owner = ((x + wobble[0])[..., None] - points[:, 0]) ** 2 + ((y + wobble[1])[..., None] - points[:, 1]) ** 2
    owner = owner.argmin(axis=2)
    table = np.array(scheme(rng, count) if chance(rng, 0.7) else [(235, 232, 220)] * count, np.uint8)
    if chance(rng, 0.3):
        table = (table * 0.35 + 255 * 0.65).astype(np.uint8)
    coast = fractal(rng, small, 2.0, finest=128)
    if chance(rng, 0.25):
        layers = np.clip(((coast + 2) * 2).astype(int), 0, 8)
        tints = [hsv(0.28 - 0.03 * i, 0.5, 0.55 + 0.04 * i) for i in range(9)]
        array = (np.stack(tints) * 255).astype(np.uint8)[layers]
    else:
        array = table[owner]
    border = (owner != np.roll(owner, 1, axis=0)) | (owner != np.roll(owner, 1, axis=1))
    array[border] = pick(rng, ((255, 255, 255), (90, 90, 90), (0, 0, 0)))
    sea = coast < rng.uniform(-1.4, 0.1)
    array[sea] = pick(rng, ((170, 205, 230), (255, 255, 255), (200, 220, 240), (60, 90, 140)))
    image = Image.fromarray(array).resize((w, h), pick(rng, (Image.Resampling.NEAREST, Image.Resampling.BILINEAR)))
    draw = ImageDraw.Draw(image)
    for px, py in points.tolist():
        if chance(rng, 0.5):
            draw.text((px * 3 - 12, py * 3), text.word(rng).capitalize(), font=text.font(rng, pick(rng, ("sans", "serif", "italic")), h * rng.uniform(0.02, 0.04)), fill=(30, 30, 30))
    return saved(rng, image)


def emblem(rng: np.random.Generator, side: int, colours: list[tuple]) -> Image.Image:
    """Returns a sign of simple shapes with transparent surroundings: what icons and logos are made of."""
    out = Image.new("RGBA", (side * 2, side * 2))
    draw = ImageDraw.Draw(out)
    s, outline = side * 2, pick(rng, (None, None, (30, 30, 40)))
    line = max(2, s // pick(rng, (18, 30, 50)))
    for i in range(int(rng.integers(1, 6))):
        colour, r = colours[i % len(colours)], s * rng.uniform(0.1, 0.46) / (1 + 0.3 * i)
        cx, cy = (s / 2, s / 2) if i == 0 or chance(rng, 0.5) else rng.uniform(0.3, 0.7, 2) * s
        hollow = chance(rng, 0.25)
        kwargs = {"outline": colour, "width": line} if hollow else {"fill": colour, "outline": outline, "width": line // 2 or 1}
        sort = int(rng.integers(7))
        box = (cx - r, cy - r, cx + r, cy + r)
        if sort == 0:
            draw.ellipse(box, **kwargs)
        elif sort == 1:
            draw.rounded_rectangle(box, radius=r * rng.uniform(0, 0.6), **kwargs)
        elif sort == 2:
            draw.regular_polygon((cx, cy, r), int(rng.integers(3, 9)), rotation=rng.uniform(0, 90), fill=colour)
        elif sort == 3:
            n = int(rng.integers(4, 12))
            angle = np.arange(2 * n) * np.pi / n
            radius = np.where(np.arange(2 * n) % 2, r, r * rng.uniform(0.35, 0.8))
            draw.polygon([(cx + a * np.cos(t), cy + a * np.sin(t)) for a, t in zip(radius.tolist(), angle.tolist())], fill=colour)
        elif sort == 4:
            start = rng.uniform(0, 360)
            draw.arc(box, start, start + rng.uniform(60, 300), fill=colour, width=line * 2)
        elif sort == 5:
            points = rng.uniform(-1, 1, (int(rng.integers(2, 5)), 2)) * r + (cx, cy)
            draw.line([tuple(p) for p in points.tolist()], fill=colour, width=line * 2, joint="curve")
        else:
            draw.polygon([tuple(p) for p in (blob(rng, 0.3) * r + (cx, cy)).tolist()], fill=colour)
    return out.reduce(2)


def shine(rng: np.random.Generator, item: Image.Image) -> Image.Image:
    """Shades an emblem: a gradient, a gloss on its upper half, as shaded icons have."""
    array = to_array(item.convert("RGB"))
    h, w = array.shape[:2]
    array = array * np.linspace(rng.uniform(1, 1.4), rng.uniform(0.4, 0.95), h, dtype=np.float32)[:, None, None]
    if chance(rng, 0.5):
        array[: h // 2] += rng.uniform(0.05, 0.3)
    out = to_image(array)
    out.putalpha(item.getchannel("A"))
    return out


def icon(rng: np.random.Generator) -> Image.Image:
    """One icon, flat or shaded, on a plain ground or on a tile."""
    side = int(rng.integers(160, 420))
    image = Image.new("RGB", (side, side), pick(rng, ((255, 255, 255), (255, 255, 255), (0, 0, 0), rgb(any_colour(rng)))))
    if chance(rng, 0.5):
        margin = side * rng.uniform(0.02, 0.15)
        ImageDraw.Draw(image).rounded_rectangle((margin, margin, side - margin, side - margin), radius=side * rng.uniform(0, 0.5), fill=rgb(any_colour(rng, True)))
    item = emblem(rng, side, scheme(rng, 3))
    if chance(rng, 0.4):
        item = shine(rng, item)
    image.paste(item, (0, 0), item.getchannel("A"))
    return saved(rng, image)


def icon_sheet(rng: np.random.Generator) -> Image.Image:
    """Many icons in rows, of one style, with or without captions."""
    image, ink, _ = ground(rng)
    w, h = image.size
    columns = int(rng.integers(3, 9))
    side = int(w / columns)
    colours = scheme(rng, 4) if chance(rng, 0.7) else [ink]
    caption, font = chance(rng, 0.4), text.font(rng, "sans", side * 0.14)
    for j in range(max(1, h // side)):
        for i in range(columns):
            item = emblem(rng, max(16, int(side * 0.7)), colours)
            image.paste(item, (int((i + 0.15) * side), int((j + 0.1) * side)), item.getchannel("A"))
            if caption:
                ImageDraw.Draw(image).text(((i + 0.2) * side, (j + 0.82) * side), text.word(rng), font=font, fill=ink)
    return saved(rng, image)


def logo(rng: np.random.Generator) -> Image.Image:
    """An emblem and a name, side by side or one above the other."""
    image, ink, _ = ground(rng, 200, 520, (1, 2, 1.6, 3))
    w, h = image.size
    draw = ImageDraw.Draw(image)
    colours = scheme(rng, int(rng.integers(1, 4)))
    upright = w < h * 1.4
    side = int(h * rng.uniform(0.4, 0.65) if upright else min(h * 0.9, w * 0.35))
    item = emblem(rng, side, colours)
    image.paste(item, (int((w - side) / 2), int(h * 0.04)) if upright else (int(w * 0.03), int((h - side) / 2)), item.getchannel("A"))
    name = pick(rng, (text.word(rng).upper(), text.word(rng).capitalize(), text.words(rng, 2)))
    font = text.font(rng, pick(rng, ("bold", "bold", "serif", "hand", "sans")), h * rng.uniform(0.15, 0.25))
    room = w * 0.92 if upright else w * 0.9 - side
    if font.getlength(name) > room:
        font = font.font_variant(size=max(8, int(font.size * room / font.getlength(name))))
    x, y = ((w - font.getlength(name)) / 2, h * 0.7) if upright else (side + w * 0.06, h / 2 - font.size * 0.6)
    draw.text((x, y), name, font=font, fill=pick(rng, (ink, colours[0])))
    return saved(rng, image)


def poster(rng: np.random.Generator) -> Image.Image:
    """A banner or poster: gradient or flat shapes and large words."""
    w, h = frame(rng, 260, 640, (16 / 9, 3, 0.7, 1, 1.4))
    colours = [np.array(c, np.float32) / 255 for c in scheme(rng, 4)]
    y, x = np.linspace(0, 1, h, dtype=np.float32)[:, None, None], np.linspace(0, 1, w, dtype=np.float32)[None, :, None]
    t = np.clip(x * rng.uniform(-1, 1) + y * rng.uniform(-1, 1) + 0.3, 0, 1)
    image = to_image(colours[0] + (colours[1] - colours[0]) * t)
    draw = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(0, 7))):
        r, cx, cy = max(w, h) * rng.uniform(0.05, 0.4), rng.random() * w, rng.random() * h
        colour = rgb(pick(rng, colours))
        pick(rng, (lambda: draw.ellipse((cx - r, cy - r, cx + r, cy + r), fill=colour), lambda: draw.polygon([(cx, cy - r), (cx + r, cy), (cx - r * 0.4, cy + r)], fill=colour), lambda: draw.rectangle((cx, cy, cx + r, cy + r * 0.4), fill=colour)))()
    top = h * rng.uniform(0.08, 0.4)
    for _ in range(int(rng.integers(1, 4))):
        size = h * rng.uniform(0.06, 0.2)
        draw.text((w * rng.uniform(0.04, 0.2), top), text.words(rng, int(rng.integers(1, 4))), font=text.font(rng, pick(rng, ("bold", "bold", "hand", "serif")), size), fill=pick(rng, ((255, 255, 255), (20, 20, 20), rgb(colours[3]))))
        top += size * 1.4
    return saved(rng, image)


def scene(rng: np.random.Generator) -> Image.Image:
    """A flat illustration: hills, sun, trees, houses, clouds and figures in plain colours."""
    w, h = frame(rng, 240, 600)
    colours = scheme(rng, 8)
    image = Image.new("RGB", (w * 2, h * 2), colours[0])
    draw = ImageDraw.Draw(image)
    w2, h2, outline = w * 2, h * 2, pick(rng, (None, None, (30, 30, 40)))
    r = h2 * rng.uniform(0.06, 0.16)
    x, y = rng.uniform(0.1, 0.9) * w2, rng.uniform(0.1, 0.35) * h2
    draw.ellipse((x - r, y - r, x + r, y + r), fill=colours[1], outline=outline)
    for i in range(int(rng.integers(1, 5))):
        xs = np.linspace(0, w2, 30)
        ys = h2 * (0.45 + 0.13 * i) + np.sin(xs / w2 * rng.uniform(2, 9) + rng.uniform(0, 6)) * h2 * rng.uniform(0.02, 0.1)
        draw.polygon([(0, h2), *zip(xs.tolist(), ys.tolist()), (w2, h2)], fill=colours[2 + i], outline=outline)
    for _ in range(int(rng.integers(2, 12))):
        x, y, s = rng.random() * w2, rng.uniform(0.5, 0.95) * h2, h2 * rng.uniform(0.05, 0.2)
        sort, colour = int(rng.integers(4)), pick(rng, colours)
        if sort == 0:
            draw.rectangle((x - s * 0.07, y - s * 0.5, x + s * 0.07, y), fill=(110, 75, 50))
            draw.polygon([(x, y - s * 1.5), (x + s * 0.5, y - s * 0.4), (x - s * 0.5, y - s * 0.4)], fill=colour, outline=outline)
        elif sort == 1:
            draw.rectangle((x - s * 0.5, y - s * 0.7, x + s * 0.5, y), fill=colour, outline=outline)
            draw.polygon([(x - s * 0.6, y - s * 0.7), (x + s * 0.6, y - s * 0.7), (x, y - s * 1.2)], fill=pick(rng, colours), outline=outline)
            draw.rectangle((x - s * 0.1, y - s * 0.3, x + s * 0.1, y), fill=pick(rng, colours))
        elif sort == 2:
            for k in range(3):
                draw.ellipse((x + (k - 1) * s * 0.4 - s * 0.35, h2 * 0.15 - s * 0.3, x + (k - 1) * s * 0.4 + s * 0.35, h2 * 0.15 + s * 0.3), fill=(245, 248, 250))
        else:
            draw.ellipse((x - s * 0.15, y - s, x + s * 0.15, y - s * 0.7), fill=rgb(hsv(0.07, 0.4, 0.9)))
            draw.polygon([(x - s * 0.2, y), (x - s * 0.15, y - s * 0.7), (x + s * 0.15, y - s * 0.7), (x + s * 0.2, y)], fill=colour, outline=outline)
    return saved(rng, image.reduce(2))


def clip_art(rng: np.random.Generator) -> Image.Image:
    """A figure on white with black outlines and flat or cel-shaded parts: animals, faces, things."""
    w, h = frame(rng, 200, 480, (1, 1.2, 0.8))
    image = Image.new("RGB", (w * 2, h * 2), pick(rng, ((255, 255, 255), (255, 255, 255), (255, 255, 255), rgb(any_colour(rng)))))
    draw = ImageDraw.Draw(image)
    s, colours = min(w, h) * 2, scheme(rng, 4)
    ink, thick = pick(rng, ((0, 0, 0), (0, 0, 0), (60, 40, 30))), max(2, int(s * rng.uniform(0.005, 0.02)))
    shaded = chance(rng, 0.5)
    for i in range(int(rng.integers(3, 10))):
        size = s * rng.uniform(0.08, 0.4) / (1 + 0.12 * i)
        middle = np.array([w, h]) + rng.normal(0, 0.22, 2) * s * (i > 0)
        points = blob(rng, rng.uniform(0, 0.25)) * size
        if chance(rng, 0.3):
            corners = int(rng.integers(3, 7))
            points = turned(np.array([(np.cos(t), np.sin(t)) for t in np.arange(corners) * 2 * np.pi / corners]) * size, rng.uniform(0, 6))
        colour = colours[i % len(colours)]
        draw.polygon([tuple(p) for p in (points + middle).tolist()], fill=colour)
        if shaded:
            draw.polygon([tuple(p) for p in (points * 0.72 + middle - size * 0.16).tolist()], fill=tuple(min(255, int(c * 1.25) + 12) for c in colour))
        outline = (points + middle).tolist()
        draw.line([tuple(p) for p in [*outline, outline[0]]], fill=ink, width=thick, joint="curve")
    if chance(rng, 0.6):
        x, y, r = w + rng.normal(0, 0.05) * s, h - s * rng.uniform(0, 0.15), s * rng.uniform(0.02, 0.07)
        for side in (-1, 1):
            cx = x + side * r * 1.5
            draw.ellipse((cx - r, y - r * 1.3, cx + r, y + r * 1.3), fill=(255, 255, 255), outline=ink, width=thick)
            draw.ellipse((cx - r * 0.4, y - r * 0.5, cx + r * 0.4, y + r * 0.5), fill=ink)
        draw.arc((x - r * 2, y + r, x + r * 2, y + r * 4), 20, 160, fill=ink, width=thick)
    return saved(rng, image.reduce(2))


def comic(rng: np.random.Generator) -> Image.Image:
    """Panels with flat figures, outlines, speech bubbles and a few words."""
    w, h = frame(rng, 320, 640, (0.7, 1.4, 3, 1))
    image = Image.new("RGB", (w, h), (255, 255, 255))
    draw = ImageDraw.Draw(image)
    columns, rows = max(1, round(w / h * 2)), max(1, round(h / w * 2))
    grey = chance(rng, 0.3)
    for i in range(columns):
        for j in range(rows):
            x0, y0, x1, y1 = i * w / columns + 4, j * h / rows + 4, (i + 1) * w / columns - 4, (j + 1) * h / rows - 4
            colours = scheme(rng, 4)
            if grey:
                colours = [(int(sum(c) / 3),) * 3 for c in colours]
            draw.rectangle((x0, y0, x1, y1), fill=colours[0])
            for _ in range(int(rng.integers(1, 4))):
                size = (x1 - x0) * rng.uniform(0.08, 0.2)
                cx, cy = rng.uniform(x0 + size, x1 - size), y1 - size * rng.uniform(1.5, 3)
                colour = pick(rng, colours)
                draw.polygon([(cx - size, y1), (cx - size * 0.6, cy), (cx + size * 0.6, cy), (cx + size, y1)], fill=colour, outline=(0, 0, 0), width=2)
                draw.ellipse((cx - size * 0.7, cy - size, cx + size * 0.7, cy + size * 0.5), fill=(245, 215, 185) if not grey else (235,) * 3, outline=(0, 0, 0), width=2)
                for side in (-1, 1):
                    draw.ellipse((cx + side * size * 0.25 - 2, cy - size * 0.4, cx + side * size * 0.25 + 2, cy - size * 0.2), fill=(0, 0, 0))
            if chance(rng, 0.7):
                bx0, bx1 = x0 + (x1 - x0) * 0.1, x0 + (x1 - x0) * rng.uniform(0.5, 0.9)
                by1 = y0 + (y1 - y0) * rng.uniform(0.2, 0.35)
                draw.rounded_rectangle((bx0, y0 + 5, bx1, by1), radius=10, fill=(255, 255, 255), outline=(0, 0, 0), width=2)
                draw.text((bx0 + 6, y0 + 8), text.words(rng, 3)[: max(2, int((bx1 - bx0) / 8))], font=text.font(rng, "hand", max(9, (by1 - y0) * 0.5)), fill=(0, 0, 0))
            draw.rectangle((x0, y0, x1, y1), outline=(0, 0, 0), width=2)
    return saved(rng, image)


def pattern(rng: np.random.Generator) -> Image.Image:
    """A seamless ornament: one emblem or shape repeated, stripes, dots, chequers."""
    w, h = frame(rng, 200, 480)
    colours = scheme(rng, 3)
    side = int(rng.integers(20, 90))
    tile = Image.new("RGB", (side, side), colours[0])
    draw = ImageDraw.Draw(tile)
    sort = int(rng.integers(4))
    if sort == 0:
        item = emblem(rng, side, colours[1:])
        tile.paste(item, (0, 0), item.getchannel("A"))
    elif sort == 1:
        draw.rectangle((0, 0, side * rng.uniform(0.2, 0.8), side), fill=colours[1])
    elif sort == 2:
        draw.ellipse((side * 0.2, side * 0.2, side * 0.8, side * 0.8), fill=colours[1])
    else:
        draw.rectangle((0, 0, side // 2, side // 2), fill=colours[1])
        draw.rectangle((side // 2, side // 2, side, side), fill=pick(rng, (colours[1], colours[2])))
    # Large enough to be turned by 45 degrees without its corners coming into view.
    large = int(np.hypot(w, h)) + side
    image = Image.new("RGB", (large, large))
    for x in range(0, large, side):
        for y in range(0, large, side):
            image.paste(tile, (x, y))
    left, top = (large - w) // 2, (large - h) // 2
    return saved(rng, image.rotate(pick(rng, (0, 0, 45))).crop((left, top, left + w, top + h)))


def flag(rng: np.random.Generator) -> Image.Image:
    """A flag, sign or badge: a few bands or fields of strong colours with an emblem."""
    w, h = frame(rng, 200, 480, (1.5, 1.67, 2, 1))
    colours = [pick(rng, ((255, 255, 255), (0, 0, 0), rgb(any_colour(rng, True)), rgb(any_colour(rng, True)))) for _ in range(5)]
    image = Image.new("RGB", (w, h), colours[0])
    draw = ImageDraw.Draw(image)
    bands, upright = int(rng.integers(1, 6)), chance(rng, 0.5)
    for i in range(bands):
        box = (w * i / bands, 0, w * (i + 1) / bands, h) if upright else (0, h * i / bands, w, h * (i + 1) / bands)
        draw.rectangle(box, fill=colours[i % (2 if bands > 3 else 5)])
    if chance(rng, 0.3):
        draw.polygon([(0, 0), (w * 0.4, h / 2), (0, h)], fill=colours[3])
    if chance(rng, 0.6):
        item = emblem(rng, int(h * rng.uniform(0.3, 0.8)), colours[2:])
        image.paste(item, ((w - item.width) // 2, (h - item.height) // 2), item.getchannel("A"))
    return saved(rng, image)


def words_in_boxes(rng: np.random.Generator) -> Image.Image:
    """An infographic: coloured boxes with much text, numbers, icons and arrows."""
    image, ink, _ = ground(rng, 320, 680, (0.6, 1, 1.5, 0.45))
    w, h = image.size
    draw = ImageDraw.Draw(image)
    colours = scheme(rng, 5)
    draw.rectangle((0, 0, w, h * 0.1), fill=colours[0])
    draw.text((w * 0.05, h * 0.02), text.words(rng, 3), font=text.font(rng, "bold", h * 0.05), fill=(255, 255, 255))
    columns, rows = int(rng.integers(1, 4)), int(rng.integers(2, 6))
    for i in range(columns):
        for j in range(rows):
            x0, y0 = w * (0.03 + 0.95 * i / columns), h * (0.13 + 0.86 * j / rows)
            x1, y1 = x0 + w * 0.92 / columns - 4, y0 + h * 0.86 / rows - 6
            colour = colours[(i + j) % len(colours)]
            draw.rounded_rectangle((x0, y0, x1, y1), radius=pick(rng, (0, 6, 14)), fill=colour)
            side = int(min(x1 - x0, y1 - y0) * 0.45)
            if side > 16:
                item = emblem(rng, side, [(255, 255, 255), ink])
                image.paste(item, (int(x0 + 4), int(y0 + 4)), item.getchannel("A"))
            setter = text.Paragraphs(rng, image, max(6, (y1 - y0) * rng.uniform(0.08, 0.14)), (255, 255, 255), "latin", "sans")
            setter.column(x0 + side + 10, y0 + 6, x1 - x0 - side - 16, y1 - 4)
    return saved(rng, image)


def figure(rng: np.random.Generator) -> Image.Image:
    """Several small charts in a grid on one white ground, lettered, as in an article: a drawing throughout, with no window around it."""
    columns, rows = pick(rng, ((2, 1), (2, 2), (3, 1), (3, 2), (1, 2), (4, 2), (2, 3)))
    w, h = frame(rng, 300, 640, (columns / rows * 1.2,) if columns / rows > 0.5 else (0.75,))
    image = Image.new("RGB", (w, h), (255, 255, 255))
    draw, font = ImageDraw.Draw(image), text.font(rng, pick(rng, ("sans", "serif")), h / rows * 0.07)
    among = (bar_chart, line_chart, scatter_plot, line_chart)
    alike = pick(rng, among) if chance(rng, 0.6) else None
    for i in range(columns):
        for j in range(rows):
            inner = (alike or pick(rng, among))(rng).resize((max(8, int(w / columns * 0.9)), max(8, int(h / rows * 0.88))), Image.Resampling.BILINEAR)
            image.paste(inner, (int(w / columns * (i + 0.06)), int(h / rows * (j + 0.1))))
            draw.text((w / columns * i + 3, h / rows * j + 1), f"({'abcdefgh'[(j * columns + i) % 8]}) " + text.word(rng), font=font, fill=(20, 20, 20))
    return saved(rng, image)


HELD_OUT = frozenset({"pie_chart", "logo", "scene"})

RECIPES = {
    recipe.__name__: balanced(visible(recipe, 0.03))
    for recipe in (
        bar_chart, clip_art, comic, country_map, diagram, figure, flag, icon, icon_sheet, line_chart, line_drawing, logo, pattern, pie_chart,
        poster, scatter_plot, scene, street_map, words_in_boxes,
    )
}  # fmt: skip
