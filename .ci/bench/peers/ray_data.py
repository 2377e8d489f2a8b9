"""Ray Data: read_binary_files, one actor a CPU that decodes and infers, write_parquet.

    ray_data.py INPUT MODEL OUT PROCESSES BATCH"""

import io
import os
import sys

import numpy as np
import ray
from PIL import Image

from classify import Model, count_rows, done


class Classifier:
    def __init__(self, folder):
        self._model = Model(folder)
        self._session = self._model.session()
        self._input = self._session.get_inputs()[0].name

    def __call__(self, batch):
        tensors = np.stack([self._model.tensor(Image.open(io.BytesIO(data))) for data in batch["bytes"]])
        labels, scores = self._model.best(self._session.run(None, {self._input: tensors})[0])
        return {"path": batch["path"], "label": np.array(labels), "score": np.array(scores, np.float32)}


def main(folder, model, out, processes, batch):
    ray.init(num_cpus=int(processes), include_dashboard=False, configure_logging=False, log_to_driver=False)
    images = ray.data.read_binary_files(os.path.abspath(folder), include_paths=True)
    # Half a CPU each, or reading and writing would have none.
    images = images.map_batches(Classifier, fn_constructor_args=(os.path.abspath(model),), batch_size=4 * int(batch),
                                compute=ray.data.ActorPoolStrategy(size=int(processes)), num_cpus=0.5)
    images.write_parquet(os.path.abspath(out))
    done(count_rows(out))


if __name__ == "__main__":
    main(*sys.argv[1:])
