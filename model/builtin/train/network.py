"""The network: a depthwise-separable CNN, a self-attention block over its 8 x 8 positions, and a linear classifier."""

import dataclasses

import keras
from keras import layers, ops

from .settings import SIDE

HEADS = 4
WIDTH = 96
"""Channels of a position after the CNN, and the size of the embedding."""


@dataclasses.dataclass(frozen=True)
class Network:
    """One set of weights as two models: `training` image -> logits, `serving` image -> the four outputs, in the exported order."""

    training: keras.Model
    serving: keras.Model
    head: layers.Dense


class Position(layers.Layer):
    """Adds a learned vector to each position, so that attention can tell where it looks."""

    def build(self, shape):
        self.table = self.add_weight(name="table", shape=shape[1:], initializer=keras.initializers.RandomNormal(stddev=0.02))

    def call(self, x):
        return x + self.table


def build(kinds: int) -> Network:
    """Returns an untrained network. Its input is float32 [batch, SIDE, SIDE, 3], RGB, 0..255.

    The outputs of `serving`:
      probabilities [batch, kinds];
      embedding     [batch, WIDTH], of length 1;
      cam           [batch, 8, 8, kinds]: the classifier at each position; the logits are its mean, exactly;
      attention     [batch, 8, 8]: how much all positions and heads look at each; sums to 1.
    """
    image = keras.Input((SIDE, SIDE, 3), name="image")
    x = layers.Rescaling(1 / 127.5, offset=-1)(image)
    # Straight to a quarter of the resolution: the large early maps would be most of the work, in training above all.
    x = activated(layers.Conv2D(32, 5, strides=4, padding="same", use_bias=False)(x))
    x = residual(x)
    x = separable(x, 64, strides=2)
    x = residual(x)
    x = residual(x)
    x = separable(x, WIDTH, strides=2)
    x = residual(x)
    rows, columns = x.shape[1:3]
    x = Position()(layers.Reshape((rows * columns, WIDTH))(x))
    x, scores = attend(x)
    x = layers.LayerNormalization(epsilon=1e-5)(x)

    embedding = ops.mean(x, axis=1)
    head = layers.Dense(kinds, name="head")
    dropped = layers.Dropout(0.2)(x)
    cam = head(dropped)
    logits = ops.mean(cam, axis=1)
    attention = ops.mean(scores, axis=(1, 2))
    outputs = {
        "probabilities": ops.softmax(logits, axis=-1),
        "embedding": ops.normalize(embedding, axis=-1, order=2, epsilon=1e-6),
        "cam": ops.reshape(cam, (-1, rows, columns, kinds)),
        "attention": ops.reshape(attention, (-1, rows, columns)),
    }
    return Network(keras.Model(image, logits), keras.Model(image, outputs), head)


def activated(x):
    """Batch normalisation and a rectifier; the exporter folds the former into the convolution before it."""
    return layers.ReLU()(layers.BatchNormalization(momentum=0.97)(x))


def separable(x, channels: int, strides: int = 1):
    """A 3 x 3 convolution of each channel by itself, then a mixture of the channels at each position."""
    x = layers.DepthwiseConv2D(3, strides=strides, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization(momentum=0.97)(x)
    return activated(layers.Conv2D(channels, 1, use_bias=False)(x))


def residual(x):
    """A separable convolution added to its input."""
    return layers.Add()([x, separable(x, x.shape[-1])])


def attend(x):
    """A transformer block, normalised before each of its halves. Returns the positions and the attention scores [batch, heads, to, from]."""
    attention = layers.MultiHeadAttention(HEADS, WIDTH // HEADS)
    y = layers.LayerNormalization(epsilon=1e-5)(x)
    y, scores = attention(y, y, return_attention_scores=True)
    x = layers.Add()([x, y])
    y = layers.LayerNormalization(epsilon=1e-5)(x)
    y = layers.Dense(2 * WIDTH, activation="relu")(y)
    return layers.Add()([x, layers.Dense(WIDTH)(y)]), scores
