"""python -m train.examples: writes the small example images of testdata/examples, ten of each kind, from seeds that training does not use."""

import argparse
import importlib
import pathlib

import numpy as np
from PIL import Image

from . import kinds

SEED = 4_060_213
COUNT = 10
LONGEST = 384
"""Pixels of the longer side: the files are committed, and kept small."""

FORMATS = (("jpg", {"quality": 82}), ("png", {"optimize": True}), ("webp", {"quality": 80, "method": 6}), ("jpg", {"quality": 68, "progressive": True}))

LARGEST = 48_000
"""Bytes of a file; a PNG that would be larger becomes a JPEG, as it does wherever photos are kept."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m train.examples", description=__doc__)
    parser.add_argument("output", type=pathlib.Path, nargs="?", default=pathlib.Path(__file__).parents[3] / "testdata" / "examples")
    output = parser.parse_args().output
    total = sum(write(output / kind, kind) for kind in kinds.KINDS)
    print(f"{output}: {COUNT * len(kinds.KINDS)} images, {total / 1e6:.2f} MB")


def write(folder: pathlib.Path, kind: str) -> int:
    """Writes the examples of a kind, one of each recipe as far as they go, in turning formats; returns their bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    recipes = importlib.import_module(f"{kinds.__name__}.{kind}").RECIPES
    names = sorted(recipes)
    total = 0
    for i in range(COUNT):
        rng = np.random.default_rng([SEED, kinds.KINDS.index(kind), i])
        name = names[i * (len(names) - 1) // (COUNT - 1) if len(names) > COUNT else i % len(names)]
        image = recipes[name](rng)
        image.thumbnail((LONGEST, LONGEST), Image.Resampling.LANCZOS)
        suffix, options = FORMATS[i % len(FORMATS)]
        file = folder / f"{i:02d}-{name.replace('_', '-')}.{suffix}"
        image.save(file, **options)
        if file.stat().st_size > LARGEST:
            file.unlink()
            file = file.with_suffix(".jpg")
            image.save(file, quality=75)
        total += file.stat().st_size
    return total


if __name__ == "__main__":
    main()
