"""Generates the images of a split with all CPUs into a cache on disk: uint8 pixels at the network's size, memory-mapped, one file a kind."""

import dataclasses
import hashlib
import importlib
import json
import multiprocessing
import os
import pathlib
import shutil
import sys
import time
import types

import numpy as np
from PIL import Image

from . import kinds, pixels, views
from .settings import SIDE, Settings

SPLITS = ("train", "familiar", "held_out")
"""familiar: the recipes that are trained on, with other seeds. held_out: recipes that are not trained on."""

NO_PIXELS = ("__main__", "augment", "card", "evaluate", "examples", "export", "failures", "network", "real", "settings", "test_kinds", "test_real", "training")
"""Modules whose source decides no pixel of a split, so that the cache outlives changes of them."""

CHUNK = 24
"""Generated images of one task of a worker."""


class Rows:
    """The rows of several memory-mapped files as if they were one array: uint8 [n, SIDE, SIDE, 3], indexed by a row, a slice or an array."""

    def __init__(self, parts: list[np.ndarray]):
        self.parts, self.ends = parts, np.cumsum([len(part) for part in parts])

    def __len__(self) -> int:
        return int(self.ends[-1])

    def __getitem__(self, rows) -> np.ndarray:
        wanted = np.arange(len(self))[rows]
        if wanted.ndim == 0:
            return self.row(int(wanted))
        out = np.empty((len(wanted), SIDE, SIDE, 3), dtype=np.uint8)
        for i, row in enumerate(wanted):
            out[i] = self.row(int(row))
        return out

    def row(self, row: int) -> np.ndarray:
        part = int(np.searchsorted(self.ends, row, side="right"))
        return np.asarray(self.parts[part][row - (self.ends[part - 1] if part else 0)])


@dataclasses.dataclass(frozen=True)
class Dataset:
    """The images of a split. Row i shows `recipes[recipe[i]]`, which is of kind `kinds.KINDS[kind[i]]`."""

    pixels: Rows
    kind: np.ndarray  # int64 [n]
    recipe: np.ndarray  # int64 [n]
    recipes: list[str]  # "kind/name"


@dataclasses.dataclass(frozen=True)
class Task:
    """A run of consecutive images of one kind and split, for a worker, and the file it writes them to, of `images` in all."""

    file: str
    images: int
    split: str
    kind: str
    settings: Settings
    first: int
    count: int


def load(split: str, settings: Settings, cache: pathlib.Path) -> Dataset:
    """Returns a split, generating what the cache does not have."""
    parts, kind_of, recipe_of, names = [], [], [], []
    for k, kind in enumerate(kinds.KINDS):
        rows, own = load_kind(kind, split, settings, cache), recipes(kind, split)
        images = np.arange(len(rows)) // view_count(split, settings)
        parts.append(rows)
        kind_of.append(np.full(len(rows), k))
        recipe_of.append(len(names) + images % len(own))
        names += [f"{kind}/{name}" for name in own]
    return Dataset(Rows(parts), np.concatenate(kind_of), np.concatenate(recipe_of), names)


def load_kind(kind: str, split: str, settings: Settings, cache: pathlib.Path) -> np.ndarray:
    """Returns the rows of one kind of a split. The cache is keyed by all that decides them, source code included."""
    folder = cache / f"{split}-{kind}-{fingerprint(kind, split, settings)}"
    if not folder.exists():
        generate(kind, split, settings, folder)
    return open_rows(folder / "pixels.u8", images_of(kind, split, settings) * view_count(split, settings), "r")


def open_rows(file: pathlib.Path | str, rows: int, mode: str) -> np.memmap:
    return np.memmap(file, dtype=np.uint8, mode=mode, shape=(rows, SIDE, SIDE, 3))


def recipes(kind: str, split: str) -> list[str]:
    """Returns the names of the recipes of a kind that a split draws from, sorted."""
    module = importlib.import_module(f"{kinds.__name__}.{kind}")
    names = sorted(name for name in module.RECIPES if (name in module.HELD_OUT) == (split == "held_out"))
    if not names:
        raise ValueError(f"kind {kind} has no recipe for the split {split}")
    return names


def images_of(kind: str, split: str, settings: Settings) -> int:
    """Returns how many images of a kind a split has."""
    if split == "train":
        return settings.photos if kind == "photo" else settings.images
    return getattr(settings, split)


def view_count(split: str, settings: Settings) -> int:
    """Returns how many rows one image makes: what is evaluated is the whole image, once."""
    return settings.views if split == "train" else 1


def fingerprint(kind: str, split: str, settings: Settings) -> str:
    """Names the rows of a kind and split by everything that decides them."""
    decisive = (kind, split, images_of(kind, split, settings), view_count(split, settings), settings.seed, SIDE)
    digest = hashlib.sha256(repr(decisive).encode())
    package = pathlib.Path(__file__).parent
    module = importlib.import_module(f"{kinds.__name__}.{kind}")
    # Screenshots show photos and graphics: a kind's rows change with the kinds that it draws from, too.
    shown = [value for value in vars(module).values() if isinstance(value, types.ModuleType) and value.__package__ == kinds.__name__]
    for file in [*sorted(package.glob("*.py")), *(pathlib.Path(m.__file__) for m in (module, *shown))]:
        if file.stem not in NO_PIXELS:
            digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def generate(kind: str, split: str, settings: Settings, folder: pathlib.Path) -> None:
    """Fills a folder of the cache; it appears under its name only when it is complete."""
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    images = images_of(kind, split, settings)
    file = partial / "pixels.u8"
    open_rows(file, images * view_count(split, settings), "w+").flush()
    tasks = [Task(str(file), images, split, kind, settings, i, min(CHUNK, images - i)) for i in range(0, images, CHUNK)]
    began, done = time.monotonic(), 0
    # Not forked: whoever imports TensorFlow first has threads that do not survive it.
    with multiprocessing.get_context("spawn").Pool(min(os.cpu_count() or 1, len(tasks))) as pool:
        for count in pool.imap_unordered(work, tasks):
            if done // 500 != (done + count) // 500:
                print(f"  {split} {kind}: {done + count} of {images}, {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
            done += count
    partial.rename(folder)


def work(task: Task) -> int:
    """Draws the images of a task into its rows of the file, and returns their number."""
    per_image = view_count(task.split, task.settings)
    rows = open_rows(task.file, task.images * per_image, "r+")
    for i in range(task.first, task.first + task.count):
        image, rng = draw(task.kind, i, task.split, task.settings.seed)
        shown = views.views(image, task.kind, per_image, rng) if task.split == "train" else [image]
        for v, view in enumerate(shown):
            rows[i * per_image + v] = pixels.square(view)
    rows.flush()
    return task.count


def draw(kind: str, index: int, split: str, seed: int) -> tuple[Image.Image, np.random.Generator]:
    """Returns image `index` of a kind and split, and the generator that drew it. The recipes of a kind take turns."""
    own = recipes(kind, split)
    rng = np.random.default_rng([seed, SPLITS.index(split), *kind.encode(), index])
    module = importlib.import_module(f"{kinds.__name__}.{kind}")
    return module.RECIPES[own[index % len(own)]](rng), rng
