"""From an image to what the network sees, the same in training and, bit by bit, in tagbeam (see tagbeam.json)."""

import numpy as np
from PIL import Image

from .settings import SIDE

PREPROCESS = {
    "resize": {"mode": "exact", "width": SIDE, "height": SIDE, "filter": "bilinear"},
    "channels": "rgb",
    "normalize": {"scale": 1, "mean": [0, 0, 0], "std": [1, 1, 1]},
}
"""What tagbeam.json says about it."""


def square(image: Image.Image) -> np.ndarray:
    """Returns the whole image, squeezed to SIDE x SIDE: uint8 [SIDE, SIDE, 3], RGB. Alpha is dropped, as tagbeam drops it."""
    resized = image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    return np.asarray(resized, dtype=np.uint8)
