"""Generates the images of a split with all CPUs into a cache on disk: uint8 pixels at the network's size, memory-mapped."""

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

import numpy as np

from . import kinds, pixels, views
from .settings import SIDE, Settings

SPLITS = ("train", "familiar", "held_out")
"""familiar: the recipes that are trained on, with other seeds. held_out: recipes that are not trained on."""

CHUNK = 24
"""Generated images of one task of a worker."""


@dataclasses.dataclass(frozen=True)
class Dataset:
    """The images of a split. Row i shows `recipes[recipe[i]]`, which is of kind `kinds.KINDS[kind[i]]`."""

    pixels: np.ndarray  # uint8 [n, SIDE, SIDE, 3]
    kind: np.ndarray  # int64 [n]
    recipe: np.ndarray  # int64 [n]
    recipes: list[str]  # "kind/name"


@dataclasses.dataclass(frozen=True)
class Task:
    """A run of consecutive images of one kind, for a worker."""

    file: str
    rows: int  # of the file
    settings: Settings
    split: str
    kind: int
    first: int  # index of the first image within its kind
    count: int
    row: int  # where its rows begin


def load(split: str, settings: Settings, cache: pathlib.Path) -> Dataset:
    """Returns a split, generating it unless the cache has it. The cache is keyed by the settings and by the source of the generators."""
    folder = cache / f"{split}-{fingerprint(split, settings)}"
    if not (folder / "index.json").exists():
        generate(split, settings, folder)
    index = json.loads((folder / "index.json").read_text())
    rows = np.memmap(folder / "pixels.u8", dtype=np.uint8, mode="r", shape=(len(index["kind"]), SIDE, SIDE, 3))
    return Dataset(rows, np.array(index["kind"]), np.array(index["recipe"]), index["recipes"])


def recipes(kind: str, split: str) -> list[str]:
    """Returns the names of the recipes of a kind that a split draws from, sorted."""
    module = importlib.import_module(f"{kinds.__name__}.{kind}")
    return sorted(name for name in module.RECIPES if (name in module.HELD_OUT) == (split == "held_out"))


def fingerprint(split: str, settings: Settings) -> str:
    """Names a split by everything that decides its pixels."""
    digest = hashlib.sha256(repr((split, counts(split, settings), view_count(split, settings), settings.seed, SIDE)).encode())
    package = pathlib.Path(__file__).parent
    for file in [package / "views.py", package / "pixels.py", *sorted((package / "kinds").glob("*.py"))]:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def counts(split: str, settings: Settings) -> list[int]:
    """Returns how many images a split has of each kind."""
    if split == "train":
        return [settings.photos if kind == "photo" else settings.images for kind in kinds.KINDS]
    return [getattr(settings, split)] * len(kinds.KINDS)


def view_count(split: str, settings: Settings) -> int:
    """Returns how many rows one image makes: what is evaluated is the whole image, once."""
    return settings.views if split == "train" else 1


def generate(split: str, settings: Settings, folder: pathlib.Path) -> None:
    """Fills a folder of the cache; it appears under its name only when it is complete."""
    per_image = view_count(split, settings)
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    totals = counts(split, settings)
    rows = sum(totals) * per_image
    file = partial / "pixels.u8"
    np.memmap(file, dtype=np.uint8, mode="w+", shape=(rows, SIDE, SIDE, 3)).flush()

    tasks, kind_of, recipe_of, names, row = [], [], [], [], 0
    for k, (kind, total) in enumerate(zip(kinds.KINDS, totals)):
        own = recipes(kind, split)
        if not own:
            raise ValueError(f"kind {kind} has no recipe for the split {split}")
        for first in range(0, total, CHUNK):
            count = min(CHUNK, total - first)
            tasks.append(Task(str(file), rows, settings, split, k, first, count, row))
            row += count * per_image
        for i in range(total):
            kind_of += [k] * per_image
            recipe_of += [len(names) + i % len(own)] * per_image
        names += [f"{kind}/{name}" for name in own]

    began, done = time.monotonic(), 0
    # Slow kinds come in runs: shuffled, they keep all workers busy to the end.
    np.random.default_rng(settings.seed).shuffle(tasks)
    # Not forked: whoever imports TensorFlow first has threads that do not survive it.
    with multiprocessing.get_context("spawn").Pool(os.cpu_count()) as pool:
        for count in pool.imap_unordered(work, tasks):
            if done // 1000 != (done + count) // 1000:
                print(f"  {split}: {done + count} of {sum(totals)} images, {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
            done += count
    (partial / "index.json").write_text(json.dumps({"kind": kind_of, "recipe": recipe_of, "recipes": names}))
    partial.rename(folder)


def work(task: Task) -> int:
    """Draws the images of a task into its rows of the file, and returns their number."""
    rows = np.memmap(task.file, dtype=np.uint8, mode="r+", shape=(task.rows, SIDE, SIDE, 3))
    kind, per_image, row = kinds.KINDS[task.kind], view_count(task.split, task.settings), task.row
    for i in range(task.first, task.first + task.count):
        image, rng = draw(kind, i, task.split, task.settings.seed)
        shown = views.views(image, kind, per_image, rng) if task.split == "train" else [image]
        for view in shown:
            rows[row] = pixels.square(view)
            row += 1
    rows.flush()
    return task.count


def draw(kind: str, index: int, split: str, seed: int):
    """Returns image `index` of a kind and split, and the generator that drew it. The recipes of a kind take turns."""
    own = recipes(kind, split)
    name = own[index % len(own)]
    rng = np.random.default_rng([seed, SPLITS.index(split), kinds.KINDS.index(kind), index])
    module = importlib.import_module(f"{kinds.__name__}.{kind}")
    return module.RECIPES[name](rng), rng
