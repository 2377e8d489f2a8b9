"""Makes the tensors that the libraries' own Python makes, for comparison with package model.

    python parity.py golden            # writes processors.json beside this file, from images of our own
    python parity.py compare < FILES   # one path a line: a line of JSON for each file, with the digests of all cases
    python parity.py labels MODEL_DIR < FILES   # a line of JSON for each file: the class and confidence by onnxruntime

It needs the packages of requirements.txt. HuggingFace's cases run transformers' image processors themselves. timm, torchvision and Keras
need torch or TensorFlow to run, so their cases are the same steps in Pillow and numpy, after their source. Digests are SHA-256 of float32
values, little-endian, [3, height, width]: equal ones mean that no bit differs.
"""

import hashlib
import json
import math
import os
import pathlib
import sys
import warnings

os.environ["TRANSFORMERS_VERBOSITY"] = "error"
import numpy as np
import PIL
import transformers
from PIL import Image

HERE = pathlib.Path(__file__).parent
OWN = ["images/tall.png", "images/thin.png", "images/rgb.png", "images/photo_420_progressive.jpg", "images/lossy.webp"]
Image.MAX_IMAGE_PIXELS = 64_000_000 // 2
warnings.filterwarnings("ignore")

HUGGINGFACE = {
    "vit": {"image_processor_type": "ViTImageProcessor"},
    **{f"vit-resample-{n}": {"image_processor_type": "ViTImageProcessor", "resample": n, "size": 96} for n in range(6)},
    "vit-old": {"feature_extractor_type": "ViTFeatureExtractor", "size": 224, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]},
    "deit": {"image_processor_type": "DeiTImageProcessor", "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]},
    "beit": {"image_processor_type": "BeitImageProcessor", "size": {"height": 224, "width": 224}, "do_center_crop": False},
    "clip": {"image_processor_type": "CLIPImageProcessor"},
    "clip-padded": {"image_processor_type": "CLIPImageProcessor", "size": 201, "crop_size": {"height": 230, "width": 216}},
    "siglip": {"image_processor_type": "SiglipImageProcessor"},
    "convnext-384": {"image_processor_type": "ConvNextImageProcessor"},
    "convnext-224": {"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 224}, "crop_pct": 0.95},
    "efficientnet": {"image_processor_type": "EfficientNetImageProcessor"},
    "efficientnet-offset": {
        "image_processor_type": "EfficientNetImageProcessor",
        "size": {"height": 240, "width": 240},
        "resample": 3,
        "rescale_factor": 1 / 127.5,
        "rescale_offset": True,
        "include_top": False,
    },
    "efficientnet-crop": {"image_processor_type": "EfficientNetImageProcessor", "do_center_crop": True, "image_std": [0.47853944, 0.4732864, 0.47434163]},
    "mobilenet-v1": {"image_processor_type": "MobileNetV1ImageProcessor"},
    "mobilenet-v2": {"image_processor_type": "MobileNetV2ImageProcessor"},
    "mobilevit": {"image_processor_type": "MobileViTImageProcessor", "size": {"shortest_edge": 288}},
    "mobilevit-default": {"image_processor_type": "MobileViTImageProcessor"},
    "bit": {"image_processor_type": "BitImageProcessor"},
    "levit": {"image_processor_type": "LevitImageProcessor"},
    "poolformer": {"image_processor_type": "PoolFormerImageProcessor"},
    "poolformer-square": {"image_processor_type": "PoolFormerImageProcessor", "size": {"height": 224, "width": 224}, "crop_pct": 0.95},
    "pvt": {"image_processor_type": "PvtImageProcessor"},
}

TIMM = {
    "timm-default": {},
    "timm-288": {"input_size": [3, 288, 288], "crop_pct": 0.95, "interpolation": "bilinear", "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]},
    "timm-squash": {"input_size": [3, 100, 200], "crop_pct": 0.9, "crop_mode": "squash"},
    "timm-border": {"crop_pct": 0.9, "crop_mode": "border"},
    "timm-oblong": {"input_size": [3, 120, 200], "crop_pct": 0.875},
}

# As flags; IMAGENET1K_V1 and _V2 are the names of torchvision's weights.
PRESETS = {
    "torchvision-V1": "torchvision",
    "torchvision-V2": "torchvision,resize=232",
    "torchvision-bicubic": "torchvision,resize=384,crop=384,filter=bicubic",
    "keras-caffe": "keras-caffe",
    "keras-tf": "keras-tf",
    "keras-torch": "keras-torch",
    "none": "none",
}


def resize(image, height, width, filter_):
    return image.resize((width, height), Image.Resampling[filter_.upper()])


def resize_shortest(image, size, filter_):
    """torchvision.transforms.Resize with one number."""
    w, h = image.size
    long = int(size * max(w, h) / min(w, h))
    return resize(image, *((long, size) if w <= h else (size, long)), filter_)


def resize_keep_ratio(image, height, width, filter_, choose):
    """timm's ResizeKeepRatio: choose is max for longest=1, min for longest=0."""
    w, h = image.size
    ratio = choose(h / height, w / width)
    return resize(image, round(h / ratio), round(w / ratio), filter_)


def center_crop(image, height, width, fill=(0, 0, 0)):
    """torchvision's center_crop, and timm's CenterCropOrPad."""
    array = np.asarray(image)
    h, w = array.shape[:2]
    top, left = max(height - h, 0) // 2, max(width - w, 0) // 2
    padded = np.empty((max(h, height), max(w, width), 3), np.uint8)
    padded[:] = fill
    padded[top : top + h, left : left + w] = array
    top, left = round((padded.shape[0] - height) / 2), round((padded.shape[1] - width) / 2)
    return padded[top : top + height, left : left + width]


def standardize(array, mean, std):
    """torchvision's ToTensor and Normalize."""
    values = array.astype(np.float32) / np.float32(255)
    return (values - np.array(mean, np.float32)) / np.array(std, np.float32)


IMAGENET = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])


def timm(config, image):
    """transforms_imagenet_eval."""
    _, h, w = config.get("input_size", (3, 224, 224))
    pct, mode, filter_ = config.get("crop_pct", 0.875), config.get("crop_mode", "center"), config.get("interpolation", "bicubic")
    mean, std = config.get("mean", IMAGENET[0]), config.get("std", IMAGENET[1])
    scaled_h, scaled_w, fill = math.floor(h / pct), math.floor(w / pct), (0, 0, 0)
    if mode == "squash":
        image = resize(image, scaled_h, scaled_w, filter_)
    elif mode == "border":
        image, fill = resize_keep_ratio(image, scaled_h, scaled_w, filter_, max), [round(255 * v) for v in mean]
    elif scaled_h == scaled_w:
        image = resize_shortest(image, scaled_h, filter_)
    else:
        image = resize_keep_ratio(image, scaled_h, scaled_w, "bilinear", min)
    return standardize(center_crop(image, h, w, fill), mean, std)


def torchvision(size, crop, filter_):
    return lambda image: standardize(center_crop(resize_shortest(image, size, filter_), crop, crop), *IMAGENET)


def keras(mode):
    """keras.utils.load_img with nearest, then keras.applications.imagenet_utils.preprocess_input on float32."""

    def run(image):
        x = np.asarray(resize(image, 224, 224, "bilinear" if mode is None else "nearest")).astype(np.float32)
        if mode == "tf":
            x /= 127.5
            x -= 1.0
        elif mode == "torch":
            x = standardize(x, *IMAGENET)
        elif mode == "caffe":
            x = x[..., ::-1].copy()
            for c, mean in enumerate((103.939, 116.779, 123.68)):
                x[..., c] -= mean
        return x

    return run


PRESET_STEPS = {
    "torchvision-V1": torchvision(256, 224, "bilinear"),
    "torchvision-V2": torchvision(232, 224, "bilinear"),
    "torchvision-bicubic": torchvision(384, 384, "bicubic"),
    "keras-caffe": keras("caffe"),
    "keras-tf": keras("tf"),
    "keras-torch": keras("torch"),
    "none": keras(None),
}


def huggingface(config):
    name = config.get("image_processor_type", config.get("feature_extractor_type", "")).replace("FeatureExtractor", "ImageProcessor")
    processor = getattr(transformers, name).from_dict(dict(config))
    return lambda image: np.asarray(processor(image, return_tensors="np")["pixel_values"][0])


def cases():
    """name, kind, configuration (what Go reads), function from an RGB image to the tensor [3, height, width]."""
    for name, config in HUGGINGFACE.items():
        yield name, "huggingface", config, huggingface(config)
    for name, config in TIMM.items():
        yield name, "timm", config, lambda image, config=config: timm(config, image).transpose(2, 0, 1)
    for name, flag in PRESETS.items():
        yield name, "preset", flag, lambda image, name=name: PRESET_STEPS[name](image).transpose(2, 0, 1)


def rgb_of(path):
    image = Image.open(path)
    if image.mode.startswith("I;16"):  # convert("RGB") would clip it to white; the high byte is what is wanted
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    return image.convert("RGB")


def digest(values):
    assert values.dtype == np.float32, values.dtype
    return hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()


def golden():
    images = {name: rgb_of(HERE / name) for name in OWN}
    rows = {}
    for name, kind, config, run in cases():
        rows[name] = {"kind": kind, "config": config, "images": {image: digest(run(rgb)) for image, rgb in images.items()}}
    versions = {"pillow": PIL.__version__, "numpy": np.__version__, "transformers": transformers.__version__}
    (HERE / "processors.json").write_text(json.dumps({"versions": versions, "cases": rows}, indent=1) + "\n")


def compare():
    runs = [(name, run) for name, _, _, run in cases()]
    for line in sys.stdin:
        try:
            rgb = rgb_of(line.rstrip("\n"))
            result = {"digests": {name: digest(run(rgb)) for name, run in runs}}
        except Exception as e:  # any kind of damage
            result = {"error": f"{type(e).__name__}: {e}"}
        print(json.dumps(result), flush=True)


def labels(folder):
    import onnxruntime

    graph = next(iter(sorted(pathlib.Path(folder).rglob("*.onnx"))))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
    config = pathlib.Path(folder) / "preprocessor_config.json"
    run = huggingface(json.loads(config.read_text())) if config.exists() else squeezenet
    inputs = session.get_inputs()[0].name
    softmax = not any(word in session.get_outputs()[0].name for word in ("softmax", "prob"))
    for line in sys.stdin:
        x = np.ascontiguousarray(run(rgb_of(line.rstrip("\n"))))[None]
        values = session.run(None, {inputs: x})[0].reshape(-1).astype(np.float64)
        if softmax:
            values = np.exp(values - values.max())
            values /= values.sum()
        print(json.dumps({"class": int(values.argmax()), "confidence": float(values.max())}))


def squeezenet(image):
    """BGR, 0..255 less 104, 117, 123, as the README of the test data says."""
    values = center_crop(resize_shortest(image, 256, "bilinear"), 224, 224).astype(np.float32)[..., ::-1]
    return (values - np.array([104, 117, 123], np.float32)).transpose(2, 0, 1)


if __name__ == "__main__":
    {"golden": golden, "compare": compare, "labels": labels}[sys.argv[1]](*sys.argv[2:])
