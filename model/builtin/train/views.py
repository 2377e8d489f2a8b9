"""Views of a generated image at its natural size: crops, rescaling, JPEG and blur, before it is squeezed to the network's input."""

import io

import numpy as np
from PIL import Image, ImageFilter

CROP_AREA = {"photo": 0.15, "blank": 0.3}
"""The least share of an image's area that a crop may keep. A part of a photo is a photo; a small part of a document may be its margin."""

DEFAULT_CROP_AREA = 0.5


def views(image: Image.Image, kind: str, count: int, rng: np.random.Generator) -> list[Image.Image]:
    """Returns `count` views of an image: the whole of it first, then crops."""
    image = image.convert("RGB")
    return [degrade(image if i == 0 else crop(image, kind, rng), rng) for i in range(count)]


def crop(image: Image.Image, kind: str, rng: np.random.Generator) -> Image.Image:
    """Returns a random part of the image, or the whole where the part has lost what the image shows."""
    least = CROP_AREA.get(kind, DEFAULT_CROP_AREA)
    area = rng.uniform(least, 1) * image.width * image.height
    aspect = image.width / image.height * np.exp(rng.uniform(-0.4, 0.4))
    width = int(np.clip(np.sqrt(area * aspect), 16, image.width))
    height = int(np.clip(area / width, 16, image.height))
    left = int(rng.integers(0, image.width - width + 1))
    top = int(rng.integers(0, image.height - height + 1))
    part = image.crop((left, top, left + width, top + height))
    if kind != "blank" and contrast(part) < 0.4 * contrast(image):
        return image
    return part


def contrast(image: Image.Image) -> float:
    """The standard deviation of the image's grey values, from a thumbnail."""
    return float(np.asarray(image.convert("L").resize((32, 32), Image.Resampling.BILINEAR), dtype=np.float32).std())


def degrade(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Returns the image as it comes out of other people's programs: made smaller, compressed, a little soft, alike for every kind."""
    if rng.random() < 0.3:
        scale = rng.uniform(0.25, 1)
        size = (max(64, round(image.width * scale)), max(64, round(image.height * scale)))
        filters = (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS, Image.Resampling.NEAREST)
        image = image.resize(size, filters[int(rng.choice(4, p=(0.35, 0.3, 0.25, 0.1)))])
    if rng.random() < 0.15:
        image = image.filter(ImageFilter.GaussianBlur(min(image.size) / 128 * rng.uniform(0.2, 1.2)))
    if rng.random() < 0.4:
        data = io.BytesIO()
        image.save(data, "JPEG", quality=int(rng.integers(25, 96)), subsampling=int(rng.choice((0, 2))))
        image = Image.open(io.BytesIO(data.getvalue())).convert("RGB")
    return image
