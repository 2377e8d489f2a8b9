"""What training relies on: every recipe draws, always the same from one seed, and brightness does not tell the kind."""

import importlib
import os
import subprocess
import sys

import numpy as np
import pytest

from . import kinds, symbols
from .drawing import contrast

RECIPES = [(kind, name) for kind in kinds.KINDS for name in importlib.import_module(f"{kinds.__name__}.{kind}").RECIPES]

LEAST = {"photo": (12, 3), "document": (6, 1), "screenshot": (6, 1), "graphic": (6, 1), "code": (6, 1), "blank": (4, 1)}
"""Recipes of a kind to train on and to hold out, at least."""


def module(kind: str):
    return importlib.import_module(f"{kinds.__name__}.{kind}")


def draw(kind: str, name: str, seed: int):
    return module(kind).RECIPES[name](np.random.default_rng([77, seed]))


@pytest.mark.parametrize(("kind", "name"), RECIPES)
def test_recipe_draws_rgb_of_a_natural_size_again_and_again(kind, name):
    for seed in range(3):
        image = draw(kind, name, seed)
        assert image.mode == "RGB"
        assert 150 <= min(image.size) and max(image.size) <= 1200, image.size
        assert image.tobytes() == draw(kind, name, seed).tobytes()
    assert draw(kind, name, 1).tobytes() != draw(kind, name, 2).tobytes()


@pytest.mark.parametrize(("kind", "name"), RECIPES)
def test_recipe_is_documented(kind, name):
    assert module(kind).RECIPES[name].__doc__, f"{kind}/{name} has no docstring"
    assert module(kind).RECIPES[name].__name__ == name


@pytest.mark.parametrize("kind", kinds.KINDS)
def test_recipes_are_held_out_whole(kind, monkeypatch):
    drawn = []
    for name in module(kind).RECIPES:
        monkeypatch.setitem(module(kind).RECIPES, name, lambda rng, name=name: drawn.append(name))
    for seed in range(300):
        kinds.generate(kind, np.random.default_rng(seed))
    assert set(drawn) == set(module(kind).RECIPES) - module(kind).HELD_OUT
    drawn.clear()
    for seed in range(100):
        kinds.generate(kind, np.random.default_rng(seed), held_out=True)
    assert set(drawn) == set(module(kind).HELD_OUT)


@pytest.mark.parametrize("kind", kinds.KINDS)
def test_there_are_enough_recipes(kind):
    trained, held_out = LEAST[kind]
    assert len(module(kind).HELD_OUT) >= held_out
    assert len(module(kind).RECIPES) - len(module(kind).HELD_OUT) >= trained


def test_blank_is_blank_and_nothing_else_is():
    for seed in range(60):
        rng = np.random.default_rng([6, seed])
        names = [name for name in module("blank").RECIPES if name != "bars"]
        assert contrast(module("blank").RECIPES[names[seed % len(names)]](rng)) < 0.08
        for kind in ("photo", "graphic", "code"):
            assert contrast(kinds.generate(kind, rng)) > 0.01, (kind, seed)


def test_brightness_does_not_tell_the_kind():
    means = {kind: [brightness(kinds.generate(kind, np.random.default_rng([5, seed]))) for seed in range(40)] for kind in kinds.KINDS}
    photos = np.array(means["photo"])
    for kind, values in means.items():
        assert 0.3 < np.mean(values) < 0.8, (kind, np.mean(values))
        if kind != "photo":
            assert separability(photos, np.array(values)) < 0.85, kind


def brightness(image) -> float:
    """The mean of the grey values of an image, as a share."""
    return float(np.asarray(image.convert("L"), dtype=np.float32).mean()) / 255


def separability(a: np.ndarray, b: np.ndarray) -> float:
    """The mean recall of the best single threshold between two samples: 0.5 where it is of no use."""
    best = 0.5
    for threshold in np.concatenate([a, b]):
        share = ((a < threshold).mean() + (b >= threshold).mean()) / 2
        best = max(best, share, 1 - share)
    return best


def test_drawing_does_not_depend_on_the_process():
    script = "import sys, zlib, numpy as np; from train import kinds; print([zlib.crc32(kinds.generate(k, np.random.default_rng(3)).tobytes()) for k in kinds.KINDS])"
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    runs = [
        subprocess.run([sys.executable, "-c", script], cwd=root, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True).stdout
        for seed in ("1", "2")
    ]
    assert runs[0] == runs[1]


def test_ean13_has_the_check_digit_and_the_bars_of_the_standard():
    cells, digits = symbols.ean13(np.random.default_rng(1))
    assert cells.shape == (1, 95)
    assert (sum(map(int, digits[0::2])) + 3 * sum(map(int, digits[1::2]))) % 10 == 0
    assert cells[0, :3].tolist() == cells[0, -3:].tolist() == [True, False, True]


def test_code128_has_eleven_modules_a_symbol_and_thirteen_at_the_end():
    cells, content = symbols.code128(np.random.default_rng(1))
    assert cells.shape[1] == 11 * (len(content) + 2) + 13


def test_qr_has_its_three_finders():
    for seed in range(20):
        cells = symbols.qr(np.random.default_rng(seed))
        corners = [cells[:7, :7]] if len(cells) < 21 else [cells[:7, :7], cells[:7, -7:], cells[-7:, :7]]
        for corner in corners:
            assert corner[0].all() and corner[2:5, 2:5].all() and not corner[1, 1:6].any()
