"""What the generators of several kinds draw with: noise with natural spectra, colours, masks, perspective, and the way to a finished file.

Arrays are float32 [height, width, 3] in 0..1, sizes are (width, height) as in Pillow, and every choice comes from the generator passed in.
"""

import colorsys
import functools
import io
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

Recipe = Callable[[np.random.Generator], Image.Image]
Colour = tuple[int, int, int]

LEVELS = np.linspace(0, 1, 256)
"""The values of a byte, as shares."""

BALANCED_SHARE = 0.5
"""Share of the images of each kind whose mean brightness is moved to a value drawn alike for all kinds (see `balanced`)."""


def frame(rng: np.random.Generator, low: int, high: int, aspects: Sequence[float] = (4 / 3, 3 / 4, 3 / 2, 2 / 3, 1, 16 / 9)) -> tuple[int, int]:
    """Returns a size whose longer side is between low and high, of one of the aspect ratios (width to height), more or less."""
    aspect = float(rng.choice(aspects)) * np.exp(rng.normal(0, 0.06))
    long = int(rng.integers(low, high + 1))
    short = max(160, round(long * min(aspect, 1 / aspect)))
    return (long, short) if aspect >= 1 else (short, long)


def chance(rng: np.random.Generator, probability: float) -> bool:
    """Tosses a coin that is true with the probability."""
    return bool(rng.random() < probability)


def pick(rng: np.random.Generator, options: Sequence):
    """Returns one of the options, whatever their types."""
    return options[int(rng.integers(len(options)))]


def to_image(array: np.ndarray) -> Image.Image:
    """Converts 0..1 floats to an RGB or grey image."""
    return Image.fromarray((np.clip(array, 0, 1) * 255 + 0.5).astype(np.uint8))


def to_array(image: Image.Image) -> np.ndarray:
    """Converts an image to 0..1 floats."""
    return np.asarray(image, dtype=np.float32) / 255


def enlarge(field: np.ndarray, size: tuple[int, int], filter: Image.Resampling = Image.Resampling.BICUBIC) -> np.ndarray:
    """Resizes a float32 field [height, width] to a size."""
    if field.shape == (size[1], size[0]):
        return field
    return np.asarray(Image.fromarray(np.ascontiguousarray(field, dtype=np.float32), mode="F").resize(size, filter))


def fractal(rng: np.random.Generator, size: tuple[int, int], beta: float = 1.0, stretch: float = 1.0, angle: float = 0.0, finest: int = 192) -> np.ndarray:
    """Returns noise with amplitudes of 1/f^beta, of mean 0 and standard deviation 1.

    Natural images have a beta of about 1. A stretch above 1 draws the noise out along the angle (radians), as in fur, wood or water.
    It is computed at `finest` pixels a side and enlarged, which costs little and looks the same.
    """
    scale = min(1.0, finest / max(size))
    w, h = max(8, int(size[0] * scale)), max(8, int(size[1] * scale))
    w += w % 2
    spectrum = np.fft.rfft2(rng.standard_normal((h, w), dtype=np.float32))
    fy, fx = np.fft.fftfreq(h).astype(np.float32)[:, None], np.fft.rfftfreq(w).astype(np.float32)[None, :]
    if stretch != 1:
        c, s = np.cos(angle), np.sin(angle)
        fx, fy = (fx * c + fy * s) * np.sqrt(stretch), (fy * c - fx * s) / np.sqrt(stretch)
    power = fx * fx + fy * fy
    power[0, 0] = 1
    spectrum *= power ** np.float32(-beta / 2)
    spectrum[0, 0] = 0
    field = np.fft.irfft2(spectrum, s=(h, w)).astype(np.float32)
    field /= field.std() + 1e-6
    return enlarge(field, size)


def ranks(field: np.ndarray, sharpness: float = 1.0) -> np.ndarray:
    """Squeezes a field of standard deviation 1 into 0..1, smoothly."""
    return (0.5 + 0.5 * np.tanh(field * (0.6 * sharpness))).astype(np.float32)


def hsv(h: float, s: float, v: float) -> np.ndarray:
    """Returns a colour as float32 RGB; hue wraps, the others are clipped."""
    return np.array(colorsys.hsv_to_rgb(h % 1, min(max(s, 0), 1), min(max(v, 0), 1)), np.float32)


def natural_palette(rng: np.random.Generator, count: int = 4) -> np.ndarray:
    """Returns colours as they come together in nature: [count, 3], dark to light, few hues, mostly muted."""
    # Soil, wood, skin and straw; leaves; sky and water; and, more rarely, anything.
    hue = pick(rng, (0.06, 0.08, 0.1, 0.11, 0.13, 0.2, 0.26, 0.3, 0.56, 0.6, rng.random()))
    spread = pick(rng, (0.015, 0.03, 0.1))
    saturation = rng.beta(1.5, 3)
    low = rng.uniform(0.02, 0.4)
    levels = np.linspace(low, rng.uniform(min(low + 0.3, 0.8), 1), count)
    colours = [hsv(hue + rng.normal(0, spread), saturation * rng.uniform(0.5, 1.4), level + rng.normal(0, 0.05)) for level in levels]
    if chance(rng, 0.2):
        colours[int(rng.integers(count))] = hsv(rng.random(), rng.uniform(0.3, 0.95), rng.uniform(0.4, 1))
    return np.stack(colours)


def any_colour(rng: np.random.Generator, saturated: bool = False) -> np.ndarray:
    """Returns a colour of any hue, vivid if asked."""
    if saturated:
        return hsv(rng.random(), rng.uniform(0.55, 1), rng.uniform(0.5, 1))
    return hsv(rng.random(), rng.beta(1.3, 2), rng.uniform(0.08, 1))


def rgb(colour: np.ndarray) -> Colour:
    """Converts 0..1 floats to the integers that Pillow draws with."""
    return tuple(int(v) for v in np.clip(np.asarray(colour) * 255, 0, 255))


def ramp(field: np.ndarray, palette: np.ndarray) -> np.ndarray:
    """Maps a field in 0..1 through a palette, with straight lines between its colours."""
    table = np.stack([np.interp(LEVELS, np.linspace(0, 1, len(palette)), palette[:, c]) for c in range(3)], axis=1)
    return table.astype(np.float32)[np.clip(field * 255, 0, 255).astype(np.uint8)]


def one_of(rng: np.random.Generator, palette: np.ndarray) -> np.ndarray:
    """Returns a colour of a palette, or one between two neighbours."""
    t = rng.random() * (len(palette) - 1)
    i = int(t)
    return palette[i] + (palette[i + 1] - palette[i]) * np.float32(t - i)


def blend(under: np.ndarray, over: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Lays one array over another where the mask [height, width] is 1."""
    return under + (over - under) * mask[..., None]


def blurred(image: Image.Image, radius: float) -> Image.Image:
    """Blurs like a lens out of focus: wide radii at reduced size, where they cost little."""
    if radius < 0.3:
        return image
    step = max(1, int(radius / 3))
    if step == 1:
        return image.filter(ImageFilter.GaussianBlur(radius))
    small = image.reduce(step).filter(ImageFilter.GaussianBlur(radius / step))
    return small.resize(image.size, Image.Resampling.BILINEAR)


def polygon_mask(size: tuple[int, int], points: np.ndarray) -> Image.Image:
    """Returns an antialiased mask of a polygon whose points [n, 2] are in pixels."""
    mask = Image.new("L", (size[0] * 2, size[1] * 2))
    ImageDraw.Draw(mask).polygon([(float(x) * 2, float(y) * 2) for x, y in points], fill=255)
    return mask.reduce(2)


def blob(rng: np.random.Generator, roughness: float = 0.25, corners: int = 64) -> np.ndarray:
    """Returns a closed smooth outline around the origin, of radius about 1: points [corners, 2]."""
    angle = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    radius = np.ones(corners)
    for k in range(2, 8):
        radius += rng.normal(0, roughness / k) * np.cos(k * angle + rng.uniform(0, 2 * np.pi))
    radius = np.clip(radius, 0.2, None)
    points = np.stack([radius * np.cos(angle), radius * np.sin(angle) * np.exp(rng.normal(0, 0.3))], axis=1)
    return turned(points / np.abs(points).max(), rng.uniform(0, 2 * np.pi))


def turned(points: np.ndarray, angle: float) -> np.ndarray:
    """Turns points around the origin."""
    c, s = np.cos(angle), np.sin(angle)
    return points @ np.array([[c, s], [-s, c]])


def perspective(image: Image.Image, corners: Sequence[tuple[float, float]], size: tuple[int, int], fill=(0, 0, 0, 0)) -> Image.Image:
    """Draws an image so that its corners (clockwise from the top left) come to lie on the given points of a canvas of that size."""
    w, h = image.size
    source = ((0, 0), (w, 0), (w, h), (0, h))
    rows, values = [], []
    for (x, y), (u, v) in zip(corners, source):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    coefficients = np.linalg.lstsq(np.array(rows, float), np.array(values, float), rcond=None)[0]
    return image.transform(size, Image.Transform.PERSPECTIVE, tuple(coefficients), Image.Resampling.BILINEAR, fillcolor=fill)


def jittered_corners(rng: np.random.Generator, size: tuple[int, int], inset: float, jitter: float) -> list[tuple[float, float]]:
    """Returns the corners of a sheet lying about in a frame: inset from its border and moved, as shares of the frame's size."""
    w, h = size
    base = ((inset, inset), (1 - inset, inset), (1 - inset, 1 - inset), (inset, 1 - inset))
    return [((x + rng.uniform(-jitter, jitter)) * w, (y + rng.uniform(-jitter, jitter)) * h) for x, y in base]


def jpeg(image: Image.Image, quality: int) -> Image.Image:
    """Returns the image as it is after one trip through JPEG."""
    data = io.BytesIO()
    image.save(data, "JPEG", quality=quality)
    return Image.open(io.BytesIO(data.getvalue())).convert("RGB")


def uneven_light(rng: np.random.Generator, size: tuple[int, int], strength: float) -> np.ndarray:
    """Returns a smooth factor around 1 for each pixel: light that falls off to one side, and blotches of shadow."""
    w, h = size
    angle = rng.uniform(0, 2 * np.pi)
    y, x = np.linspace(-1, 1, h, dtype=np.float32)[:, None], np.linspace(-1, 1, w, dtype=np.float32)[None, :]
    slope = x * np.cos(angle) + y * np.sin(angle)
    blotches = enlarge(rng.standard_normal((3, 3)).astype(np.float32), size)
    return (1 + strength * (0.6 * slope + 0.35 * blotches)).astype(np.float32)


def scanned(rng: np.random.Generator, image: Image.Image, shading: float = 0.12, grain: float = 0.02) -> Image.Image:
    """Gives a drawn sheet the uneven light and the grain of a camera or a scanner."""
    array = to_array(image) * uneven_light(rng, image.size, shading * rng.random())[..., None]
    w, h = image.size
    noise = rng.standard_normal(((h + 1) // 2, (w + 1) // 2), dtype=np.float32)
    noise = noise.repeat(2, axis=0).repeat(2, axis=1)[:h, :w] if chance(rng, 0.5) else enlarge(noise, image.size, Image.Resampling.BILINEAR)
    return to_image(array + (noise * grain * rng.random())[..., None])


def balanced(recipe: Recipe, natural: bool = False) -> Recipe:
    """Wraps a recipe so that brightness does not tell its kind: pages and diagrams are naturally bright, photos less so.

    Some images of every kind are toned to a mean brightness that is drawn from one distribution for all kinds; the others keep
    their tones. What is natural is toned as a camera would, mostly by gamma, and keeps its blacks.
    """

    @functools.wraps(recipe)
    def toned(rng: np.random.Generator) -> Image.Image:
        image = recipe(rng).convert("RGB")
        if not chance(rng, BALANCED_SHARE):
            return image
        return tone(image, rng.uniform(0.25, 0.85), 1.0 if natural else rng.random(), natural)

    return toned


def visible(recipe: Recipe, least: float) -> Recipe:
    """Wraps a recipe so that what it draws is never blank by chance: it is drawn again until its contrast is at least so much."""

    @functools.wraps(recipe)
    def drawn(rng: np.random.Generator) -> Image.Image:
        for _ in range(8):
            image = recipe(rng)
            if contrast(image) >= least:
                break
        return image

    return drawn


def contrast(image: Image.Image) -> float:
    """Returns the largest standard deviation of the channels, as a share, seen from afar."""
    return float(np.asarray(image.convert("RGB").resize((48, 48), Image.Resampling.BOX), dtype=np.float32).std(axis=(0, 1)).max()) / 255


def tone(image: Image.Image, target: float, gamma_share: float, natural: bool = False) -> Image.Image:
    """Moves the mean brightness of an image to about the target: partly by gamma, the rest by exposure, which clips what is too bright.

    What is natural is not lightened further than that; elsewhere a veil does what exposure cannot, as with nearly black screens.
    """
    counts = np.array(image.convert("L").histogram(), float)
    counts /= counts.sum()
    levels = LEVELS
    exponent = np.clip(np.log(target) / np.log(np.clip(counts @ levels, 0.02, 0.98)), 0.4, 2.5)
    levels = levels ** (1 + (exponent - 1) * gamma_share)
    most = 1.08 if natural else 1.4
    for _ in range(4):
        levels = np.clip(levels * np.clip(target / max(counts @ levels, 0.02), 0.2, most), 0, 1)
    now = counts @ levels
    if not natural and target > now + 0.05:
        levels = 1 - (1 - levels) * (1 - target) / (1 - now)
    return image.point(list(np.clip(levels * 255 + 0.5, 0, 255).astype(int)) * 3)
