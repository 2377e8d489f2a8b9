"""Runs an ONNX model with Python's onnxruntime: run_onnx.py MODEL IN OUT. IN and OUT are raw little-endian float32, IN images of
the model's input shape, OUT the rows of its first output."""

import sys

import numpy as np
import onnxruntime

model, source, target = sys.argv[1:]
session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
image = session.get_inputs()[0]
batch = np.fromfile(source, "<f4").reshape(-1, *image.shape[1:])
session.run(None, {image.name: batch})[0].astype("<f4").tofile(target)
