"""The kinds of images that the model tells apart, one module each, and how to draw an example of one."""

import importlib

import numpy as np
from PIL import Image

KINDS = ("photo", "document", "screenshot", "graphic", "code", "blank")
"""The labels, in the order of the model's outputs. A module of the same name has the RECIPES, and names those HELD_OUT for evaluation."""


def generate(kind: str, rng: np.random.Generator, held_out: bool = False) -> Image.Image:
    """Draws an image of a kind by one of the recipes trained on, or by one of those held out."""
    module = importlib.import_module(f"{__name__}.{kind}")
    names = sorted(name for name in module.RECIPES if (name in module.HELD_OUT) == held_out)
    return module.RECIPES[names[int(rng.integers(len(names)))]](rng)
