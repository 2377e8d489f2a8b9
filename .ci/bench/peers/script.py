"""A well-tuned script: as many processes as there are CPUs, each with a session of one thread, Pillow, batches, pyarrow. INPUT is a folder
of images, or of .tar files, which the processes take one by one.

    script.py INPUT MODEL OUT PROCESSES BATCH"""

import io
import multiprocessing
import os
import sys
import tarfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from classify import Model, done

SCHEMA = pa.schema([("path", pa.string()), ("label", pa.string()), ("score", pa.float32())])


def init(folder, batch):
    global MODEL, SESSION, INPUT, BATCH
    MODEL, BATCH = Model(folder), batch
    SESSION = MODEL.session()
    INPUT = SESSION.get_inputs()[0].name


def infer(paths, tensors):
    labels, scores = MODEL.best(SESSION.run(None, {INPUT: np.stack(tensors)})[0])
    return paths, labels, scores


def files(batch):
    return [infer(batch, [MODEL.tensor(Image.open(f)) for f in batch])]


def archive(name):
    rows, paths, tensors = [], [], []
    with tarfile.open(name) as tar:
        for member in tar:
            if not member.name.endswith((".jpg", ".jpeg", ".png")):
                continue
            paths.append(f"{name}#{member.name}")
            tensors.append(MODEL.tensor(Image.open(io.BytesIO(tar.extractfile(member).read()))))
            if len(paths) == BATCH:
                rows.append(infer(paths, tensors))
                paths, tensors = [], []
    if paths:
        rows.append(infer(paths, tensors))
    return rows


def main(folder, model, out, processes, batch):
    processes, batch = int(processes), int(batch)
    names = sorted(os.path.join(folder, f) for f in os.listdir(folder))
    if names[0].endswith(".tar"):
        work, tasks = archive, names
    else:
        work, tasks = files, [names[i:i + batch] for i in range(0, len(names), batch)]
    rows = [[], [], []]
    with multiprocessing.Pool(processes, init, (model, batch)) as pool, pq.ParquetWriter(f"{out}/labels.parquet", SCHEMA) as writer:
        for results in pool.imap(work, tasks):
            for result in results:
                for column, values in zip(rows, result):
                    column += values
        writer.write_table(pa.table(rows, schema=SCHEMA))
    done(len(rows[0]))


if __name__ == "__main__":
    main(*sys.argv[1:])
