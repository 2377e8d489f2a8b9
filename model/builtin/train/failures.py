"""Pictures of generated images that the model gets wrong, for the card."""

import pathlib

import numpy as np
from PIL import Image

from . import dataset, kinds
from .evaluate import predict
from .export import open_session
from .settings import Settings
from .training import calibration_rows

SHOWN = 12
LONGEST = 144
"""Pixels of the longer side of a picture: a few kB as JPEG."""


def draw(folder: pathlib.Path, held_out: dataset.Dataset, settings: Settings, into: pathlib.Path) -> list[dict]:
    """Writes pictures of the most confident failures, at most two of a recipe, and returns what they show."""
    for old in into.glob("failure-*.jpg"):
        old.unlink()
    probabilities = predict(open_session(str(folder / "model.onnx")), held_out.pixels)
    called = probabilities.argmax(axis=1)
    wrong = called != held_out.kind
    wrong[calibration_rows(held_out, settings)] = False
    shown, seen = [], {}
    for row in np.flatnonzero(wrong)[np.argsort(-probabilities.max(axis=1)[wrong], kind="stable")]:
        recipe = held_out.recipes[held_out.recipe[row]]
        seen[recipe] = seen.get(recipe, 0) + 1
        if seen[recipe] > 2:
            continue
        kind = kinds.KINDS[held_out.kind[row]]
        first = int(np.flatnonzero(held_out.kind == held_out.kind[row])[0])
        image, _ = dataset.draw(kind, int(row) - first, "held_out", settings.seed)
        image = image.convert("RGB")
        image.thumbnail((LONGEST, LONGEST), Image.Resampling.LANCZOS)
        name = f"failure-{len(shown) + 1:02d}.jpg"
        image.save(into / name, "JPEG", quality=70)
        shown.append({"picture": name, "recipe": recipe, "called": kinds.KINDS[called[row]], "confidence": round(float(probabilities[row].max()), 2)})
        if len(shown) == SHOWN:
            break
    return shown
