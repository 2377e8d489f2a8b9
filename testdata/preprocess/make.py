"""Makes the images and expectations that package model/preprocess is tested against.

    python make.py            # needs pillow==13.0.0 and numpy; writes images/ and golden.json beside this file

Everything is synthetic. Expectations are SHA-256 digests of what Pillow and numpy make of the images: of packed RGB bytes for decoding
and resampling, of float32 values (little-endian) for tensors. `python make.py --dump NAME` prints the array behind a digest.
"""

import hashlib
import io
import json
import math
import pathlib
import shutil
import struct
import subprocess
import sys
import warnings
import zlib

import numpy as np
import PIL
from PIL import Image, ImageOps

HERE = pathlib.Path(__file__).parent
IMAGES = HERE / "images"
FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "hamming": Image.Resampling.HAMMING,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
dump = sys.argv[2] if sys.argv[1:2] == ["--dump"] else None


def digest(name, array):
    array = np.ascontiguousarray(array)
    if name == dump:
        np.set_printoptions(threshold=sys.maxsize)
        print(array)
    return hashlib.sha256(array.tobytes()).hexdigest()


def picture(width, height, seed=1):
    """Gradients, hard edges and noise, in one RGB image."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    rgb = np.stack([255 * x / max(width - 1, 1), 255 * y / max(height - 1, 1), 128 + 127 * np.sin(x * y / 40)], -1)
    rgb = rgb + rng.normal(0, 20, rgb.shape)
    rgb[height // 3 : height // 2, width // 4 : width // 2] = (255, 0, 255)
    rgb[height // 2 :: 3, width // 2 :: 2] = (0, 255, 0)
    return Image.fromarray(rgb.clip(0, 255).astype(np.uint8))


def flat_squares(width, height, side=16):
    """Squares of one colour each: their DCT has only a DC term, so that every decoder agrees on the planes of a JPEG of it."""
    rng = np.random.default_rng(7)
    squares = rng.integers(0, 256, (math.ceil(height / side), math.ceil(width / side), 3), np.uint8)
    return Image.fromarray(squares.repeat(side, 0).repeat(side, 1)[:height, :width].copy())


def encoded(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def resampled(jpeg, horizontal, vertical):
    """Patches the luma sampling factors: with as many blocks per MCU, the same data is a valid (scrambled) JPEG of another sampling."""
    at = jpeg.index(b"\xff\xc0") + 4
    patched = bytearray(jpeg)
    patched[at + 7] = horizontal << 4 | vertical
    return bytes(patched)


def gif_frame(transparent):
    """A canvas of 24 x 20 whose only frame covers 10 x 8 of it, at (5, 7)."""
    colours = bytes([200, 30, 40, 10, 220, 60, 20, 40, 240, 90, 90, 10])
    frame = Image.fromarray((np.arange(80).reshape(8, 10) % 4).astype(np.uint8), "P")
    frame.putpalette(colours)
    data = encoded(frame, "GIF", optimize=False)
    image_data = data[data.index(b",", 13 + 12) + 10 :]
    out = b"GIF89a" + (24).to_bytes(2, "little") + (20).to_bytes(2, "little") + bytes([0x81, 1, 0]) + colours
    if transparent:
        out += bytes([0x21, 0xF9, 4, 1, 0, 0, 2, 0])
    return out + b"," + b"".join(v.to_bytes(2, "little") for v in (5, 7, 10, 8)) + b"\x00" + image_data


def bmp(width, height, bits, pixels, compression=0, header=40, colours=(), masks=(), top_down=False):
    """A BMP of any kind, from the bytes of its pixels."""
    entry = 3 if header == 12 else 4
    palette = b"".join(bytes(c[::-1]) + b"\0" * (entry - 3) for c in colours)
    if header == 12:
        info = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        size = -height if top_down else height
        info = struct.pack("<IiiHHIIiiII", header, width, size, 1, bits, compression, len(pixels), 0, 0, len(colours), 0)
    fields = struct.pack(f"<{len(masks)}I", *masks)
    info += fields.ljust(header - len(info), b"\0") if header > 40 else fields
    offset = 14 + len(info) + len(palette)
    return b"BM" + struct.pack("<IHHI", offset + len(pixels), 0, 0, offset) + info + palette + pixels


def bmps():
    rng = np.random.default_rng(11)
    colours = [tuple(int(v) for v in c) for c in rng.integers(0, 256, (16, 3))]
    noise = rng.integers(0, 256, 13 * 52, np.uint8).tobytes()  # 13 rows of 52 bytes hold 13 pixels of any depth
    rows = lambda n: b"".join(noise[52 * y : 52 * y + n] for y in range(13))
    yield "bits1.bmp", bmp(13, 13, 1, rows(4), colours=colours[:2])
    yield "bits4.bmp", bmp(13, 13, 4, rows(8), colours=colours)
    yield "bits8_top_down.bmp", bmp(13, 13, 8, bytes(v % 16 for v in rows(16)), colours=colours, top_down=True)
    yield "bits16.bmp", bmp(13, 13, 16, rows(28))
    yield "bits16_565.bmp", bmp(13, 13, 16, rows(28), 3, masks=(0xF800, 0x7E0, 0x1F))
    yield "bits32_fields.bmp", bmp(13, 13, 32, rows(52), 3, masks=(0xFF000000, 0xFF0000, 0xFF00))
    yield "bits32_rgba.bmp", bmp(13, 13, 32, rows(52), 3, header=108, masks=(0xFF, 0xFF00, 0xFF0000, 0xFF000000))
    yield "os2.bmp", bmp(13, 13, 4, rows(8), header=12, colours=colours)
    # Runs, literals (one of them odd), a delta, runs that end at and beyond the row, and an early end of a row.
    rle8 = bytes([5, 1, 0, 4, 2, 3, 4, 5, 9, 6, 0, 0, 2, 7, 0, 0, 0, 2, 3, 1, 10, 8, 0, 0, 0, 3, 1, 2, 3, 0, 10, 4, 0, 0])
    rle8 += bytes([13, 9, 0, 0]) * 8 + bytes([13, 10, 0, 1])
    yield "rle8.bmp", bmp(13, 13, 8, rle8, 1, colours=colours)
    rle4 = bytes([5, 0x12, 0, 5, 0x34, 0x56, 0x70, 0, 9, 0xAB, 0, 0, 2, 0x77, 0, 0]) + bytes([13, 0x9C, 0, 0]) * 10 + bytes([13, 0xDE, 0, 1])
    yield "rle4.bmp", bmp(13, 13, 4, rle4, 2, colours=colours)


def turbo_jpegs():
    """JPEGs that only libjpeg-turbo's cjpeg writes: odd samplings, arithmetic coding, restarts. Without cjpeg, those that are there stay."""
    kinds = {
        "photo_420_progressive": "-sample 2x2 -progressive",
        "photo_411": "-sample 4x1",
        "photo_440": "-sample 1x2",
        "photo_410_restart": "-sample 4x2 -restart 1",
        "photo_31": "-sample 3x1",
        "photo_mixed": "-sample 2x2,1x2,2x1",
        "photo_arithmetic": "-sample 2x2 -arithmetic",
        "photo_arithmetic_progressive": "-sample 2x1 -arithmetic -progressive",
        "photo_rgb": "-rgb",
    }
    for name, options in kinds.items():
        path = IMAGES / f"{name}.jpg"
        if shutil.which("cjpeg"):
            source = encoded(picture(59, 43, 4), "PPM")
            yield path.name, subprocess.run(["cjpeg", "-quality", "80", *options.split()], input=source, stdout=subprocess.PIPE, check=True).stdout
        else:
            yield path.name, path.read_bytes()


def wide_jpegs():
    """Images of many blocks, noisy in colour too, of which a part is decoded."""
    rng = np.random.default_rng(13)
    rgb = np.asarray(picture(229, 173, 5)).astype(int) + rng.integers(-60, 60, (173, 229, 3))
    image = Image.fromarray(rgb.clip(0, 255).astype(np.uint8))
    yield "wide_444.jpg", encoded(image, "JPEG", quality=30, subsampling=0)
    yield "wide_422_restart.jpg", encoded(image, "JPEG", quality=30, subsampling=1, restart_marker_rows=1)
    yield "wide_420.jpg", encoded(image, "JPEG", quality=30, subsampling=2)
    yield "wide_420_restart.jpg", encoded(image, "JPEG", quality=30, subsampling=2, restart_marker_blocks=5)
    yield "wide_420_progressive.jpg", encoded(image, "JPEG", quality=30, subsampling=2, progressive=True)
    yield "wide_grey.jpg", encoded(image.convert("L"), "JPEG", quality=30)
    yield "wide_cmyk.jpg", encoded(image.convert("CMYK"), "JPEG", quality=20)


def exif(orientation, kind=3):
    """EXIF with that orientation and nothing else: SHORT, or of another type."""
    value = struct.pack(">HH" if kind == 3 else ">I", *((orientation, 0) if kind == 3 else (orientation,)))
    return b"Exif\0\0MM\0*" + struct.pack(">IHHHI", 8, 1, 274, kind, 1) + value + b"\0\0\0\0"


def xmp(orientation):
    return f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="{orientation}"/></x:xmpmeta>'.encode()


def with_chunk(png, kind, content):
    """The PNG with a chunk of its own before the end."""
    at = len(png) - 12
    return png[:at] + struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content)) + png[at:]


def oriented():
    """All orientations in each format that has them, and the places and forms in which Pillow finds, or does not find, one."""
    image = picture(23, 14, 6)
    jpeg, png = encoded(image, "JPEG", quality=80), encoded(image, "PNG")
    for o in range(1, 9):
        yield f"orientation_{o}.jpg", encoded(image, "JPEG", quality=80, exif=exif(o))
        yield f"orientation_{o}.png", encoded(image, "PNG", exif=exif(o))
        yield f"orientation_{o}.webp", encoded(image, "WEBP", lossless=True, exif=exif(o))
        yield f"orientation_{o}.tiff", encoded(image, "TIFF", tiffinfo={274: o})
    yield "orientation_0.jpg", encoded(image, "JPEG", quality=80, exif=exif(0))
    yield "orientation_9.jpg", encoded(image, "JPEG", quality=80, exif=exif(9))
    yield "orientation_long.jpg", encoded(image, "JPEG", quality=80, exif=exif(6, 4))
    yield "orientation_byte.jpg", encoded(image, "JPEG", quality=80, exif=exif(6 << 24, 1))  # bytes, which are no number to Pillow
    yield "orientation_xmp.jpg", encoded(image, "JPEG", quality=80, xmp=xmp(8))
    yield "orientation_exif_and_xmp.jpg", encoded(image, "JPEG", quality=80, exif=exif(3), xmp=xmp(8))
    segment = lambda data: b"\xff\xe1" + struct.pack(">H", len(data) + 2) + data
    whole = exif(5)
    yield "orientation_two_segments.jpg", jpeg[:2] + segment(whole[:20]) + segment(b"Exif\0\0" + whole[20:]) + jpeg[2:]
    yield "orientation_after.png", with_chunk(png, b"eXIf", exif(7)[6:])
    yield "orientation_xmp.png", with_chunk(png, b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp(4))
    yield "orientation_xmp_compressed.png", with_chunk(png, b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(xmp(2)))
    raw = f"\nexif\n{len(exif(6)):8}\n{exif(6).hex()}\n".encode()
    yield "orientation_raw_profile.png", with_chunk(png, b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(raw))
    yield "orientation_xmp.webp", encoded(image, "WEBP", lossless=True, xmp=xmp(6))


def without_adobe(jpeg):
    at = jpeg.index(b"\xff\xee")
    return jpeg[:at] + jpeg[at + 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big") :]


def images():
    base = picture(37, 29)
    wide = (np.asarray(base).astype(int) * 257 - 3 * (np.asarray(base) > 9)).astype(np.uint16)
    alpha = Image.fromarray((np.arange(37 * 29).reshape(29, 37) % 256).astype(np.uint8))
    rgba = base.copy()
    rgba.putalpha(alpha)
    grey = base.convert("L")
    palette = base.quantize(50)

    yield "tall.png", encoded(picture(61, 97, 2), "PNG")
    yield "thin.png", encoded(picture(5, 64, 3), "PNG")
    yield "dot.png", encoded(picture(1, 1), "PNG")
    yield "rgb.png", encoded(base, "PNG")
    yield "rgb_transparent.png", encoded(base, "PNG", transparency=(255, 0, 255))
    yield "rgba.png", encoded(rgba, "PNG")
    yield "grey.png", encoded(grey, "PNG")
    yield "grey_transparent.png", encoded(grey, "PNG", transparency=105)
    yield "grey_alpha.png", encoded(rgba.convert("LA"), "PNG")
    yield "bilevel.png", encoded(grey.convert("1"), "PNG")
    yield "palette4.png", encoded(base.quantize(16), "PNG", bits=4)
    yield "palette_transparent.png", encoded(palette, "PNG", transparency=bytes(range(0, 250, 5)))
    yield "grey16.png", encoded(Image.fromarray(wide[..., 0].copy()), "PNG")
    yield "whole.gif", encoded(palette, "GIF")
    yield "frame.gif", gif_frame(False)
    yield "frame_transparent.gif", gif_frame(True)
    yield "rgb.bmp", encoded(base, "BMP")
    yield "rgba.bmp", encoded(rgba, "BMP")
    yield "palette.bmp", encoded(palette, "BMP")
    yield "rgb_deflate.tiff", encoded(base, "TIFF", compression="tiff_adobe_deflate")
    yield "rgba_lzw.tiff", encoded(rgba, "TIFF", compression="tiff_lzw")
    yield "grey.tiff", encoded(grey, "TIFF")
    yield "palette.tiff", encoded(palette, "TIFF")
    yield "lossy.webp", encoded(base, "WEBP", quality=80)
    yield "lossy_even.webp", encoded(base.crop((0, 0, 36, 28)), "WEBP", quality=60)
    yield "lossy_alpha.webp", encoded(rgba, "WEBP", quality=80)
    yield "lossless.webp", encoded(base, "WEBP", lossless=True)
    yield "animated.webp", encoded(base, "WEBP", save_all=True, append_images=[base.rotate(180)])
    for name, sampling in {"444": 0, "422": 1, "420": 2}.items():
        for width, height in (64, 64), (51, 45), (3, 19):
            yield f"flat_{name}_{width}x{height}.jpg", encoded(flat_squares(width, height), "JPEG", quality=95, subsampling=sampling)
    squares = flat_squares(64, 64)
    yield "flat_440_64x64.jpg", resampled(encoded(squares, "JPEG", quality=95, subsampling=1), 1, 2)
    yield "flat_411_64x64.jpg", resampled(encoded(squares, "JPEG", quality=95, subsampling=2), 4, 1)
    yield "flat_grey.jpg", encoded(squares.convert("L"), "JPEG", quality=95)
    yield "flat_cmyk.jpg", encoded(squares.convert("CMYK"), "JPEG", quality=95)
    yield "flat_progressive.jpg", encoded(squares, "JPEG", quality=95, progressive=True)
    photo_cmyk = encoded(base.convert("CMYK"), "JPEG", quality=80)
    yield "cmyk.jpg", photo_cmyk
    yield "cmyk_no_adobe.jpg", without_adobe(photo_cmyk)
    yield "ycck.jpg", photo_cmyk.replace(b"Adobe\0\x64\0\0\0\0\0", b"Adobe\0\x64\0\0\0\0\x02")
    yield "cmyk.tiff", encoded(base.convert("CMYK"), "TIFF")
    yield "cmyk_lzw.tiff", encoded(base.convert("CMYK"), "TIFF", compression="tiff_lzw")
    yield "interlaced.gif", encoded(palette, "GIF", interlace=1)
    yield from bmps()
    yield from turbo_jpegs()
    yield from wide_jpegs()
    yield from oriented()


def rgb_of(path):
    image = Image.open(path)
    if image.mode.startswith("I;16"):  # convert("RGB") would clip it to white; the high byte is what is wanted
        high = (np.asarray(image) >> 8).astype(np.uint8)
        return Image.fromarray(high).convert("RGB")
    return image.convert("RGB")


def resamplings():
    """Resizes of every filter: up, down, both ways, one axis only, and to one pixel; with and without a crop."""
    sizes = {
        "rgb.png": [(37, 29), (20, 15), (74, 58), (100, 7), (37, 11), (9, 29), (1, 1), (64, 81)],
        "tall.png": [(48, 76), (16, 16), (13, 130), (224, 356)],
        "thin.png": [(20, 256), (3, 8), (7, 64)],
        "dot.png": [(1, 1), (5, 3)],
    }
    for name, targets in sizes.items():
        image = rgb_of(IMAGES / name)
        for width, height in targets:
            crops = [(0, 0, width, height)]
            if min(width, height) > 6:
                crops.append((width // 4, height // 3, width // 4 + width // 2, height // 3 + height // 2))
            for filter_name, filter_ in FILTERS.items():
                whole = image.resize((width, height), filter_)
                for x0, y0, x1, y1 in crops:
                    case = f"{name} {filter_name} {width}x{height} {x0},{y0},{x1},{y1}"
                    yield case, {
                        "image": name,
                        "filter": filter_name,
                        "size": [width, height],
                        "window": [x0, y0, x1, y1],
                        "sha256": digest(case, np.asarray(whole.crop((x0, y0, x1, y1)))),
                    }


def shortest_edge(width, height, size):
    """torchvision's _compute_resized_output_size and transformers' get_resize_output_image_size."""
    short, long = min(width, height), max(width, height)
    new_long = int(size * long / short)
    return (size, new_long) if width <= height else (new_long, size)


def crop_torchvision(array, width, height):
    """torchvision.transforms.functional.center_crop: pads first, then rounds the margin half to even."""
    h, w = array.shape[:2]
    if width > w or height > h:
        left, top = max((width - w) // 2, 0), max((height - h) // 2, 0)
        right, bottom = max((width - w + 1) // 2, 0), max((height - h + 1) // 2, 0)
        array = np.pad(array, ((top, bottom), (left, right), (0, 0)))
        h, w = array.shape[:2]
    top, left = int(round((h - height) / 2.0)), int(round((w - width) / 2.0))
    return array[top : top + height, left : left + width]


def crop_transformers(array, width, height):
    """transformers.image_transforms.center_crop."""
    h, w = array.shape[:2]
    top, left = (h - height) // 2, (w - width) // 2
    bottom, right = top + height, left + width
    if top >= 0 and bottom <= h and left >= 0 and right <= w:
        return array[top:bottom, left:right]
    new_h, new_w = max(height, h), max(width, w)
    new = np.zeros((new_h, new_w, 3), array.dtype)
    top_pad, left_pad = math.ceil((new_h - h) / 2), math.ceil((new_w - w) / 2)
    new[top_pad : top_pad + h, left_pad : left_pad + w] = array
    top, bottom, left, right = top + top_pad, bottom + top_pad, left + left_pad, right + left_pad
    return new[max(0, top) : min(new_h, bottom), max(0, left) : min(new_w, right)]


CROPS = {"half_even": crop_torchvision, "floor": crop_transformers}


def tensors():
    mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    plain = {"scale": 1 / 255, "mean": mean, "std": std}
    specs = []
    for rounding in CROPS:
        for size, width, height in (16, 14, 14), (21, 16, 13), (8, 12, 13), (5, 4, 9), (11, 40, 3):
            specs.append(
                {
                    "resize": {"mode": "shortest_edge", "size": size, "filter": "bilinear"},
                    "crop": {"width": width, "height": height, "rounding": rounding},
                    "channels": "rgb",
                    "normalize": plain,
                }
            )
    # The image is smaller than the crop, and nothing is resized.
    for rounding in CROPS:
        specs.append({"crop": {"width": 100, "height": 100, "rounding": rounding}, "channels": "rgb", "normalize": plain})
    specs.append(
        {
            "resize": {"mode": "exact", "width": 19, "height": 23, "filter": "nearest"},
            "channels": "bgr",
            "normalize": {"scale": 1, "mean": [123.68, 116.779, 103.939], "std": [1, 1, 1]},
        }
    )
    specs.append(
        {
            "resize": {"mode": "exact", "width": 19, "height": 23, "filter": "bicubic"},
            "channels": "rgb",
            "normalize": {"scale": 1 / 127.5, "offset": -1, "mean": [0, 0, 0], "std": [1, 1, 1]},
        }
    )
    for number, spec in enumerate(specs):
        for name in "rgb.png", "tall.png", "thin.png":
            image = rgb_of(IMAGES / name)
            resize, crop, normalize = spec.get("resize"), spec.get("crop"), spec["normalize"]
            if resize:
                size = (resize.get("width"), resize.get("height"))
                if resize["mode"] == "shortest_edge":
                    size = shortest_edge(*image.size, resize["size"])
                image = image.resize(size, FILTERS[resize["filter"]])
            array = np.asarray(image)
            if crop:
                array = CROPS[crop["rounding"]](array, crop["width"], crop["height"])
            # transformers: rescale in float64, cast, then float32 arithmetic.
            values = (array.astype(np.float64) * normalize["scale"]).astype(np.float32)
            values = values + np.float32(normalize.get("offset", 0))
            values = (values - np.array(normalize["mean"], np.float32)) / np.array(normalize["std"], np.float32)
            if spec["channels"] == "bgr":
                values = values[..., ::-1]
            assert values.dtype == np.float32
            for layout, array in ("NHWC", values), ("NCHW", values.transpose(2, 0, 1)):
                case = f"{number} {name} {layout}"
                yield case, {"image": name, "layout": layout, "spec": spec, "sha256": digest(case, array)}


def main():
    warnings.filterwarnings("ignore", "Palette images with Transparency")  # dropping it is what is wanted here
    IMAGES.mkdir(exist_ok=True)
    decoded, turned = {}, {}
    for name, data in images():
        (IMAGES / name).write_bytes(data)
        rgb = rgb_of(IMAGES / name)
        decoded[name] = {"width": rgb.width, "height": rgb.height, "sha256": digest(name, np.asarray(rgb))}
        if name.startswith("orientation"):
            rgb = ImageOps.exif_transpose(Image.open(IMAGES / name)).convert("RGB")
            turned[name] = {"width": rgb.width, "height": rgb.height, "sha256": digest(name, np.asarray(rgb))}
    golden = {"pillow": PIL.__version__, "decode": decoded, "turn": turned, "resample": dict(resamplings()), "tensor": dict(tensors())}
    (HERE / "golden.json").write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
