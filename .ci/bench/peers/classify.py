"""What the peers share: a model folder's preprocessing, labels and session, in Pillow, numpy and onnxruntime, as one would write it.

Read are HuggingFace folders (preprocessor_config.json, config.json), ONNX Model Zoo folders (synset.txt; "caffe" preprocessing) and
the built-in model's (tagbeam.json)."""

import json
import os

import numpy as np
from PIL import Image


class Model:
    def __init__(self, folder):
        self.file = os.path.join(folder, "model.onnx")
        self.bgr, self.nhwc, self.crop = False, False, None
        if os.path.exists(os.path.join(folder, "preprocessor_config.json")):
            config = self._json(folder, "preprocessor_config.json")
            size = config["size"]
            self.edge = size.get("shortest_edge")
            self.exact = None if self.edge else (size["width"], size["height"])
            if config.get("do_center_crop"):
                self.crop = (config["crop_size"]["width"], config["crop_size"]["height"])
            self.mean = np.float32(config["image_mean"]) * 255
            self.std = np.float32(config["image_std"]) * 255
            names = self._json(folder, "config.json")["id2label"]
            self.labels = [names[str(i)] for i in range(len(names))]
        elif os.path.exists(os.path.join(folder, "synset.txt")):
            self.edge, self.exact, self.crop, self.bgr = 256, None, (224, 224), True
            self.mean, self.std = np.float32([123, 117, 104]), np.float32([1, 1, 1])
            with open(os.path.join(folder, "synset.txt")) as f:
                self.labels = [line.split(" ", 1)[1].strip() for line in f]
        else:
            config = self._json(folder, "tagbeam.json")
            resize = config["preprocess"]["resize"]
            self.edge, self.exact = None, (resize["width"], resize["height"])
            self.nhwc = config["input_layout"] == "NHWC"
            self.mean, self.std = np.float32([0, 0, 0]), np.float32([1, 1, 1])
            with open(os.path.join(folder, config["labels"])) as f:
                self.labels = f.read().split("\n")

    @staticmethod
    def _json(folder, name):
        with open(os.path.join(folder, name)) as f:
            return json.load(f)

    def tensor(self, image):
        image = image.convert("RGB")
        width, height = image.size
        if self.exact:
            size = self.exact
        elif width <= height:
            size = (self.edge, int(self.edge * height / width))
        else:
            size = (int(self.edge * width / height), self.edge)
        if size != image.size:
            image = image.resize(size, Image.BILINEAR)
        if self.crop:
            left, top = round((image.width - self.crop[0]) / 2), round((image.height - self.crop[1]) / 2)
            image = image.crop((left, top, left + self.crop[0], top + self.crop[1]))
        x = (np.asarray(image, np.float32) - self.mean) / self.std
        if self.bgr:
            x = x[..., ::-1]
        return np.ascontiguousarray(x if self.nhwc else x.transpose(2, 0, 1))

    def session(self):
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        return ort.InferenceSession(self.file, options, providers=["CPUExecutionProvider"])

    def best(self, out):
        """Labels and probabilities of a batch."""
        out = out.reshape(len(out), -1)
        if abs(float(out[0].sum()) - 1) > 1e-3:  # logits
            out = np.exp(out - out.max(1, keepdims=True))
            out /= out.sum(1, keepdims=True)
        best = out.argmax(1)
        return [self.labels[i] for i in best], out[np.arange(len(best)), best].tolist()


def done(images):
    """The last line of a peer's output: how many rows it has written."""
    print(json.dumps({"images": images}), flush=True)


def count_rows(folder):
    import glob

    import pyarrow.parquet as pq

    return sum(pq.ParquetFile(name).metadata.num_rows for name in glob.glob(os.path.join(folder, "**", "*.parquet"), recursive=True))
