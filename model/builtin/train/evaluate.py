"""Measures the exported model, through ONNX Runtime, on held-out recipes and on real photos."""

import pathlib
import time

import numpy as np
import onnxruntime
from PIL import Image

from . import kinds, pixels
from .dataset import Dataset
from .export import open_session
from .settings import SIDE, Settings
from .training import calibration_rows

PHOTO = kinds.KINDS.index("photo")
THRESHOLDS = (0.0, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
REAL = ("ants_bees", "photos", "large")
"""Folders of real photos under the shared data; ants_bees is the one the prior was chosen on."""


def evaluate(folder: pathlib.Path, held_out: Dataset, familiar: Dataset, settings: Settings, temperature: float, shared: pathlib.Path | None) -> dict:
    """Returns all the numbers of the card, as JSON types."""
    session = open_session(str(folder / "model.onnx"))
    probabilities = predict(session, held_out.pixels)
    calibration = np.zeros(len(held_out.kind), dtype=bool)
    calibration[calibration_rows(held_out, settings)] = True
    test = ~calibration
    return {
        "kinds": list(kinds.KINDS),
        "bytes": (folder / "model.onnx").stat().st_size,
        "images_per_second": round(speed(session)),
        "temperature": round(temperature, 3),
        "photo_prior": settings.photo_prior,
        "threshold": settings.threshold,
        "held_out": measure(probabilities[test], held_out.kind[test]),
        "calibration_others_called_photo": others_called_photo(probabilities[calibration], held_out.kind[calibration], settings.threshold),
        "held_out_recipes": by_recipe(probabilities[test], held_out.kind[test], held_out.recipe[test], held_out.recipes),
        "familiar": measure(predict(session, familiar.pixels), familiar.kind),
        "ece": {
            "before": expected_calibration_error(uncalibrated(probabilities[test], temperature, settings), held_out.kind[test]),
            "after": expected_calibration_error(probabilities[test], held_out.kind[test]),
        },
        "real": {name: measure_photos(session, shared / "data" / name, settings.threshold) for name in REAL} if shared else {},
    }


def predict(session: onnxruntime.InferenceSession, rows: np.ndarray) -> np.ndarray:
    """Returns the probabilities [n, kinds] of uint8 rows."""
    out = [session.run(["probabilities"], {"image": rows[i : i + 32].astype(np.float32)})[0] for i in range(0, len(rows), 32)]
    return np.concatenate(out)


def speed(session: onnxruntime.InferenceSession) -> float:
    """Returns images per second of CPU time of one thread, in batches of 8."""
    batch = np.zeros((8, SIDE, SIDE, 3), dtype=np.float32)
    rates = []
    for _ in range(5):
        began = time.process_time()
        for _ in range(60):
            session.run(["probabilities"], {"image": batch})
        rates.append(8 * 60 / (time.process_time() - began))
    return float(np.median(rates))


def measure(probabilities: np.ndarray, kind: np.ndarray) -> dict:
    """Returns accuracy, recall of each kind, confusion (rows: what it is; columns: what it is called), and what abstaining would do."""
    called, n = probabilities.argmax(axis=1), len(kinds.KINDS)
    confusion = np.zeros((n, n), dtype=int)
    np.add.at(confusion, (kind, called), 1)
    confidence = probabilities.max(axis=1)
    abstaining = []
    for t in THRESHOLDS:
        kept = confidence >= t
        abstaining.append(
            {
                "threshold": t,
                "abstained": float(1 - kept.mean()),
                "right": float((called == kind)[kept].mean()) if kept.any() else None,
                "others_called_photo": others_called_photo(probabilities, kind, t),
            }
        )
    return {
        "images": len(kind),
        "right": float((called == kind).mean()),
        "recall": {name: float(confusion[i, i] / max(1, confusion[i].sum())) for i, name in enumerate(kinds.KINDS)},
        "others_called_photo": others_called_photo(probabilities, kind, 0),
        "confusion": confusion.tolist(),
        "abstaining": abstaining,
    }


def by_recipe(probabilities: np.ndarray, kind: np.ndarray, recipe: np.ndarray, recipes: list[str]) -> dict:
    """Returns the share of right answers for each recipe, the worst first."""
    right = probabilities.argmax(axis=1) == kind
    shares = {name: float(right[recipe == i].mean()) for i, name in enumerate(recipes) if (recipe == i).any()}
    return dict(sorted(shares.items(), key=lambda item: item[1]))


def others_called_photo(probabilities: np.ndarray, kind: np.ndarray, threshold: float) -> float:
    """Returns the share of all images of other kinds that are called photo, with at least the confidence of the threshold."""
    others = kind != PHOTO
    taken = (probabilities.argmax(axis=1) == PHOTO) & (probabilities.max(axis=1) >= threshold)
    return float((taken & others).sum() / max(1, others.sum()))


def expected_calibration_error(probabilities: np.ndarray, kind: np.ndarray, bins: int = 15) -> float:
    """The mean distance between confidence and the share of right answers, over bins of equal width (Guo et al. 2017)."""
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == kind
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    return float(sum(abs(confidence[place == b].sum() - right[place == b].sum()) for b in range(bins)) / len(kind))


def uncalibrated(probabilities: np.ndarray, temperature: float, settings: Settings) -> np.ndarray:
    """Returns the probabilities as they were before temperature and prior."""
    logits = np.log(np.maximum(probabilities, 1e-30))
    logits[:, PHOTO] -= np.log(settings.photo_prior)
    logits *= temperature
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)


def measure_photos(session: onnxruntime.InferenceSession, folder: pathlib.Path, threshold: float) -> dict:
    """Returns what the photos in a folder are called, without and with abstaining."""
    probabilities = predict(session, read(folder))
    called, kept = probabilities.argmax(axis=1), probabilities.max(axis=1) >= threshold
    return {
        "images": len(called),
        "called": {name: int((called == i).sum()) for i, name in enumerate(kinds.KINDS)},
        "kept_called_photo": int(((called == PHOTO) & kept).sum()),
        "abstained": int((~kept).sum()),
    }


def read(folder: pathlib.Path) -> np.ndarray:
    """Returns all JPEG files below a folder, in order of their paths, as the network sees them."""
    files = sorted(f for f in folder.rglob("*") if f.suffix.lower() in (".jpg", ".jpeg"))
    if not files:
        raise FileNotFoundError(f"no JPEG files under {folder}")
    return np.stack([pixels.square(Image.open(f)) for f in files])


def priors(folder: pathlib.Path, held_out: Dataset, settings: Settings, shared: pathlib.Path) -> list[dict]:
    """Returns what priors for photo and thresholds would do: on the real photos of ants_bees, which they are chosen on, and on held-out images for calibration."""
    session = open_session(str(folder / "model.onnx"))
    rows = calibration_rows(held_out, settings)
    generated, kind = predict(session, held_out.pixels[rows]), held_out.kind[rows]
    real = predict(session, read(shared / "data" / "ants_bees"))
    table = []
    for prior in (1, 1.5, 2, 3, 4):
        factor = np.ones(len(kinds.KINDS))
        factor[PHOTO] = prior / settings.photo_prior
        ours, theirs = (p * factor / (p * factor).sum(axis=1, keepdims=True) for p in (generated, real))
        for threshold in (0, 0.5, 0.55, 0.6, 0.65):
            kept = theirs.max(axis=1) >= threshold
            table.append(
                {
                    "prior": prior,
                    "threshold": threshold,
                    "real_photos_called_photo": float(((theirs.argmax(axis=1) == PHOTO) & kept).mean()),
                    "real_photos_abstained": float(1 - kept.mean()),
                    "others_called_photo": others_called_photo(ours, kind, threshold),
                }
            )
    return table
