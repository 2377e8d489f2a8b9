"""Writes the model folder: the graph as ONNX with names, metadata and a dynamic batch, its labels, and what tagbeam has to know about it."""

import json
import pathlib

import numpy as np
import onnx
import onnxruntime
import tensorflow as tf
import tf2onnx

from . import kinds, pixels
from .network import Network
from .settings import SIDE

OPSET = 17
VERSION = "1.1.0"
MOST_BYTES = 1_200_000
OUTPUTS = ("probabilities", "embedding", "cam", "attention")
"""The exported outputs, in this order."""


def export(net: Network, folder: pathlib.Path) -> None:
    """Writes model.onnx, labels.txt and tagbeam.json, and fails unless the graph gives the network's own numbers."""
    signature = [tf.TensorSpec((None, SIDE, SIDE, 3), tf.float32, name="image")]
    model, _ = tf2onnx.convert.from_keras(net.serving, signature, opset=OPSET)
    # The converter keeps neither the keys nor the order of the outputs: it flattens the dictionary by sorted key.
    for output, key in zip(list(model.graph.output), sorted(OUTPUTS)):
        rename(model.graph, output.name, key)
    declare(model.graph, net)
    describe(model)
    onnx.checker.check_model(model, full_check=True)
    data = model.SerializeToString(deterministic=True)
    if len(data) > MOST_BYTES:
        raise ValueError(f"the model has {len(data)} bytes, more than {MOST_BYTES}")
    compare(net, data)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(data)
    (folder / "labels.txt").write_text("".join(f"{kind}\n" for kind in kinds.KINDS))
    (folder / "tagbeam.json").write_text(
        json.dumps(
            {
                "model": "model.onnx",
                "labels": "labels.txt",
                "input_layout": "NHWC",
                "output": "probabilities",
                "activation": "none",
                "preprocess": pixels.PREPROCESS,
            },
            indent=2,
        )
        + "\n"
    )


def rename(graph: onnx.GraphProto, old: str, new: str) -> None:
    """Gives a tensor of the graph another name, wherever it stands."""
    for node in graph.node:
        node.input[:] = [new if name == old else name for name in node.input]
        node.output[:] = [new if name == old else name for name in node.output]
    for value in graph.output:
        if value.name == old:
            value.name = new


def declare(graph: onnx.GraphProto, net: Network) -> None:
    """Orders the outputs and states all shapes, with one name for the batch dimension of all."""
    graph.name = "tagbeam-builtin"
    del graph.value_info[:]  # the converter's guesses, each with a batch dimension of its own name
    shapes = {key: net.serving.output[key].shape[1:] for key in OUTPUTS}
    del graph.output[:]
    for key in OUTPUTS:
        graph.output.append(onnx.helper.make_tensor_value_info(key, onnx.TensorProto.FLOAT, ["batch", *shapes[key]]))
    graph.input[0].CopyFrom(onnx.helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT, ["batch", SIDE, SIDE, 3]))


def describe(model: onnx.ModelProto) -> None:
    """Writes into the file what it is, for whoever finds it without its folder."""
    model.producer_name, model.producer_version = "tagbeam", VERSION
    model.doc_string = "Tells kinds of images apart: " + ", ".join(kinds.KINDS) + ". Trained on generated images only."
    onnx.helper.set_model_props(
        model,
        {
            "author": "the tagbeam maintainers",
            "labels": ",".join(kinds.KINDS),
            "layout": "NHWC",
            "license": "Apache-2.0",
            "range": "RGB, 0..255; normalised inside the graph",
            "resize": f"the whole image to {SIDE}x{SIDE}, bilinear with antialiasing (Pillow's), aspect ratio not kept",
            "version": VERSION,
        },
    )


def compare(net: Network, data: bytes) -> None:
    """Fails unless ONNX Runtime and Keras agree, for two sizes of batch."""
    session = open_session(data)
    for batch in (1, 5):
        images = np.random.default_rng(batch).uniform(0, 255, (batch, SIDE, SIDE, 3)).astype(np.float32)
        want = net.serving.predict(images, verbose=0)
        for key, got in zip(OUTPUTS, session.run(list(OUTPUTS), {"image": images})):
            if got.shape != want[key].shape:
                raise ValueError(f"output {key} has shape {got.shape} in ONNX Runtime, {want[key].shape} in Keras")
            # Logits grow with the classifier's weights; what is compared is relative to them.
            error = np.abs(got - want[key]).max() / max(1, np.abs(want[key]).max())
            if error > 1e-4:
                raise ValueError(f"output {key} of the exported graph is off by {error}")


def open_session(model: bytes | str) -> onnxruntime.InferenceSession:
    """Opens a model on one thread, as tagbeam does."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
