"""The camera that every generated photo goes through: light, lens, sensor, development, and what its owner made of it afterwards."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from . import text
from .drawing import any_colour, blurred, chance, enlarge, frame, hsv, jpeg, pick, rgb, to_array, to_image

LOW, HIGH = 224, 400
"""Range of the longer side of a photo. Larger ones are drawn no better, only slower."""

LUMA = np.array([0.3, 0.59, 0.11], np.float32)


def canvas(rng: np.random.Generator) -> tuple[int, int]:
    """Returns the size of a photo."""
    return frame(rng, LOW, HIGH)


def developed(rng: np.random.Generator, image: Image.Image) -> Image.Image:
    """Takes a scene through a camera: light, lens, sensor, colour balance, tone curve, sharpening, and what its owner added."""
    image = image.convert("RGB")
    if chance(rng, 0.06):
        image = shaken(rng, image)
    array = toned(rng, lit(rng, to_array(image)))
    if chance(rng, 0.7):
        array = array + sensor_noise(rng, array.shape[:2])
    image = to_image(array)
    if chance(rng, 0.12):
        image = blurred(image, rng.uniform(0.5, 3))
    elif chance(rng, 0.2):
        image = image.filter(ImageFilter.UnsharpMask(radius=rng.uniform(0.8, 2), percent=int(rng.uniform(60, 200)), threshold=0))
    if chance(rng, 0.14):
        signature(rng, image)
    if chance(rng, 0.1):
        image = framed(rng, image)
    return filed(rng, image)


def lit(rng: np.random.Generator, array: np.ndarray) -> np.ndarray:
    """Lets light fall off to one side, to the corners, or away from a flash."""
    h, w = array.shape[:2]
    y, x = np.linspace(-1, 1, h, dtype=np.float32)[:, None], np.linspace(-1, 1, w, dtype=np.float32)[None, :]
    if chance(rng, 0.5):
        array = array * (1 + rng.normal(0, 0.2) * x + rng.normal(0, 0.2) * y)[..., None]
    if chance(rng, 0.3):
        array = array * (1 - rng.uniform(0, 0.45) * (x * x + y * y) ** 1.2)[..., None]
    if chance(rng, 0.06):
        distance = (x - rng.normal(0, 0.3)) ** 2 + (y - rng.normal(0, 0.3)) ** 2
        array = array * (rng.uniform(0.15, 0.4) + 1.1 * np.exp(-distance * rng.uniform(0.8, 3)))[..., None]
    return array


def toned(rng: np.random.Generator, array: np.ndarray) -> np.ndarray:
    """Develops: colour balance, vividness, exposure, gamma, contrast, and now and then black and white or faded colours."""
    # Daylight is balanced well, lamps are not.
    cast = rng.normal(0, 0.2 if chance(rng, 0.12) else 0.05, 3).astype(np.float32)
    array = array * np.exp(cast)
    # Few things are as vivid as paint, but for petals, toys and cars, and cameras that make them more so.
    grey = array @ LUMA
    vivid = rng.uniform(1, 1.7) if chance(rng, 0.2) else rng.uniform(0.35, 1.05)
    array = grey[..., None] + (array - grey[..., None]) * np.float32(vivid)
    # Exposure that uses what the sensor has, more often than not: some pixels nearly black and some nearly white.
    if chance(rng, 0.7):
        dark, bright = np.percentile(array[::4, ::4], (rng.uniform(0.2, 4), 100 - rng.uniform(0.2, 4)))
        dark *= rng.uniform(0.6, 1)
        array = (array - dark) / max(bright - dark, 0.15) * rng.uniform(0.85, 1.2 if chance(rng, 0.25) else 1.05)
    array = np.clip(array, 0, 1.2) ** np.exp(rng.normal(0.05, 0.25))
    array = (array - 0.5) * np.exp(rng.normal(0.05, 0.15)) + 0.5 + rng.normal(0, 0.03)
    if chance(rng, 0.1):
        array = np.broadcast_to(array @ LUMA[:, None], array.shape) * (hsv(0.1, 0.25, 1) if chance(rng, 0.3) else 1)
    if chance(rng, 0.05):
        array = rng.uniform(0.08, 0.25) + array * rng.uniform(0.55, 0.75)
    return array.astype(np.float32)


def sensor_noise(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Returns noise of a sensor: grain, grey or coloured, and at high sensitivity blotches of colour."""
    h, w = shape
    # One field, moved about, is three that look independent.
    grain = rng.standard_normal((h, w), dtype=np.float32) * np.float32(rng.gamma(1.5, 0.012))
    coloured = np.float32(rng.uniform(0, 0.8))
    noise = np.stack([grain, grain + coloured * np.roll(grain, (7, 19), (0, 1)), grain + coloured * np.roll(grain, (23, 5), (0, 1))], axis=2)
    if chance(rng, 0.15):
        step = int(rng.integers(2, 7))
        blotches = rng.standard_normal((3, max(2, h // step), max(2, w // step)), dtype=np.float32) * np.float32(rng.uniform(0.01, 0.05))
        noise += np.stack([enlarge(blotch, (w, h), Image.Resampling.BILINEAR) for blotch in blotches], axis=2)
    return noise


def shaken(rng: np.random.Generator, image: Image.Image) -> Image.Image:
    """Moves the camera while the shutter is open."""
    array = to_array(image)
    dy, dx = rng.normal(0, max(image.size) * 0.012, 2)
    steps = int(np.clip(np.hypot(dx, dy), 2, 12))
    total = sum(np.roll(array, (round(dy * i / steps), round(dx * i / steps)), (0, 1)) for i in range(steps))
    return to_image(total / steps)


def signature(rng: np.random.Generator, image: Image.Image) -> None:
    """Writes a date, a credit or a watermark into a photo."""
    w, h = image.size
    size = h * pick(rng, (0.04, 0.05, 0.12))
    place = pick(rng, ((0.03, 0.92), (0.6, 0.92), (0.3, 0.45), (0.03, 0.03)))
    colour = pick(rng, ((255, 150, 30), (255, 255, 255), (240, 240, 240), (20, 20, 20), (230, 40, 40)))
    ImageDraw.Draw(image).text((place[0] * w, place[1] * h), text.words(rng, int(rng.integers(1, 4))), font=text.font(rng, "sans", size), fill=colour)


def framed(rng: np.random.Generator, image: Image.Image) -> Image.Image:
    """Puts a border around a photo, as prints, slides and galleries have: plain, with a thin line in it, with a caption below."""
    w, h = image.size
    margin = int(min(w, h) * rng.uniform(0.008, 0.08))
    below = int(margin * pick(rng, (1, 1, 3)) + (h * 0.05 if chance(rng, 0.3) else 0))
    colour = pick(rng, ((255, 255, 255), (0, 0, 0), (0, 0, 0), (240, 235, 220), rgb(any_colour(rng))))
    out = Image.new("RGB", (w + 2 * margin, h + margin + below), colour)
    out.paste(image, (margin, margin))
    draw, ink = ImageDraw.Draw(out), (255, 255, 255) if sum(colour) < 380 else (30, 30, 30)
    if chance(rng, 0.3):
        gap = margin * rng.uniform(0.2, 0.8)
        draw.rectangle((margin - gap, margin - gap, margin + w + gap, margin + h + gap), outline=ink)
    if below > h * 0.04 and chance(rng, 0.8):
        font = text.font(rng, pick(rng, ("sans", "serif", "bold")), max(6, below * 0.6))
        draw.text((margin + w * pick(rng, (0, 0.1, 0.4)), margin + h + below * 0.1), text.words(rng, int(rng.integers(1, 5))), font=font, fill=ink)
    return out


def filed(rng: np.random.Generator, image: Image.Image) -> Image.Image:
    """Files a photo as JPEG, half of the time; some were files already, larger or smaller, before."""
    if chance(rng, 0.15):
        scale = rng.uniform(0.5, 1)
        small = image.resize((max(150, int(image.width * scale)), max(150, int(image.height * scale))), Image.Resampling.BILINEAR)
        image = jpeg(small, int(rng.integers(30, 90)))
    return jpeg(image, int(rng.integers(35, 96))) if chance(rng, 0.5) else image
