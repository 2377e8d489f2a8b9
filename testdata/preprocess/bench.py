"""The other side of BenchmarkAgainstPillow: bytes of a JPEG to 3x224x224 float32 with Pillow and numpy, on one thread.

    python bench.py FILE...

Each line on standard input asks for one round over all files; the answer is its CPU time in seconds.
"""

import io
import os
import sys
import time

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
from PIL import Image

MEAN = np.array([0.485, 0.456, 0.406], np.float32)
STD = np.array([0.229, 0.224, 0.225], np.float32)


def tensor(data):
    image = Image.open(io.BytesIO(data)).convert("RGB")
    width, height = image.size
    long = int(256 * max(width, height) / min(width, height))
    width, height = (256, long) if width <= height else (long, 256)
    image = image.resize((width, height), Image.Resampling.BILINEAR)
    left, top = round((width - 224) / 2), round((height - 224) / 2)
    image = image.crop((left, top, left + 224, top + 224))
    values = np.asarray(image).astype(np.float32)
    values *= np.float32(1 / 255)
    values -= MEAN
    values /= STD
    return np.ascontiguousarray(values.transpose(2, 0, 1))


def main():
    images = []
    for path in sys.argv[1:]:
        with open(path, "rb") as file:
            images.append(file.read())
    for _ in sys.stdin:
        start = time.process_time()
        for data in images:
            tensor(data)
        print(time.process_time() - start, flush=True)


if __name__ == "__main__":
    main()
