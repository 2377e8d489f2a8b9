"""Text for the generators: fonts from packages, made-up words in several scripts, and paragraphs drawn as lines."""

import functools
import importlib.util
import pathlib

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .drawing import chance, pick

FAMILIES = {
    "sans": ("matplotlib/DejaVuSans.ttf", "font_roboto/Roboto-Regular.ttf", "font_roboto/Roboto-Light.ttf", "font_roboto/Roboto-Medium.ttf", "matplotlib/cmss10.ttf"),
    "bold": ("matplotlib/DejaVuSans-Bold.ttf", "font_roboto/Roboto-Bold.ttf", "font_roboto/Roboto-Black.ttf", "font_source_serif_pro/SourceSerifPro-Black.ttf", "matplotlib/DejaVuSerif-Bold.ttf"),
    "serif": ("matplotlib/DejaVuSerif.ttf", "matplotlib/STIXGeneral.ttf", "font_source_serif_pro/SourceSerifPro-Regular.ttf", "matplotlib/cmr10.ttf", "font_source_serif_pro/SourceSerifPro-Light.ttf"),
    "italic": ("matplotlib/DejaVuSans-Oblique.ttf", "matplotlib/STIXGeneralItalic.ttf", "font_source_serif_pro/SourceSerifPro-It.ttf", "font_roboto/Roboto-Italic.ttf"),
    "mono": ("matplotlib/DejaVuSansMono.ttf", "matplotlib/cmtt10.ttf", "matplotlib/DejaVuSansMono-Bold.ttf"),
    "hand": ("font_amatic_sc/AmaticSC-Regular.ttf", "font_amatic_sc/AmaticSC-Bold.ttf"),
    "wide": ("matplotlib/DejaVuSans.ttf", "matplotlib/DejaVuSans-Bold.ttf", "matplotlib/DejaVuSansMono.ttf"),
}
"""Fonts by style, as package/file. The wide ones have the letters of all of the scripts below."""

FOLDERS = {
    "matplotlib": "mpl-data/fonts/ttf",
    "font_roboto": "files",
    "font_source_serif_pro": "files",
    "font_amatic_sc": "files",
}
"""Where in a package its fonts are."""

SCRIPTS = {
    "latin": "etaoinshrdlucmfwypvbgkjqxz",
    "accented": "etaoinsrlucmdpéèäöüßçñåøžšłę",
    "greek": "αβγδεζηθικλμνξοπρστυφχψω",
    "cyrillic": "абвгдежзиклмнопрстуфхцчшщыьэюя",
    "hebrew": "אבגדהוזחטיכלמנסעפצקרשת",
    "armenian": "աբգդեզէըթժիլխծկհձղճմյնշոչպջռսվտրցւփքօֆ",
    "georgian": "აბგდევზთიკლმნოპჟრსტუფქღყშჩცძწჭხჯჰ",
    "arabic": "ابتثجحخدذرزسشصضطظعغفقكلمنهوي",
}
"""Letters of a script, the frequent ones of Latin first."""

IDEOGRAPHS = 160
"""Made-up square characters in a font's stead: packages have no font for Chinese or Japanese."""


@functools.cache
def folder(package: str) -> pathlib.Path:
    """Finds the fonts of a package without importing it, which for matplotlib takes a second."""
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError(f"package {package} has the fonts: pip install -r train/requirements.txt")
    return pathlib.Path(found.submodule_search_locations[0]) / FOLDERS[package]


@functools.lru_cache(maxsize=512)
def load(name: str, size: int) -> ImageFont.FreeTypeFont:
    """Returns a font of FAMILIES at a size in pixels."""
    package, file = name.split("/")
    return ImageFont.truetype(str(folder(package) / file), size, layout_engine=ImageFont.Layout.BASIC)


def font(rng: np.random.Generator, style: str, size: float) -> ImageFont.FreeTypeFont:
    """Returns one of the fonts of a style."""
    return load(pick(rng, FAMILIES[style]), max(5, round(size)))


def script(rng: np.random.Generator) -> str:
    """Returns the name of a script: Latin more often than not, "ideographs" among the others."""
    return "latin" if chance(rng, 0.5) else pick(rng, (*SCRIPTS, "ideographs"))


def style_for(rng: np.random.Generator, name: str) -> str:
    """Returns a style whose fonts have the letters of a script."""
    return pick(rng, ("sans", "serif", "serif", "sans", "mono")) if name == "latin" else "wide"


def word(rng: np.random.Generator, letters: str = SCRIPTS["latin"]) -> str:
    """Returns a made-up word of about natural length; letters at the front of the alphabet are more frequent."""
    length = 1 + int(rng.gamma(2.6, 1.7))
    return "".join(letters[int(i)] for i in (rng.random(min(length, 14)) ** 1.6) * len(letters))


def words(rng: np.random.Generator, count: int, letters: str = SCRIPTS["latin"]) -> str:
    """Returns made-up words with capitals, commas, full stops and numbers here and there."""
    out, start = [], True
    for _ in range(count):
        if chance(rng, 0.04):
            out.append(number(rng))
            continue
        text = word(rng, letters)
        out.append(text.capitalize() if start or chance(rng, 0.06) else text)
        start = False
        mark = rng.random()
        if mark < 0.07:
            out[-1] += "."
            start = True
        elif mark < 0.14:
            out[-1] += ","
    return " ".join(out)


def number(rng: np.random.Generator) -> str:
    """Returns a number, amount, date, share or time."""
    n = int(10 ** rng.uniform(0, 5))
    return pick(rng, (str(n), f"{n / 100:.2f}", f"{n:,}", f"{n % 100}%", f"{1 + n % 28:02d}.{1 + n % 12:02d}.{1990 + n % 40}", f"{n % 24:02d}:{n % 60:02d}"))


@functools.cache
def ideographs() -> tuple[Image.Image, ...]:
    """Returns a fixed set of made-up square characters as 48-pixel masks, each of a few horizontal, vertical and slanting strokes."""
    rng = np.random.default_rng(20261123)
    made = []
    for _ in range(IDEOGRAPHS):
        mask = Image.new("L", (48, 48))
        draw = ImageDraw.Draw(mask)
        for _ in range(int(rng.integers(3, 10))):
            x, y, long = rng.integers(4, 30), rng.integers(4, 44), rng.integers(10, 40)
            dx, dy = pick(rng, ((1, 0), (1, 0), (0, 1), (0, 1), (0.7, 0.7), (-0.6, 0.8)))
            draw.line((x, y, min(45, x + dx * long), min(45, y + dy * long)), fill=255, width=int(rng.integers(3, 5)))
        if chance(rng, 0.3):
            x, y = rng.integers(4, 20, 2)
            draw.rectangle((x, y, x + int(rng.integers(14, 24)), y + int(rng.integers(14, 24))), outline=255, width=3)
        made.append(mask)
    return tuple(made)


@functools.cache
def ideograph(index: int, size: int) -> Image.Image:
    """Returns one of the ideographs at a size."""
    return ideographs()[index].resize((size, size), Image.Resampling.BILINEAR)


def ideograph_line(rng: np.random.Generator, image: Image.Image, xy: tuple[float, float], width: float, size: int, colour) -> None:
    """Draws a line of ideographs, with a gap here and there."""
    x, y = xy
    while x + size <= xy[0] + width:
        if not chance(rng, 0.06):
            image.paste(colour, (int(x), int(y)), ideograph(int(rng.integers(IDEOGRAPHS)), size))
        x += size * 1.08


class Paragraphs:
    """Fills columns of an image with lines of one script, font and colour, as typesetting does."""

    def __init__(self, rng: np.random.Generator, image: Image.Image, size: float, colour, name: str | None = None, style: str | None = None):
        self.rng, self.image, self.size, self.colour = rng, image, max(5, round(size)), colour
        self.draw = ImageDraw.Draw(image)
        self.script = name or script(rng)
        self.letters = SCRIPTS.get(self.script, "")
        self.font = font(rng, style if style and self.script == "latin" else style_for(rng, self.script), self.size)
        self.leading = self.size * rng.uniform(1.15, 1.7)
        sample = words(rng, 12, self.letters) if self.letters else "m" * 40
        self.letter_width = max(1.0, self.font.getlength(sample) / len(sample))

    def line(self, x: float, y: float, width: float) -> None:
        """Draws one line no wider than the width."""
        if not self.letters:
            ideograph_line(self.rng, self.image, (x, y), width, self.size, self.colour)
            return
        room = int(width / self.letter_width)
        text = words(self.rng, max(1, room // 6 + 2), self.letters)[:room]
        if self.script in ("hebrew", "arabic"):
            x += width - self.font.getlength(text)
        self.draw.text((x, y), text, font=self.font, fill=self.colour)

    def column(self, x: float, y: float, width: float, bottom: float) -> float:
        """Fills a column with paragraphs down to the bottom, and returns where the text ends."""
        left = int(self.rng.integers(2, 12))
        indent = pick(self.rng, (0, 0, self.size * 1.5))
        ragged = chance(self.rng, 0.5)
        first = True
        while y + self.size < bottom:
            room = width * (self.rng.uniform(0.82, 1) if ragged else 1)
            left -= 1
            if left == 0:
                room *= self.rng.uniform(0.15, 0.9)
            self.line(x + (indent if first else 0), y, room - (indent if first else 0))
            first = False
            y += self.leading
            if left == 0:
                left, first = int(self.rng.integers(2, 12)), True
                y += pick(self.rng, (0, self.leading * 0.5, self.leading))
        return y
