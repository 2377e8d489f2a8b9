"""Documents: pages with text, scanned, faxed, rendered, or photographed."""

import numpy as np
from PIL import Image, ImageDraw

from .. import text
from ..drawing import any_colour, balanced, blurred, chance, frame, fractal, jittered_corners, jpeg, perspective, pick, rgb, scanned, to_array, to_image
from ..texture import texture

PORTRAIT = (0.707, 0.707, 0.707, 0.77, 0.65, 1.41)


def page(rng: np.random.Generator, aspects=PORTRAIT) -> tuple[Image.Image, tuple]:
    """Returns an empty sheet and the colour of its ink."""
    size = frame(rng, 420, 760, aspects)
    tint = np.array([1, 1 - rng.uniform(0, 0.04), 1 - rng.uniform(0, 0.14)]) if chance(rng, 0.5) else np.ones(3)
    ink = rgb(np.full(3, rng.uniform(0, 0.3))) if chance(rng, 0.85) else rgb(any_colour(rng) * 0.5)
    return Image.new("RGB", size, rgb(tint * rng.uniform(0.85, 1))), ink


def finished(rng: np.random.Generator, image: Image.Image) -> Image.Image:
    """Takes a drawn page through a way on which pages become files: export, scanner, fax, or camera."""
    way = rng.random()
    if way < 0.3:
        return image
    if way < 0.65:
        paper = image.getpixel((1, 1))
        if chance(rng, 0.6):
            image = image.rotate(rng.normal(0, 1.5), Image.Resampling.BILINEAR, fillcolor=pick(rng, (paper, paper, (30, 30, 30))))
        return scanned(rng, blurred(image, rng.uniform(0, 0.9)), 0.15, 0.05)
    if way < 0.75:
        return faxed(rng, image)
    return photographed(rng, image)


def faxed(rng: np.random.Generator, image: Image.Image) -> Image.Image:
    """Black and white only, with specks and ragged edges."""
    array = to_array(image.convert("L")) + rng.standard_normal((image.height, image.width), dtype=np.float32) * rng.uniform(0.02, 0.18)
    return Image.fromarray(((array > rng.uniform(0.4, 0.75)) * 255).astype(np.uint8)).convert("RGB")


def photographed(rng: np.random.Generator, image: Image.Image) -> Image.Image:
    """A sheet on a table, taken with a telephone: perspective, shadow, a crease, a curl, noise."""
    size = frame(rng, 380, 620, (0.75, 1.33, 0.5625, 1))
    under = to_image(texture(rng, size) * rng.uniform(0.3, 1)) if chance(rng, 0.7) else Image.new("RGB", size, rgb(any_colour(rng)))
    if (image.width > image.height) != (size[0] > size[1]) and chance(rng, 0.7):
        image = image.rotate(90, expand=True)
    placed = perspective(image.convert("RGBA"), jittered_corners(rng, size, rng.uniform(-0.03, 0.12), 0.05), size)
    under.paste(placed, (0, 0), placed.getchannel("A"))
    taken = scanned(rng, under, 0.5, 0.05)
    if chance(rng, 0.3):
        taken = blurred(taken, rng.uniform(0.3, 1.2))
    return jpeg(taken, int(rng.integers(40, 92)))


def block(rng: np.random.Generator, image: Image.Image, ink, size: float | None = None, script: str | None = None) -> text.Paragraphs:
    """Returns the means to set text of one fount on the page; the size is that of a book page by default."""
    return text.Paragraphs(rng, image, size or image.height * rng.uniform(0.013, 0.024), ink, script)


def heading(rng: np.random.Generator, image: Image.Image, ink, y: float, script: str | None = None, x: float = 0.1) -> float:
    """Sets a heading, and returns where it ends."""
    size = image.height * rng.uniform(0.025, 0.055)
    setter = text.Paragraphs(rng, image, size, ink, script, "bold")
    setter.line(image.width * x, y, image.width * (0.95 - x) * rng.uniform(0.45, 1))
    return y + size * rng.uniform(1.4, 2.2)


def book_page(rng: np.random.Generator) -> Image.Image:
    """Running text in one column, in one of several scripts, with a page number and perhaps a heading."""
    image, ink = page(rng)
    w, h = image.size
    margin = rng.uniform(0.05, 0.16)
    setter = block(rng, image, ink)
    top = heading(rng, image, ink, h * 0.07, setter.script) if chance(rng, 0.4) else h * rng.uniform(0.04, 0.14)
    setter.column(w * margin, top, w * (1 - 2 * margin), h * rng.uniform(0.55, 0.95))
    ImageDraw.Draw(image).text((w / 2, h * 0.96), str(int(rng.integers(1, 900))), font=text.font(rng, "serif", h * 0.016), fill=ink)
    return finished(rng, image)


def columns_page(rng: np.random.Generator) -> Image.Image:
    """A paper, magazine or newspaper: a title, columns, a picture or a table box here and there."""
    image, ink = page(rng)
    w, h = image.size
    count, gap = int(rng.integers(2, 6)), 0.025
    setter = block(rng, image, ink, h * rng.uniform(0.011, 0.018))
    top = heading(rng, image, ink, h * 0.04, setter.script, 0.06)
    if chance(rng, 0.4):
        top = heading(rng, image, ink, top, setter.script, 0.06)
    wide = (0.9 - gap * (count - 1)) / count
    draw = ImageDraw.Draw(image)
    for i in range(count):
        x, y = w * (0.05 + i * (wide + gap)), top
        if chance(rng, 0.25):
            tall = h * rng.uniform(0.08, 0.2)
            picture = to_image(texture(rng, (int(w * wide), int(tall)))).convert(pick(rng, ("L", "RGB"))).convert("RGB")
            at = pick(rng, (y, h * 0.5))
            setter.column(x, y, w * wide, at)
            image.paste(picture, (int(x), int(at)))
            y = at + tall + 4
        elif chance(rng, 0.2):
            draw.line((x, y, x + w * wide, y), fill=ink, width=2)
            y = heading(rng, image, ink, y + 4, setter.script, x / w) if wide > 0.25 else y + 6
        setter.column(x, y, w * wide, h * rng.uniform(0.88, 0.97))
        if chance(rng, 0.15):
            draw.line((x - w * gap / 2, top, x - w * gap / 2, h * 0.95), fill=ink)
    return finished(rng, image)


def letter(rng: np.random.Generator) -> Image.Image:
    """A letter: sender, address, date, subject, text, a signature, perhaps a letterhead and a stamp."""
    image, ink = page(rng)
    w, h = image.size
    draw = ImageDraw.Draw(image)
    setter = block(rng, image, ink, h * rng.uniform(0.014, 0.02))
    if chance(rng, 0.5):
        colour = rgb(any_colour(rng, True))
        draw.rectangle((w * 0.08, h * 0.03, w * rng.uniform(0.15, 0.3), h * 0.07), fill=colour)
        draw.text((w * 0.35, h * 0.035), text.words(rng, 2), font=text.font(rng, "bold", h * 0.025), fill=colour)
    for i in range(int(rng.integers(3, 6))):
        setter.line(w * 0.1, h * (0.11 + 0.02 * i), w * rng.uniform(0.15, 0.35))
    setter.line(w * 0.7, h * 0.22, w * 0.2)
    end = setter.column(w * 0.1, h * rng.uniform(0.26, 0.32), w * 0.8, h * rng.uniform(0.45, 0.8))
    scrawl(rng, draw, w * rng.uniform(0.1, 0.6), end + h * 0.05, w * 0.2, h * 0.02, (20, 30, 120))
    if chance(rng, 0.25):
        r, x, y = w * 0.08, w * rng.uniform(0.4, 0.8), min(h * 0.9, end + h * 0.05)
        draw.ellipse((x - r, y - r, x + r, y + r), outline=(170, 40, 50), width=3)
        draw.text((x - r * 0.6, y - 5), text.word(rng), font=text.font(rng, "bold", h * 0.015), fill=(170, 40, 50))
    return finished(rng, image)


def scrawl(rng: np.random.Generator, draw: ImageDraw.ImageDraw, x: float, y: float, width: float, tall: float, ink, thick: int = 1) -> None:
    """Draws a line of writing by hand that cannot be read: loops of changing height, in words."""
    end, phase = x + width, rng.uniform(0, 6)
    slant = rng.uniform(-0.2, 0.7)
    while x < end:
        long = min(tall * rng.uniform(1.2, 6), end - x)
        count = max(4, int(long / tall * 14))
        t = np.linspace(0, long / tall * rng.uniform(3.5, 6), count) + phase
        rise = np.repeat(rng.uniform(0.25, 1, count // 4 + 1), 4)[:count] * pick(rng, (1, 1, 1.3))
        ys = y - np.sin(t) * tall * 0.5 * rise
        xs = x + np.linspace(0, long, count) + np.cos(t * 1.1) * tall * 0.25 + (y - ys) * slant
        draw.line(list(zip(xs.tolist(), ys.tolist())), fill=ink, width=thick, joint="curve")
        x += long + tall * rng.uniform(0.3, 0.9)


def handwriting(rng: np.random.Generator) -> Image.Image:
    """Notes by hand on plain, ruled or squared paper: scrawls, or a hand-like fount."""
    image, _ = page(rng)
    w, h = image.size
    draw = ImageDraw.Draw(image)
    ink = pick(rng, ((20, 25, 70), (25, 25, 30), (40, 60, 150), (60, 60, 60)))
    leading = h * rng.uniform(0.025, 0.06)
    ruling = int(rng.integers(4))
    y = leading
    while ruling and y < h:
        draw.line((0, y, w, y), fill=(175, 195, 220))
        y += leading * (1 if ruling < 3 else 0.5)
    if ruling == 3:
        for i in range(int(w / (leading * 0.5)) + 1):
            draw.line((i * leading * 0.5, 0, i * leading * 0.5, h), fill=(185, 200, 220))
    printed = chance(rng, 0.3)
    font = text.font(rng, "hand", leading * 0.95)
    y, left = leading * rng.uniform(1, 3), w * rng.uniform(0.04, 0.15)
    bottom, thick = h * rng.uniform(0.5, 0.97), int(rng.integers(1, 3))
    while y < bottom:
        width = (w - 2 * left) * rng.uniform(0.5, 1)
        if printed:
            draw.text((left, y - leading), text.words(rng, int(width / leading / 1.8) + 1), font=font, fill=ink)
        else:
            scrawl(rng, draw, left, y - leading * 0.25, width, leading * rng.uniform(0.4, 0.65), ink, thick)
        y += leading * (1 if chance(rng, 0.9) else 2)
    return finished(rng, image)


def form(rng: np.random.Generator) -> Image.Image:
    """A form: labelled boxes and lines, tick boxes, some filled in."""
    image, ink = page(rng)
    w, h = image.size
    draw = ImageDraw.Draw(image)
    setter = block(rng, image, ink, h * rng.uniform(0.011, 0.017), pick(rng, ("latin", "latin", "cyrillic", "ideographs", "greek")))
    y = heading(rng, image, ink, h * 0.04, setter.script, 0.06)
    shade = rgb(1 - any_colour(rng) * 0.15)
    while y < h * 0.93:
        tall, cells, x = h * rng.uniform(0.025, 0.055), int(rng.integers(1, 5)), w * 0.06
        sort = int(rng.integers(5))
        for _ in range(cells):
            wide = w * 0.88 / cells
            if sort == 0:
                draw.rectangle((x, y, x + wide, y + tall), outline=ink, fill=shade if chance(rng, 0.3) else None)
            elif sort == 1:
                draw.line((x, y + tall, x + wide * 0.9, y + tall), fill=ink)
            elif sort == 2:
                box = setter.size
                draw.rectangle((x, y, x + box, y + box), outline=ink)
                if chance(rng, 0.4):
                    draw.line((x, y, x + box, y + box), fill=ink, width=2)
            elif sort == 3:
                for i in range(int(wide / tall * 0.8)):
                    draw.rectangle((x + i * tall * 0.8, y + tall * 0.3, x + (i + 1) * tall * 0.8, y + tall), outline=ink)
            setter.line(x + setter.size * (1.5 if sort == 2 else 0.2), y + 1, wide * rng.uniform(0.4, 0.8))
            if sort < 2 and chance(rng, 0.4):
                scrawl(rng, draw, x + wide * 0.1, y + tall * 0.75, wide * rng.uniform(0.2, 0.7), tall * 0.3, (25, 40, 130))
            x += wide
        y += tall * pick(rng, (1, 1.1, 1.4))
    return finished(rng, image)


def table(rng: np.random.Generator) -> Image.Image:
    """A printed table of numbers and names, with rules, bands or neither, and text around it."""
    image, ink = page(rng)
    w, h = image.size
    draw = ImageDraw.Draw(image)
    columns, size = int(rng.integers(3, 10)), h * rng.uniform(0.011, 0.018)
    font = text.font(rng, pick(rng, ("sans", "serif", "mono")), size)
    leading, style = size * rng.uniform(1.4, 2.4), int(rng.integers(4))
    setter = block(rng, image, ink, size)
    y = heading(rng, image, ink, h * 0.04)
    if chance(rng, 0.5):
        y = setter.column(w * 0.08, y, w * 0.84, y + h * rng.uniform(0.05, 0.2)) + leading
    edges = np.cumsum(np.concatenate([[0.06], rng.dirichlet(np.full(columns, 6)) * 0.88])) * w
    bottom, top = h * rng.uniform(0.6, 0.96), y
    shade, row = rgb(1 - any_colour(rng) * 0.2), 0
    while y + leading < bottom:
        if style == 2 and row % 2 or (row == 0 and style != 3):
            draw.rectangle((edges[0], y, edges[-1], y + leading), fill=shade)
        for left, right in zip(edges[:-1].tolist(), edges[1:].tolist()):
            content = text.word(rng).capitalize() if row == 0 or left == edges[0] else text.number(rng)
            room = font.getlength(content)
            if room < right - left - 2:
                draw.text((left + 3 if left == edges[0] else right - room - 3, y + 1), content, font=font, fill=ink)
        if style < 2:
            draw.line((edges[0], y, edges[-1], y), fill=ink)
        y += leading
        row += 1
    if style == 0:
        for x in edges.tolist():
            draw.line((x, top, x, y), fill=ink)
    return finished(rng, image)


def receipt(rng: np.random.Generator) -> Image.Image:
    """A till receipt: a narrow strip of monospaced lines with amounts at the right, sometimes on a table."""
    image, ink = page(rng, (0.45, 0.38, 0.55))
    w, h = image.size
    draw = ImageDraw.Draw(image)
    font = text.font(rng, "mono", w * rng.uniform(0.045, 0.065))
    leading = font.size * rng.uniform(1.15, 1.5)
    title = text.word(rng).upper()
    draw.text((w * 0.3, h * 0.02), title, font=text.font(rng, "bold", w * 0.1), fill=ink)
    y = h * 0.03 + w * 0.13
    while y < h * rng.uniform(0.85, 0.96):
        sort = rng.random()
        if sort < 0.1:
            draw.text((w * 0.04, y), "-" * 60, font=font, fill=ink)
        elif sort < 0.25:
            content = text.words(rng, 3)
            draw.text(((w - font.getlength(content)) / 2, y), content, font=font, fill=ink)
        else:
            amount = f"{10 ** rng.uniform(0, 3):.2f}"
            draw.text((w * 0.05, y), text.words(rng, 2)[:16].upper(), font=font, fill=ink)
            draw.text((w * 0.95 - font.getlength(amount), y), amount, font=font, fill=ink)
        y += leading
    return photographed(rng, image) if chance(rng, 0.35) else finished(rng, image)


def old_page(rng: np.random.Generator) -> Image.Image:
    """An old print: brown, stained paper, dark edges, dense type, ink that shows through."""
    image, _ = page(rng)
    w, h = image.size
    setter = block(rng, image, rgb(np.array([0.25, 0.17, 0.1]) * rng.uniform(0.5, 1.3)))
    top = heading(rng, image, setter.colour, h * 0.08, setter.script, 0.2)
    setter.column(w * 0.12, top, w * 0.76, h * 0.92)
    stain = 1 + 0.12 * fractal(rng, (w, h), 1.6, finest=96) * rng.random()
    y, x = np.linspace(-1, 1, h)[:, None], np.linspace(-1, 1, w)[None, :]
    edge = 1 - rng.uniform(0, 0.4) * (np.maximum(np.abs(x), np.abs(y)) ** 6)
    array = to_array(image) * np.array([0.95, 0.87, 0.7]) * (stain * edge)[..., None]
    return scanned(rng, to_image(array.astype(np.float32)), 0.2, 0.05)


def slide(rng: np.random.Generator) -> Image.Image:
    """A page of notes or an outline: a large heading and lists with bullets or numbers."""
    image, ink = page(rng, (1.33, 1.41, 0.707, 0.707))
    w, h = image.size
    draw = ImageDraw.Draw(image)
    setter = block(rng, image, ink, h * rng.uniform(0.02, 0.035))
    y, n = heading(rng, image, ink, h * 0.06, setter.script), 1
    while y < h * 0.9:
        level = int(rng.integers(0, 3))
        x = w * (0.1 + 0.04 * level)
        if chance(rng, 0.5):
            draw.ellipse((x - setter.size, y + setter.size * 0.3, x - setter.size * 0.5, y + setter.size * 0.8), fill=ink)
        else:
            draw.text((x - setter.size * 1.4, y), f"{n}.", font=text.font(rng, "sans", setter.size), fill=ink)
            n += 1
        for _ in range(int(rng.integers(1, 4))):
            setter.line(x, y, (w * 0.92 - x) * rng.uniform(0.5, 1))
            y += setter.leading
        y += setter.leading * rng.uniform(0, 0.8)
    return finished(rng, image)


def formulas(rng: np.random.Generator) -> Image.Image:
    """A page of mathematics: text with displayed formulas, fractions and sums."""
    image, ink = page(rng)
    w, h = image.size
    draw = ImageDraw.Draw(image)
    setter = text.Paragraphs(rng, image, h * rng.uniform(0.014, 0.02), ink, "latin", "serif")
    symbols_ = text.load("matplotlib/STIXGeneral.ttf", round(setter.size * 1.3))
    y = heading(rng, image, ink, h * 0.05, "latin")
    while y < h * 0.9:
        y = setter.column(w * 0.1, y, w * 0.8, min(h * 0.93, y + h * rng.uniform(0.05, 0.2))) + setter.leading * 0.5
        x = w * rng.uniform(0.2, 0.35)
        for _ in range(int(rng.integers(3, 9))):
            glyphs = "".join(pick(rng, "αβγδλμσφψω∑∫∂∇=+−×≤≥∈∞xyzabfgn()[]") for _ in range(int(rng.integers(1, 4))))
            if chance(rng, 0.3):
                draw.text((x, y - setter.size * 0.8), glyphs, font=symbols_, fill=ink)
                draw.text((x, y + setter.size * 0.8), glyphs[::-1], font=symbols_, fill=ink)
                draw.line((x, y + setter.size * 0.75, x + symbols_.getlength(glyphs), y + setter.size * 0.75), fill=ink)
            else:
                draw.text((x, y), glyphs, font=symbols_, fill=ink)
            x += symbols_.getlength(glyphs) + setter.size * 0.5
        y += setter.leading * 2.2
    return finished(rng, image)


def close_up(rng: np.random.Generator) -> Image.Image:
    """A part of a page from near: a few large lines, cut off at the borders."""
    size = frame(rng, 300, 560)
    paper = np.array([1, 1 - rng.uniform(0, 0.04), 1 - rng.uniform(0, 0.12)]) * rng.uniform(0.75, 1)
    image = Image.new("RGB", size, rgb(paper))
    setter = text.Paragraphs(rng, image, min(size) * rng.uniform(0.035, 0.11), rgb(np.full(3, rng.uniform(0, 0.3))))
    setter.column(-size[0] * rng.uniform(0, 0.1), -setter.leading * rng.random(), size[0] * 1.1, size[1] * 1.1)
    image = image.rotate(rng.normal(0, 2), Image.Resampling.BILINEAR, fillcolor=rgb(paper))
    return scanned(rng, blurred(image, rng.uniform(0, 1.2)), 0.4, 0.05)


HELD_OUT = frozenset({"receipt", "slide"})

RECIPES = {
    recipe.__name__: balanced(recipe)
    for recipe in (book_page, close_up, columns_page, form, formulas, handwriting, letter, old_page, receipt, slide, table)
}  # fmt: skip
