"""python -m train: generates, trains, exports, evaluates and writes the card, or some of these steps."""

import argparse
import json
import os
import pathlib
import shutil
import sys
import tempfile
import time

from . import dataset, kinds
from .settings import FULL, QUICK, Settings

STEPS = ("generate", "train", "export", "evaluate", "card")


def main() -> None:
    options = parse()
    began = time.monotonic()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    run = Run(QUICK if options.quick else FULL, options.cache, options.output, options.shared)
    for step in options.steps or STEPS:
        say(f"{step} ...")
        at = time.monotonic()
        getattr(run, step)()
        say(f"{step} took {time.monotonic() - at:.0f} s")
    say(f"done in {time.monotonic() - began:.0f} s: {options.output}")
    if options.quick and options.scratch:
        shutil.rmtree(options.scratch)


def parse() -> argparse.Namespace:
    """Reads the command line; the quick run keeps its hands off the committed model."""
    parser = argparse.ArgumentParser(prog="python -m train", description=__doc__)
    parser.add_argument("steps", nargs="*", metavar="STEP", help=f"some of {', '.join(STEPS)}, prior (default: all but prior)")
    parser.add_argument("--quick", action="store_true", help="all steps on a little data, into a temporary folder")
    parser.add_argument("--cache", type=pathlib.Path, help="folder of generated images and weights")
    parser.add_argument("--output", type=pathlib.Path, help="the model folder to write")
    parser.add_argument("--shared", type=pathlib.Path, help="folder with data/photos etc. to evaluate on (default: $TAGBEAM_SHARED)")
    options = parser.parse_args()
    for step in options.steps:
        if step not in (*STEPS, "prior"):
            parser.error(f"step {step!r} is not known: {', '.join(STEPS)}, prior")
    if options.shared is None and os.environ.get("TAGBEAM_SHARED"):
        options.shared = pathlib.Path(os.environ["TAGBEAM_SHARED"])
    options.scratch = None
    if options.quick:
        options.scratch = pathlib.Path(tempfile.mkdtemp(prefix="tagbeam-train-"))
        options.cache = options.cache or options.scratch / "cache"
        options.output = options.output or options.scratch / "builtin"
    home = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    options.cache = options.cache or home / "tagbeam" / "builtin"
    options.output = options.output or pathlib.Path(__file__).parent.parent
    return options


def say(message: str) -> None:
    print(f"train: {message}", file=sys.stderr, flush=True)


class Run:
    """The steps, each of which finds on disk what those before it made. What needs TensorFlow is imported where it is needed."""

    def __init__(self, settings: Settings, cache: pathlib.Path, output: pathlib.Path, shared: pathlib.Path | None):
        self.settings, self.cache, self.output, self.shared = settings, cache, output, shared
        self.weights = cache / "trained.weights.h5"
        self.temperature = cache / "temperature.json"
        self.metrics = output / "card" / "metrics.json"

    def data(self, split: str) -> dataset.Dataset:
        return dataset.load(split, self.settings, self.cache)

    def generate(self) -> None:
        for split in dataset.SPLITS:
            self.data(split)

    def train(self) -> None:
        from . import training

        net = training.train(self.data("train"), self.settings)
        net.training.save_weights(self.weights)

    def export(self) -> None:
        from . import export, network, training

        net = network.build(len(kinds.KINDS))
        net.training.load_weights(self.weights)
        self.temperature.write_text(json.dumps(training.calibrate(net, self.data("held_out"), self.settings)))
        export.export(net, self.output)

    def evaluate(self) -> None:
        from . import evaluate, failures

        held_out, temperature = self.data("held_out"), json.loads(self.temperature.read_text())
        numbers = evaluate.evaluate(self.output, held_out, self.data("familiar"), self.settings, temperature, self.shared)
        self.metrics.parent.mkdir(parents=True, exist_ok=True)
        numbers["failures"] = failures.draw(self.output, held_out, self.settings, self.metrics.parent)
        self.metrics.write_text(json.dumps(numbers, indent=1) + "\n")

    def card(self) -> None:
        from . import card

        card.write(json.loads(self.metrics.read_text()), self.settings, self.output / "MODEL_CARD.md")

    def prior(self) -> None:
        from . import evaluate

        if self.shared is None:
            raise SystemExit("train: prior needs real photos: --shared DIR")
        for row in evaluate.priors(self.output, self.data("held_out"), self.settings, self.shared):
            say(json.dumps(row))


if __name__ == "__main__":
    main()
