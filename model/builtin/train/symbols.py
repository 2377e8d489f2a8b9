"""Machine-readable symbols as module matrices: true QR codes (segno), true Code 128 and EAN-13 bars, and look-alikes of the rest.

The look-alikes have the finder patterns and the module statistics of the real symbologies, but no data in them.
"""

import numpy as np
import segno
from PIL import Image

from .drawing import chance, pick

ALPHANUMERIC = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:abcdefghijklmnopqrstuvwxyz"

CODE128 = (
    "212222 222122 222221 121223 121322 131222 122213 122312 132212 221213 221312 231212 112232 122132 122231 113222 123122 123221 "
    "223211 221132 221231 213212 223112 312131 311222 321122 321221 312212 322112 322211 212123 212321 232121 111323 131123 131321 "
    "112313 132113 132311 211313 231113 231311 112133 112331 132131 113123 113321 133121 313121 211331 231131 213113 213311 213131 "
    "311123 311321 331121 312113 312311 332111 314111 221411 431111 111224 111422 121124 121421 141122 141221 112214 112412 122114 "
    "122411 142112 142211 241211 221114 413111 241112 134111 111242 121142 121241 114212 124112 124211 411212 421112 421211 212141 "
    "214121 412121 111143 111341 131141 114113 114311 411113 411311 113141 114131 311141 411131 211412 211214 211232 2331112"
).split()
"""Widths of bars and gaps of the 106 symbols and the stop of Code 128 (ISO/IEC 15417)."""

EAN_LEFT = "0001101 0011001 0010011 0111101 0100011 0110001 0101111 0111011 0110111 0001011".split()
EAN_PARITY = "LLLLLL LLGLGG LLGGLG LLGGGL LGLLGG LGGLLG LGGGLL LGLGLG LGLGGL LGGLGL".split()
"""Modules of the digits with odd parity, and the parities that carry the first digit of EAN-13 (ISO/IEC 15420)."""


def qr(rng: np.random.Generator) -> np.ndarray:
    """Returns a true QR or Micro QR code of random text, dark modules True, without its quiet zone."""
    length = int(10 ** rng.uniform(0.3, 2.3))
    content = "".join(ALPHANUMERIC[int(i)] for i in rng.integers(0, len(ALPHANUMERIC), length))
    if length < 15 and chance(rng, 0.4):
        made = segno.make_micro(content[:6].upper().replace(" ", "0"), error=None, mask=None)
    else:
        made = segno.make_qr(content, error=pick(rng, "lmqh"), boost_error=False, mask=int(rng.integers(8)))
    return np.array([[bool(v) for v in row] for row in made.matrix])


def data_matrix(rng: np.random.Generator) -> np.ndarray:
    """Returns a look-alike of Data Matrix: solid left and bottom edges, dotted top and right ones, in one or four regions."""
    side = int(pick(rng, (10, 12, 14, 16, 18, 20, 22, 24, 26)))
    regions = 2 if chance(rng, 0.2) else 1
    tile = []
    for _ in range(regions * regions):
        cells = rng.random((side, side)) < 0.5
        cells[0], cells[:, -1] = np.arange(side) % 2 == 0, np.arange(side) % 2 == 1
        cells[:, 0] = cells[-1] = True
        tile.append(cells)
    return np.vstack([np.hstack(tile[i * regions : (i + 1) * regions]) for i in range(regions)])


def aztec(rng: np.random.Generator) -> np.ndarray:
    """Returns a look-alike of Aztec: random modules around a bull's eye of square rings."""
    side = int(pick(rng, (15, 19, 23, 27, 31, 37)))
    cells = rng.random((side, side)) < 0.5
    y, x = np.mgrid[0:side, 0:side] - side // 2
    ring = np.maximum(np.abs(x), np.abs(y))
    eye = 4 if side < 24 else 6
    cells[ring <= eye] = (ring % 2 == 0)[ring <= eye]
    return cells


def pdf417(rng: np.random.Generator) -> np.ndarray:
    """Returns a look-alike of PDF417: rows of bars between the true start and stop patterns."""
    rows, columns = int(rng.integers(5, 30)), int(rng.integers(2, 9))
    start, stop = "11111111010101000", "111111101000101001"
    out = []
    for _ in range(rows):
        bits = start
        for _ in range(columns):
            widths = np.ones(8, int)
            for _ in range(9):
                widths[int(pick(rng, np.flatnonzero(widths < 6)))] += 1
            bits += "".join(("1" if i % 2 == 0 else "0") * int(n) for i, n in enumerate(widths))
        out += [[c == "1" for c in bits + stop]] * 3
    return np.array(out)


def code128(rng: np.random.Generator) -> tuple[np.ndarray, str]:
    """Returns the modules of a true Code 128 symbol (set B), one row, and its text."""
    content = "".join(chr(int(c)) for c in rng.integers(48, 91, int(rng.integers(4, 18))))
    values = [104] + [ord(c) - 32 for c in content]
    values.append((values[0] + sum(i * v for i, v in enumerate(values) if i)) % 103)
    values.append(106)
    bits = []
    for value in values:
        for i, width in enumerate(CODE128[value]):
            bits += [i % 2 == 0] * int(width)
    return np.array([bits]), content


def ean13(rng: np.random.Generator) -> tuple[np.ndarray, str]:
    """Returns the modules of a true EAN-13 symbol, one row, and its digits."""
    digits = [int(d) for d in rng.integers(0, 10, 12)]
    digits.append(-sum(d * (1, 3)[i % 2] for i, d in enumerate(digits)) % 10)
    right = ["".join("10"[int(c)] for c in code) for code in EAN_LEFT]
    bits = "101"
    for digit, parity in zip(digits[1:7], EAN_PARITY[digits[0]]):
        bits += EAN_LEFT[digit] if parity == "L" else right[digit][::-1]
    bits += "01010" + "".join(right[d] for d in digits[7:]) + "101"
    return np.array([[c == "1" for c in bits]]), "".join(map(str, digits))


def drawn(cells: np.ndarray, width: int, height: int | None = None, dark=(0, 0, 0), light=(255, 255, 255)) -> Image.Image:
    """Draws modules at a whole number of pixels each, at least one: about `width` wide; a height given stretches them, as bars are."""
    rows, columns = cells.shape
    scale = max(1, round(width / columns))
    colours = np.where(cells[..., None], np.array(dark, np.uint8), np.array(light, np.uint8))
    return Image.fromarray(colours).resize((columns * scale, height or rows * scale), Image.Resampling.NEAREST)
