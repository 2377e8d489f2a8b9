"""Prints what Pillow makes of image files, for comparison with package model/preprocess.

    python pixels.py < FILES        # one path a line; needs pillow and numpy

One line of JSON a file: its size, the SHA-256 of its packed RGB bytes, and the SHA-256 of what a resize makes of them; or the error.
The resize cycles through all filters and several sizes, by the file's number.
"""

import hashlib
import json
import sys
import warnings

import numpy as np
from PIL import Image

FILTERS = ["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"]
SIZES = [(224, 224), (298, 256), (97, 600), (640, 31)]

warnings.filterwarnings("ignore")
Image.MAX_IMAGE_PIXELS = 64_000_000 // 2  # an error from twice as many on


def digest(image):
    return hashlib.sha256(np.asarray(image).tobytes()).hexdigest()


def main():
    for number, line in enumerate(sys.stdin):
        path = line.rstrip("\n")
        try:
            image = Image.open(path)
            if image.mode.startswith("I;16"):  # convert("RGB") would clip it to white; the high byte is what is wanted
                image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
            rgb = image.convert("RGB")
            filter_ = FILTERS[number % len(FILTERS)]
            size = SIZES[number // len(FILTERS) % len(SIZES)]
            resized = rgb.resize(size, Image.Resampling[filter_.upper()])
            result = {
                "width": rgb.width,
                "height": rgb.height,
                "sha256": digest(rgb),
                "filter": filter_,
                "size": size,
                "resized": digest(resized),
            }
        except Exception as e:  # any kind of damage
            result = {"error": f"{type(e).__name__}: {e}"}
        print(json.dumps(result))


if __name__ == "__main__":
    main()
