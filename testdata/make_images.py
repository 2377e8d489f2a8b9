"""Makes the images in testdata/images: small pictures of our own in every format we read, and three files that are none.

Run it by hand, with the Pillow and numpy of .ci/requirements.txt, and commit what changed; the same versions write the same bytes:

    python testdata/make_images.py
"""

import pathlib

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

FOLDER = pathlib.Path(__file__).parent / "images"


def landscape(rng: np.random.Generator, width: int, height: int, hour: float) -> Image.Image:
    """Sky, sun, three ridges of hills and grain; hour 0 is noon, 1 is dusk."""
    down = np.linspace(0, 1, height)[:, None, None]
    zenith = np.array([70, 130, 210]) * (1 - hour) + np.array([40, 40, 90]) * hour
    horizon = np.array([200, 225, 240]) * (1 - hour) + np.array([250, 150, 80]) * hour
    pixels = zenith * (1 - down) + horizon * down + np.zeros((height, width, 3))

    y, x = np.mgrid[0:height, 0:width]
    sun = np.hypot(x - 0.7 * width, y - (0.15 + 0.35 * hour) * height)
    glow = np.exp(-sun / (0.08 * height))[..., None]
    pixels = pixels * (1 - glow) + np.array([255, 245, 210]) * glow

    for ridge in range(3):
        frequencies = rng.uniform(1, 4 + 3 * ridge, 5) * 2 * np.pi / width
        phases = rng.uniform(0, 2 * np.pi, 5)
        waves = sum(np.sin(f * x[0] + p) / (i + 1) for i, (f, p) in enumerate(zip(frequencies, phases)))
        top = (0.55 + 0.15 * ridge + 0.05 * waves) * height
        colour = np.array([60, 95, 70]) * (1.25 - 0.3 * ridge) * (1 - 0.5 * hour)
        pixels[y > top] = colour
    pixels += rng.normal(0, 6, (height, width, 1)) + rng.normal(0, 3, (height, width, 3))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def still_life(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    """Lit balls before a blurred background."""
    spots = rng.uniform(60, 200, (6, 8, 3)).astype(np.uint8)
    background = Image.fromarray(spots).resize((width, height), Image.Resampling.BICUBIC)
    pixels = np.asarray(background.filter(ImageFilter.GaussianBlur(height / 12)), float)
    y, x = np.mgrid[0:height, 0:width]
    for _ in range(5):
        radius = rng.uniform(0.1, 0.25) * height
        cx, cy = rng.uniform(0.15, 0.85) * width, rng.uniform(0.3, 0.8) * height
        inside = np.hypot(x - cx, y - cy) < radius
        light = np.exp(-np.hypot(x - cx + radius / 3, y - cy + radius / 3) / radius)[..., None]
        pixels = np.where(inside[..., None], rng.uniform(60, 255, 3) * (0.25 + light), pixels)
    pixels += rng.normal(0, 4, pixels.shape)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def shapes(rng: np.random.Generator, width: int, height: int, mode: str = "RGB") -> Image.Image:
    """Flat shapes; with an alpha channel the ground is transparent and the shapes are translucent."""
    image = Image.new(mode, (width, height), (250, 245, 235, 0)[: len(mode)])
    for i in range(9):
        layer = Image.new(mode, image.size, (0, 0, 0, 0)[: len(mode)])
        mask = Image.new("L", image.size)
        cx, cy, r = rng.uniform(0, width), rng.uniform(0, height), rng.uniform(0.08, 0.25) * height
        draw = ImageDraw.Draw(mask)
        if i % 3 == 0:
            draw.ellipse((cx - r, cy - r, cx + r, cy + r), fill=255)
        elif i % 3 == 1:
            draw.rectangle((cx - r, cy - r / 2, cx + r, cy + r / 2), fill=255)
        else:
            draw.regular_polygon((cx, cy, r), 3, rotation=int(rng.integers(360)), fill=255)
        colour = (*(int(c) for c in rng.integers(0, 256, 3)), int(rng.integers(96, 256)))
        layer.paste(colour[: len(mode)], (0, 0, width, height))
        image.paste(layer, mask=mask)
    return image


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    rng = np.random.default_rng(20261123)

    # The four kinds of JPEG, one with an EXIF orientation that asks for a quarter turn.
    landscape(rng, 320, 240, 0.1).save(FOLDER / "landscape.jpg", quality=85)
    landscape(rng, 320, 213, 0.8).save(FOLDER / "dusk-progressive.jpg", quality=80, progressive=True)
    landscape(rng, 240, 240, 0.4).convert("L").save(FOLDER / "hills-grey.jpg", quality=80)
    still_life(rng, 240, 180).convert("CMYK").save(FOLDER / "balls-cmyk.jpg", quality=85)
    turned = Image.Exif()
    turned[0x0112] = 6  # Orientation: turn it 90 degrees clockwise to see it upright
    still_life(rng, 180, 240).rotate(90, expand=True).save(FOLDER / "balls-turned.jpg", quality=85, exif=turned, subsampling="4:4:4")

    shapes(rng, 200, 150).save(FOLDER / "shapes.png", optimize=True)
    shapes(rng, 200, 150, "RGBA").save(FOLDER / "shapes-alpha.png", optimize=True)
    shapes(rng, 200, 150).quantize(16).save(FOLDER / "shapes-palette.png", optimize=True)
    frames = [shapes(rng, 120, 90).quantize(32) for _ in range(2)]
    frames[0].save(FOLDER / "shapes-animated.gif", save_all=True, append_images=frames[1:], duration=400, loop=0)

    still_life(rng, 256, 192).save(FOLDER / "balls.webp", quality=80)
    still_life(rng, 96, 72).save(FOLDER / "balls-small.bmp")
    landscape(rng, 128, 96, 0.6).save(FOLDER / "hills.tiff", compression="tiff_lzw")

    # What is no image: half of one, a text under an image's name, nothing at all.
    whole = (FOLDER / "landscape.jpg").read_bytes()
    (FOLDER / "damaged-truncated.jpg").write_bytes(whole[: len(whole) // 2])
    (FOLDER / "damaged-text.jpg").write_text("This is a text file that somebody has renamed.\n")
    (FOLDER / "damaged-empty.png").write_bytes(b"")


if __name__ == "__main__":
    main()
