"""Trains the network, calibrates it on recipes that it was not trained on, and folds temperature and prior into its classifier."""

import keras
import numpy as np

from . import augment, kinds, network
from .dataset import Dataset
from .settings import CALIBRATION_SHARE, Settings


def train(data: Dataset, settings: Settings) -> network.Network:
    """Returns a network trained on the data. Nothing is chosen on the way: the last epoch's averaged weights are the result."""
    keras.utils.set_random_seed(settings.seed)
    net = network.build(len(kinds.KINDS))
    batches = augment.Batches(data, settings)
    steps = len(batches) * settings.epochs
    warmup = min(steps // 10, 500)
    schedule = keras.optimizers.schedules.CosineDecay(
        settings.learning_rate / 20, steps - warmup, alpha=0.002, warmup_target=settings.learning_rate, warmup_steps=warmup
    )
    optimizer = keras.optimizers.AdamW(
        schedule, weight_decay=settings.weight_decay, clipnorm=1.0, use_ema=True, ema_momentum=settings.average, ema_overwrite_frequency=None
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta", "table"])
    net.training.compile(
        optimizer,
        keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=settings.label_smoothing),
        metrics=["accuracy"],
    )
    net.training.fit(batches, epochs=settings.epochs, verbose=2)
    optimizer.finalize_variable_values(net.training.trainable_variables)
    return net


def calibrate(net: network.Network, held_out: Dataset, settings: Settings) -> float:
    """Divides the logits by the temperature that suits unseen recipes best, multiplies the odds of photo by the prior, and returns the temperature."""
    rows = calibration_rows(held_out, settings)
    logits = net.training.predict(held_out.pixels[rows].astype(np.float32), batch_size=64, verbose=0)
    t = temperature(logits, held_out.kind[rows])
    weight, bias = (w.numpy() for w in net.head.weights)
    bias = bias / t
    bias[kinds.KINDS.index("photo")] += np.log(settings.photo_prior)
    net.head.set_weights([weight / t, bias])
    return t


def calibration_rows(data: Dataset, settings: Settings) -> np.ndarray:
    """Returns the rows to calibrate on; numbers are reported on the others."""
    order = np.random.default_rng([settings.seed, 79]).permutation(len(data.kind))
    return np.sort(order[: int(len(order) * CALIBRATION_SHARE)])


def temperature(logits: np.ndarray, kind: np.ndarray) -> float:
    """Returns the t that minimises the negative log-likelihood of logits / t (Guo et al. 2017), from 0.25 to 4."""
    candidates = np.exp(np.linspace(np.log(0.25), np.log(4), 400))
    return float(min(candidates, key=lambda t: likelihood_loss(logits / t, kind)))


def likelihood_loss(logits: np.ndarray, kind: np.ndarray) -> float:
    """The mean negative log-likelihood of the right kinds."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return float(np.mean(np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(kind)), kind]))
