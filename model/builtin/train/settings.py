"""What a training run does: sizes, seeds and schedules, in one place."""

import dataclasses

SIDE = 128
"""Pixels of a side of the network's input, which is SIDE x SIDE whatever the image's own aspect ratio."""

CALIBRATION_SHARE = 0.5
"""Share of the held-out images that the temperature is fitted on; numbers are reported on the rest."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """One training run. Every random choice follows from `seed`."""

    seed: int = 20261123
    images: int = 1000
    """Generated training images of a kind, but for photo."""
    photos: int = 3000
    """Generated training images of kind photo: the kind with most variety by far."""
    views: int = 3
    """Rows of the training set made of one generated image: the whole of it, and crops (see views.py)."""
    held_out: int = 240
    """Images of a kind drawn from the recipes that are never trained on."""
    familiar: int = 80
    """Images of a kind drawn afresh from the recipes that are trained on, to tell the two gaps apart."""

    epochs: int = 14
    batch: int = 64
    learning_rate: float = 3e-3
    weight_decay: float = 0.02
    label_smoothing: float = 0.05
    average: float = 0.995
    """Momentum of the moving average of the weights, which is what is exported."""

    photo_prior: float = 1.0
    """Factor on the odds of photo, folded into the exported bias (see MODEL_CARD.md for how it and the threshold were chosen)."""
    threshold: float = 0.6
    """The --min-confidence that the card recommends."""


FULL = Settings()

QUICK = Settings(images=12, photos=20, held_out=6, familiar=4, epochs=2, batch=16, average=0.5)
"""All of the steps in under two minutes, on too little data to be of use: it keeps the training alive."""
