#!/usr/bin/env python3
"""Makes the tiny ONNX models of this folder; what is in git is this program's output.

    python -m venv venv && venv/bin/pip install onnx==1.23.2 numpy==2.4.6 ml_dtypes==0.6.0 protobuf==7.36.2
    venv/bin/python make_models.py

Every model takes 8x8 RGB images and gives 5 classes. Weights come from a fixed seed; running the program again changes no byte.
The network: mean over 4x4 patches, flatten, one dense layer.

    nchw.onnx            [batch,3,8,8] -> logits [batch,5]
    nhwc.onnx            [batch,8,8,3] -> logits [batch,5], same numbers as nchw.onnx
    batch1.onnx          [1,3,8,8] -> logits [1,5]
    batch4.onnx          [4,3,8,8] -> logits [4,5]
    softmax.onnx         probabilities: Softmax, then Identity
    logsoftmax.onnx      logarithms of probabilities: LogSoftmax
    sigmoid.onnx         Sigmoid
    conv1x1.onnx         logits [batch,5,1,1], as SqueezeNet has
    cell.onnx            logits [batch,1,1,5], as NHWC networks that end in a convolution have
    rank3.onnx           [batch,4,5]: no classifier's output
    two_outputs.onnx     outputs a [batch,5] and b [batch,5], whose names tell nothing, and features [batch,12]
    logits_features.onnx outputs features [batch,12] and logits [batch,5]
    dynamic_quant.onnx   MatMulInteger after DynamicQuantizeLinear
    baked_batch.onnx     open batch dimension, but a Reshape to [1,12] inside: fails with two images
    open_classes.onnx    output declared [batch,classes]
    open_rank.onnx       output declared without a shape
    open_size.onnx       [batch,3,height,width]
    uint8.onnx           uint8 input, cast and scaled inside
    nhwc_uint8.onnx      the same, [batch,8,8,3]
    int8.onnx            int8 input, -128 to 127
    float16.onnx         float16 input
    float16_all.onnx     float16 input, weights and output
    float64.onnx         float64 input
    qdq_int8.onnx        float32 input and output, statically quantised inside (QuantizeLinear, DequantizeLinear)
    argmax.onnx          int64 output [batch]
    grey.onnx            [batch,1,8,8]
    ambiguous.onnx       [batch,3,8,3]: channels first or last?
    rank2.onnx           input [batch,12]
    two_inputs.onnx      two image inputs
    custom_op.onnx       an operator of domain com.example
    local_function.onnx  an operator of a local function: not custom
    external.onnx        weights in external.bin
    fails_on_white.onnx  fails, the whole batch, where an image's largest value is above 0.99

In matrix/ stand all combinations of what readers have to handle, LAYOUT-BATCH-TYPE-OUTPUT.onnx, which all compute the same function:

    layout   nchw, nhwc
    batch    any, three (fixed to three images)
    type     float32 (0..1), uint8 (0..255, cast and scaled inside), float16 (0..1; weights and output are float16, too)
    output   logits, softmax (probabilities)

matrix/expected.json has five images [8][8][3] of bytes and their logits, computed here with numpy in float64.
"""

import itertools
import json
import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = pathlib.Path(__file__).parent
CLASSES = 5
RNG = np.random.default_rng(20261123)
WEIGHTS = RNG.normal(0, 0.5, (12, CLASSES)).astype(np.float32)
BIAS = RNG.normal(0, 0.1, CLASSES).astype(np.float32)
F, F16, F64 = TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE
U8, I8, I64 = TensorProto.UINT8, TensorProto.INT8, TensorProto.INT64


def value(name, dims, kind=F):
    return helper.make_tensor_value_info(name, kind, dims)


def const(name, array):
    return numpy_helper.from_array(np.asarray(array), name)


def node(op, inputs, outputs, **attributes):
    return helper.make_node(op, inputs.split(), outputs.split(), **attributes)


def trunk(source="image"):
    """Nodes from an NCHW image to features [batch,12] and logits."""
    return [
        node("AveragePool", source, "pooled", kernel_shape=[4, 4], strides=[4, 4]),
        node("Flatten", "pooled", "features"),
        node("Gemm", "features W B", "logits"),
    ]


def save(name, nodes, inputs, outputs, extra=(), functions=(), opsets=(), opset=17):
    graph = helper.make_graph(nodes, name, inputs, outputs, [const("W", WEIGHTS), const("B", BIAS), *extra])
    used = {i for n in nodes for i in n.input}
    for t in [t for t in graph.initializer if t.name not in used]:
        graph.initializer.remove(t)
    imports = [helper.make_opsetid("", opset), *(helper.make_opsetid(d, 1) for d in opsets)]
    model = helper.make_model(graph, opset_imports=imports, ir_version=8, producer_name="tagbeam-testdata",
                              producer_version="1", functions=list(functions))
    helper.set_model_props(model, {"made_by": "testdata/models/make_models.py"})
    (HERE / (name + ".onnx")).write_bytes(model.SerializeToString(deterministic=True))
    return model


IMAGE = [value("image", ["batch", 3, 8, 8])]
LOGITS = [value("logits", ["batch", CLASSES])]

save("nchw", trunk(), IMAGE, LOGITS)
save("nhwc", [node("Transpose", "image", "nchw", perm=[0, 3, 1, 2])] + trunk("nchw"),
     [value("image", ["batch", 8, 8, 3])], LOGITS)
save("batch1", trunk(), [value("image", [1, 3, 8, 8])], [value("logits", [1, CLASSES])])
save("batch4", trunk(), [value("image", [4, 3, 8, 8])], [value("logits", [4, CLASSES])])
save("softmax", trunk() + [node("Softmax", "logits", "p", axis=-1), node("Identity", "p", "probs")],
     IMAGE, [value("probs", ["batch", CLASSES])])
save("logsoftmax", trunk() + [node("LogSoftmax", "logits", "log_probs", axis=-1)], IMAGE,
     [value("log_probs", ["batch", CLASSES])])
save("sigmoid", trunk() + [node("Sigmoid", "logits", "scores")], IMAGE, [value("scores", ["batch", CLASSES])])
save("conv1x1", trunk() + [node("Reshape", "logits shape", "cells")], IMAGE, [value("cells", ["batch", CLASSES, 1, 1])],
     [const("shape", np.array([-1, CLASSES, 1, 1]))])
save("cell", trunk() + [node("Reshape", "logits shape", "cells")], IMAGE, [value("cells", ["batch", 1, 1, CLASSES])],
     [const("shape", np.array([-1, 1, 1, CLASSES]))])
save("rank3", trunk() + [node("Unsqueeze", "logits axis", "one"), node("Expand", "one shape", "grid")], IMAGE,
     [value("grid", ["batch", 4, CLASSES])], [const("axis", np.array([1])), const("shape", np.array([1, 4, 1]))])
save("two_outputs", trunk() + [node("Identity", "logits", "a"), node("Neg", "logits", "b")], IMAGE,
     [value("a", ["batch", CLASSES]), value("b", ["batch", CLASSES]), value("features", ["batch", 12])])
save("logits_features", trunk(), IMAGE, [value("features", ["batch", 12]), *LOGITS])

scale = float(np.abs(WEIGHTS).max() / 127)
save("dynamic_quant",
     trunk()[:2] + [
         node("DynamicQuantizeLinear", "features", "q q_scale q_zero"),
         node("MatMulInteger", "q W8 q_zero", "acc"),
         node("Cast", "acc", "acc_f", to=F),
         node("Mul", "acc_f q_scale", "scaled"),
         node("Mul", "scaled w_scale", "unbiased"),
         node("Add", "unbiased B", "logits"),
     ], IMAGE, LOGITS,
     [const("W8", np.round(WEIGHTS / scale).astype(np.int8)), const("w_scale", np.float32(scale))])

save("baked_batch", [
    node("AveragePool", "image", "pooled", kernel_shape=[4, 4], strides=[4, 4]),
    node("Reshape", "pooled shape", "features"),
    node("Gemm", "features W B", "logits"),
], IMAGE, LOGITS, [const("shape", np.array([1, 12]))])
save("open_classes", trunk(), IMAGE, [value("logits", ["batch", "classes"])])
save("open_rank", trunk(), IMAGE, [helper.make_tensor_value_info("logits", F, None)])
save("open_size", [node("GlobalAveragePool", "image", "mean"), node("Flatten", "mean", "rgb"), node("Gemm", "rgb W3 B", "logits")],
     [value("image", ["batch", 3, "height", "width"])], LOGITS, [const("W3", WEIGHTS[:3])])
save("uint8", [node("Cast", "image", "bytes", to=F), node("Div", "bytes full", "unit")] + trunk("unit"),
     [value("image", ["batch", 3, 8, 8], U8)], LOGITS, [const("full", np.float32(255))])
save("float16", [node("Cast", "image", "wide", to=F)] + trunk("wide"), [value("image", ["batch", 3, 8, 8], F16)], LOGITS)
save("nhwc_uint8", [node("Cast", "image", "bytes", to=F), node("Div", "bytes full", "unit"), node("Transpose", "unit", "nchw", perm=[0, 3, 1, 2])] + trunk("nchw"),
     [value("image", ["batch", 8, 8, 3], U8)], LOGITS, [const("full", np.float32(255))])
save("int8", [node("Cast", "image", "bytes", to=F), node("Add", "bytes zero", "positive"), node("Div", "positive full", "unit")] + trunk("unit"),
     [value("image", ["batch", 3, 8, 8], I8)], LOGITS, [const("full", np.float32(255)), const("zero", np.float32(128))])
save("float16_all", [node("AveragePool", "image", "pooled", kernel_shape=[4, 4], strides=[4, 4]), node("Flatten", "pooled", "features"),
                     node("Gemm", "features W16 B16", "logits")],
     [value("image", ["batch", 3, 8, 8], F16)], [value("logits", ["batch", CLASSES], F16)],
     [const("W16", WEIGHTS.astype(np.float16)), const("B16", BIAS.astype(np.float16))])
save("float64", [node("Cast", "image", "narrow", to=F)] + trunk("narrow"), [value("image", ["batch", 3, 8, 8], F64)], LOGITS)
save("qdq_int8", trunk()[:2] + [
    node("QuantizeLinear", "features x_scale x_zero", "q"), node("DequantizeLinear", "q x_scale x_zero", "x"),
    node("DequantizeLinear", "W8 w_scale w_zero", "w"), node("Gemm", "x w B", "logits")], IMAGE, LOGITS,
    [const("x_scale", np.float32(1 / 255)), const("x_zero", np.int8(-128)), const("W8", np.round(WEIGHTS / scale).astype(np.int8)),
     const("w_scale", np.float32(scale)), const("w_zero", np.int8(0))])
save("argmax", trunk() + [node("ArgMax", "logits", "class", axis=-1, keepdims=0)], IMAGE, [value("class", ["batch"], I64)])
save("grey", [node("AveragePool", "image", "pooled", kernel_shape=[4, 4], strides=[4, 4]), node("Flatten", "pooled", "features"),
              node("Gemm", "features W4 B", "logits")],
     [value("image", ["batch", 1, 8, 8])], LOGITS, [const("W4", WEIGHTS[:4])])
save("ambiguous", [node("GlobalAveragePool", "image", "mean"), node("Flatten", "mean", "rgb"), node("Gemm", "rgb W3 B", "logits")],
     [value("image", ["batch", 3, 8, 3])], LOGITS, [const("W3", WEIGHTS[:3])])
save("rank2", [node("Gemm", "image W B", "logits")], [value("image", ["batch", 12])], LOGITS)
save("two_inputs", [node("Add", "left right", "image")] + trunk(),
     [value("left", ["batch", 3, 8, 8]), value("right", ["batch", 3, 8, 8])], LOGITS)
save("custom_op", trunk()[:2] + [helper.make_node("Whiten", ["features"], ["white"], domain="com.example"),
                                 node("Gemm", "white W B", "logits")], IMAGE, LOGITS, opsets=["com.example"])
double = helper.make_function("pkg.local", "Double", ["x"], ["y"], [node("Add", "x x", "y")], [helper.make_opsetid("", 17)])
save("local_function", trunk()[:2] + [helper.make_node("Double", ["features"], ["twice"], domain="pkg.local"),
                                      node("Gemm", "twice W B", "logits")], IMAGE, LOGITS, functions=[double],
     opsets=["pkg.local"])

external = save("external", trunk(), IMAGE, LOGITS)
(HERE / "external.bin").unlink(missing_ok=True)
onnx.save_model(external, str(HERE / "external.onnx"), save_as_external_data=True, all_tensors_to_one_file=True,
                location="external.bin", size_threshold=0)

save("fails_on_white", trunk() + [
    node("ReduceMax", "image", "most", axes=[1, 2, 3], keepdims=0),
    node("Greater", "most limit", "white"),
    node("Cast", "white", "index", to=I64),
    node("Gather", "zero index", "nothing"),  # the table has one entry: index 1 is out of bounds
    node("Unsqueeze", "nothing one", "column"),
    node("Add", "logits column", "sum")],
    IMAGE, [value("sum", ["batch", CLASSES])],
    [const("limit", np.float32(0.99)), const("zero", np.zeros(1, np.float32)), const("one", np.array([1]))])


# The matrix.

FIXED = 3
PERM = [0, 3, 1, 2]


def cell(layout, batch, kind, output):
    """Writes one model of the matrix."""
    element = {"float32": F, "uint8": U8, "float16": F16}[kind]
    number = np.float16 if kind == "float16" else np.float32
    count = FIXED if batch == "three" else "batch"
    nodes, source = [], "image"
    if kind == "uint8":
        nodes += [node("Cast", source, "bytes", to=F), node("Div", "bytes full", "unit")]
        source = "unit"
    if layout == "nhwc":
        nodes += [node("Transpose", source, "nchw", perm=PERM)]
        source = "nchw"
    nodes += trunk(source)
    if output == "softmax":
        nodes += [node("Softmax", "logits", "probs", axis=-1)]
    graph = helper.make_graph(
        nodes, "matrix",
        [value("image", [count, 3, 8, 8] if layout == "nchw" else [count, 8, 8, 3], element)],
        [value("probs" if output == "softmax" else "logits", [count, CLASSES], F16 if kind == "float16" else F)],
        [const("W", WEIGHTS.astype(number)), const("B", BIAS.astype(number))] + ([const("full", np.float32(255))] if kind == "uint8" else []))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="tagbeam-testdata", producer_version="1")
    helper.set_model_props(model, {"made_by": "testdata/models/make_models.py"})
    onnx.checker.check_model(model, full_check=True)
    (HERE / "matrix" / f"{layout}-{batch}-{kind}-{output}.onnx").write_bytes(model.SerializeToString(deterministic=True))


(HERE / "matrix").mkdir(exist_ok=True)
for combination in itertools.product(("nchw", "nhwc"), ("any", "three"), ("float32", "uint8", "float16"), ("logits", "softmax")):
    cell(*combination)

# Drawn from a seed of their own: the models above stay the same to the byte.
images = np.random.default_rng(20261126).integers(0, 256, (5, 8, 8, 3))
patches = (images / 255).reshape(5, 2, 4, 2, 4, 3).mean(axis=(2, 4))  # [5, 2, 2, 3]: mean over 4x4 patches
features = patches.transpose(0, 3, 1, 2).reshape(5, 12)
expected = features @ WEIGHTS.astype(float) + BIAS.astype(float)
(HERE / "matrix" / "expected.json").write_text(
    json.dumps({"images": images.tolist(), "logits": np.round(expected, 7).tolist()}, separators=(",", ":")) + "\n")
