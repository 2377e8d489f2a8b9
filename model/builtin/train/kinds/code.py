"""Codes for machines to read: QR, Data Matrix, Aztec, PDF417 and bars, as files, prints, labels and snapshots of them."""

import numpy as np
from PIL import Image, ImageDraw

from .. import symbols, text
from ..drawing import any_colour, balanced, blurred, chance, frame, jpeg, perspective, pick, rgb, scanned, to_array, to_image
from ..texture import bent, texture

MATRICES = (symbols.qr, symbols.qr, symbols.qr, symbols.data_matrix, symbols.aztec)

SMALLEST = 160
"""Pixels of the shorter side of a file, at least."""


def inks(rng: np.random.Generator) -> tuple:
    """Returns the dark and the light colour of a symbol: black on white more often than not, sometimes coloured, weak or inverted."""
    if chance(rng, 0.65):
        return (0, 0, 0), (255, 255, 255)
    dark, light = rgb(any_colour(rng) * rng.uniform(0.2, 0.6)), rgb(1 - any_colour(rng) * rng.uniform(0, 0.25))
    return (light, dark) if chance(rng, 0.15) else (dark, light)


def quiet(rng: np.random.Generator, symbol: Image.Image, light, least: float = 0.02, most: float = 0.3) -> Image.Image:
    """Surrounds a symbol with its quiet zone."""
    margin = int(max(symbol.size) * rng.uniform(least, most))
    # Low symbols get more room above and below: no file is lower than 160 pixels.
    above = max(margin, (SMALLEST - symbol.height) // 2 + 1)
    beside = max(margin, (SMALLEST - symbol.width) // 2 + 1)
    out = Image.new("RGB", (symbol.width + 2 * beside, symbol.height + 2 * above), light)
    out.paste(symbol, (beside, above))
    return out


def bars(rng: np.random.Generator, width: int, dark=(0, 0, 0), light=(255, 255, 255), caption: float = 0.8) -> Image.Image:
    """Returns Code 128 or EAN-13, mostly with its text below."""
    cells, content = pick(rng, (symbols.code128, symbols.ean13))(rng)
    height = max(24, int(width * rng.uniform(0.2, 0.8)))
    symbol = symbols.drawn(cells, width, height, dark, light)
    if not chance(rng, caption):
        return symbol
    size = max(8, int(symbol.width * rng.uniform(0.06, 0.11)))
    out = Image.new("RGB", (symbol.width, height + int(size * 1.3)), light)
    out.paste(symbol, (0, 0))
    font = text.font(rng, pick(rng, ("mono", "sans")), size)
    ImageDraw.Draw(out).text((max(0, (out.width - font.getlength(content)) / 2), height + 1), content, font=font, fill=dark)
    return out


def any_symbol(rng: np.random.Generator, width: int, dark=(0, 0, 0), light=(255, 255, 255)) -> Image.Image:
    """Returns a symbol of any sort."""
    sort = rng.random()
    if sort < 0.55:
        return symbols.drawn(pick(rng, MATRICES)(rng), width, None, dark, light)
    if sort < 0.65:
        return symbols.drawn(symbols.pdf417(rng), width, None, dark, light)
    return bars(rng, width, dark, light)


def qr_file(rng: np.random.Generator) -> Image.Image:
    """A QR code as a program writes it."""
    dark, light = inks(rng)
    return quiet(rng, symbols.drawn(symbols.qr(rng), int(rng.integers(150, 480)), None, dark, light), light, 0.0, 0.25)


def matrix_file(rng: np.random.Generator) -> Image.Image:
    """Data Matrix or Aztec as a program writes it."""
    dark, light = inks(rng)
    return quiet(rng, symbols.drawn(pick(rng, (symbols.data_matrix, symbols.aztec))(rng), int(rng.integers(150, 400)), None, dark, light), light)


def bar_file(rng: np.random.Generator) -> Image.Image:
    """Code 128 or EAN-13 as a program writes it."""
    dark, light = inks(rng)
    return quiet(rng, bars(rng, int(rng.integers(160, 480)), dark, light), light, 0.01, 0.2)


def stacked_file(rng: np.random.Generator) -> Image.Image:
    """PDF417 as a program writes it."""
    dark, light = inks(rng)
    return quiet(rng, symbols.drawn(symbols.pdf417(rng), int(rng.integers(180, 500)), None, dark, light), light, 0.01, 0.15)


def styled(rng: np.random.Generator) -> Image.Image:
    """A QR code with round modules, in colours or a gradient, with a badge in its middle or a caption."""
    cells = symbols.qr(rng)
    n, scale = len(cells), max(5, int(rng.integers(180, 420) / len(cells)))
    dark, light = inks(rng)
    other = rgb(any_colour(rng) * 0.6)
    image = Image.new("RGB", ((n + 4) * scale, (n + 4) * scale), light)
    draw = ImageDraw.Draw(image)
    gradient, gap = chance(rng, 0.5), rng.uniform(0, 0.2) * scale
    for y, x in np.argwhere(cells).tolist():
        t = (x + y) / (2 * n) if gradient else 0
        colour = tuple(int(a + (b - a) * t) for a, b in zip(dark, other))
        left, top = (x + 2) * scale, (y + 2) * scale
        draw.ellipse((left + gap, top + gap, left + scale - gap, top + scale - gap), fill=colour)
    if chance(rng, 0.5):
        r, middle = image.width * rng.uniform(0.06, 0.13), image.width / 2
        draw.rectangle((middle - r, middle - r, middle + r, middle + r), fill=light)
        draw.ellipse((middle - r * 0.8, middle - r * 0.8, middle + r * 0.8, middle + r * 0.8), fill=rgb(any_colour(rng, True)))
    return image


def label(rng: np.random.Generator) -> Image.Image:
    """A parcel or product label: a symbol that takes up most of it, with lines of print and rules."""
    w, h = frame(rng, 260, 520, (0.7, 1, 1.4))
    image = Image.new("RGB", (w, h), pick(rng, ((255, 255, 255), (255, 255, 255), rgb(1 - any_colour(rng) * 0.3))))
    draw = ImageDraw.Draw(image)
    symbol = any_symbol(rng, int(w * rng.uniform(0.5, 0.85)))
    symbol.thumbnail((w * 0.92, h * 0.72), Image.Resampling.BOX)
    x, y = int(rng.uniform(0.02, 1) * (w - symbol.width)), pick(rng, (int(h * 0.04), h - symbol.height - int(h * 0.04)))
    image.paste(symbol, (x, y))
    low, high = (y + symbol.height, h) if y < h / 3 else (0, y)
    top, size = low + 4, h * rng.uniform(0.03, 0.06)
    while top + size < high - 2:
        draw.text((w * 0.05, top), text.words(rng, int(rng.integers(2, 6))), font=text.font(rng, pick(rng, ("sans", "bold")), size), fill=(0, 0, 0))
        top += size * rng.uniform(1.3, 1.8)
        if chance(rng, 0.2):
            draw.line((w * 0.03, top, w * 0.97, top), fill=(0, 0, 0), width=2)
            top += 4
    if chance(rng, 0.4):
        draw.rectangle((1, 1, w - 2, h - 2), outline=(0, 0, 0), width=2)
    return scanned(rng, image, 0.15, 0.03) if chance(rng, 0.5) else image


def snapshot(rng: np.random.Generator) -> Image.Image:
    """A symbol taken with a telephone: in perspective on some surface, unevenly lit, noisy, often a little blurred."""
    size = frame(rng, 240, 480)
    image = to_image(texture(rng, size)) if chance(rng, 0.6) else Image.new("RGB", size, rgb(any_colour(rng)))
    dark, light = inks(rng)
    symbol = quiet(rng, any_symbol(rng, 220, dark, light), light, 0.04, 0.2).convert("RGBA")
    w, h = size
    grown = rng.uniform(0.75, 1.05) * min(w / symbol.width, h / symbol.height)
    sw, sh = symbol.width * grown, symbol.height * grown
    x, y = (w - sw) * rng.uniform(0.2, 0.8), (h - sh) * rng.uniform(0.2, 0.8)
    corners = [(x + u * sw + rng.normal(0, 0.04) * sw, y + v * sh + rng.normal(0, 0.04) * sh) for u, v in ((0, 0), (1, 0), (1, 1), (0, 1))]
    placed = perspective(symbol, corners, size)
    image.paste(placed, (0, 0), placed.getchannel("A"))
    image = scanned(rng, image, 0.35, 0.06)
    if chance(rng, 0.4):
        image = blurred(image, rng.uniform(0.3, 1.6))
    return jpeg(image, int(rng.integers(35, 90))) if chance(rng, 0.5) else image


def worn(rng: np.random.Generator) -> Image.Image:
    """A faded, low-contrast, scanned or turned print of a symbol on paper."""
    paper = np.array([1, 0.97, 0.92]) * rng.uniform(0.6, 0.95)
    light, dark = rgb(paper), rgb(paper * rng.uniform(0.25, 0.65))
    image = quiet(rng, any_symbol(rng, int(rng.integers(180, 360)), dark, light), light, 0.05, 0.3)
    image = image.rotate(pick(rng, (0, 90, rng.normal(0, 6), rng.uniform(0, 360))), Image.Resampling.BILINEAR, expand=True, fillcolor=light)
    return scanned(rng, blurred(image, rng.uniform(0, 1.2)), 0.25, 0.08)


def sheet(rng: np.random.Generator) -> Image.Image:
    """A sheet of several labels with symbols in rows."""
    w, h = frame(rng, 320, 560, (0.707, 1, 1.41))
    image = Image.new("RGB", (w, h), (255, 255, 255))
    draw = ImageDraw.Draw(image)
    columns, rows = int(rng.integers(1, 4)), int(rng.integers(2, 5))
    sort = pick(rng, (any_symbol, bars))
    for i in range(columns):
        for j in range(rows):
            cw, ch = w / columns, h / rows
            symbol = sort(rng, int(cw * 0.8))
            symbol.thumbnail((cw * 0.88, ch * 0.82), Image.Resampling.BOX)
            image.paste(symbol, (int(i * cw + (cw - symbol.width) / 2), int(j * ch + (ch - symbol.height) / 2)))
            draw.text((i * cw + 4, j * ch + 1), text.words(rng, 2), font=text.font(rng, "sans", ch * 0.08), fill=(40, 40, 40))
    return image


def ticket(rng: np.random.Generator) -> Image.Image:
    """A ticket, pass or voucher: a large symbol beside or below few lines of large print, on white or in a colour, scanned or not."""
    w, h = frame(rng, 260, 520, (0.6, 1.6, 2.2))
    paper = pick(rng, ((255, 255, 255), rgb(1 - any_colour(rng) * 0.35)))
    image = Image.new("RGB", (w, h), paper)
    draw = ImageDraw.Draw(image)
    across = w > h
    if chance(rng, 0.5):
        band = rgb(any_colour(rng, True))
        draw.rectangle((0, 0, w, h * 0.14) if not across else (0, 0, w * 0.06, h), fill=band)
    symbol = any_symbol(rng, int((w * 0.5 if across else w * 0.85)))
    symbol.thumbnail((w * 0.55, h * 0.9) if across else (w * 0.9, h * 0.6), Image.Resampling.BOX)
    x, y = (w - symbol.width - w * 0.03, (h - symbol.height) / 2) if across else ((w - symbol.width) / 2, h - symbol.height - h * 0.04)
    image.paste(symbol, (int(x), int(y)))
    low = h * 0.95 if across else y - 4
    at, size = h * 0.17, min(w, h) * rng.uniform(0.05, 0.1)
    while at + size < low:
        content = text.words(rng, int(rng.integers(1, 4))) if chance(rng, 0.6) else text.number(rng)
        room = (x - w * 0.1) if across else w * 0.9
        draw.text((w * 0.08, at), content[: max(2, int(room / (size * 0.6)))], font=text.font(rng, pick(rng, ("sans", "bold", "mono")), size), fill=(25, 25, 30))
        at += size * rng.uniform(1.3, 2.2)
    return scanned(rng, image, 0.2, 0.04) if chance(rng, 0.4) else image


def wrapped(rng: np.random.Generator) -> Image.Image:
    """A symbol on a can, a bottle or a crumpled bag: bent, printed on a coloured ground, in uneven light."""
    w, h = size = frame(rng, 220, 420, (1, 0.75, 1.3))
    dark, light = inks(rng)
    symbol = quiet(rng, any_symbol(rng, 240, dark, light), light, 0.03, 0.15)
    ground = Image.new("RGB", size, rgb(any_colour(rng)))
    if chance(rng, 0.5):
        ground = to_image(texture(rng, size))
    grown = rng.uniform(0.7, 0.98) * min(w / symbol.width, h / symbol.height)
    placed = symbol.resize((max(8, int(symbol.width * grown)), max(8, int(symbol.height * grown))), Image.Resampling.BILINEAR)
    ground.paste(placed, (int((w - placed.width) * rng.uniform(0.2, 0.8)), int((h - placed.height) * rng.uniform(0.2, 0.8))))
    array = bent(rng, to_array(ground), rng.uniform(0.01, 0.06))
    across = np.linspace(-1, 1, w, dtype=np.float32)[None, :] - np.float32(rng.normal(0, 0.3))
    array = array * (0.35 + 0.75 * np.sqrt(np.clip(1 - across * across * rng.uniform(0.3, 0.95), 0, 1)))[..., None]
    image = scanned(rng, to_image(array), 0.25, 0.06)
    image = image.rotate(pick(rng, (0, 0, 90, rng.normal(0, 8))), Image.Resampling.BILINEAR)
    return jpeg(image, int(rng.integers(35, 90))) if chance(rng, 0.5) else image


HELD_OUT = frozenset({"worn", "sheet"})

RECIPES = {recipe.__name__: balanced(recipe) for recipe in (bar_file, label, matrix_file, qr_file, sheet, snapshot, stacked_file, styled, ticket, worn, wrapped)}
