"""Apache Beam's own RunInference with its ONNX handler, on the direct runner with worker processes.

    beam_inference.py INPUT MODEL OUT PROCESSES BATCH"""

import io
import sys

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.io import fileio
from apache_beam.ml.inference.base import KeyedModelHandler, RunInference
from apache_beam.ml.inference.onnx_inference import OnnxModelHandlerNumpy
from apache_beam.options.pipeline_options import PipelineOptions
from PIL import Image

from classify import Model, count_rows, done

SCHEMA = pa.schema([("path", pa.string()), ("label", pa.string()), ("score", pa.float32())])


class Handler(OnnxModelHandlerNumpy):
    """With one thread a session, which its own options cannot say: they cannot be pickled."""

    def __init__(self, folder, batch):
        super().__init__(Model(folder).file, inference_fn=infer, min_batch_size=batch, max_batch_size=4 * batch)
        self._folder = folder

    def load_model(self):
        return Model(self._folder).session()


def infer(session, batch, _arguments=None):
    return session.run(None, {session.get_inputs()[0].name: np.stack(batch)})[0]


class Load(beam.DoFn):
    def __init__(self, folder):
        self._folder = folder

    def setup(self):
        self._model = Model(self._folder)

    def process(self, f):
        yield f.metadata.path, self._model.tensor(Image.open(io.BytesIO(f.read())))


class Row(beam.DoFn):
    def __init__(self, folder):
        self._folder = folder

    def setup(self):
        self._model = Model(self._folder)

    def process(self, keyed):
        path, prediction = keyed
        labels, scores = self._model.best(prediction.inference[None])
        yield {"path": path, "label": labels[0], "score": scores[0]}


def main(folder, model, out, processes, batch):
    options = PipelineOptions(["--runner=DirectRunner", "--direct_running_mode=multi_processing", f"--direct_num_workers={processes}"])
    with beam.Pipeline(options=options) as p:
        (p | fileio.MatchFiles(f"{folder}/*") | fileio.ReadMatches()
           | beam.ParDo(Load(model))
           | RunInference(KeyedModelHandler(Handler(model, int(batch))))
           | beam.ParDo(Row(model))
           | beam.io.WriteToParquet(f"{out}/labels", SCHEMA, file_name_suffix=".parquet"))
    done(count_rows(out))


if __name__ == "__main__":
    main(*sys.argv[1:])
