"""Writes Parquet files of made-up images as people's programs do, into the folder that is its argument, and prints what is in them: one
line a row, the file, the row and the MD5 of the image, or - for NULL."""
import hashlib
import sys

import pandas
import pyarrow as pa
import pyarrow.parquet as pq

ROWS = 500
folder = sys.argv[1]
images = [None if i % 50 == 7 else bytes([i % 256, i // 256]) * (1000 + i) for i in range(ROWS)]
paths = [f"{i}.jpg" for i in range(ROWS)]
struct = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
hf = pa.table({"image": pa.array([{"bytes": b, "path": p} for b, p in zip(images, paths)], struct), "label": pa.array(range(ROWS))})
plain = pa.table({"name": paths, "jpg": pa.array(images, pa.large_binary())})


def write(name, table, **options):
    pq.write_table(table, f"{folder}/{name}.parquet", **options)
    for i, image in enumerate(images):
        print(f"{name}.parquet", i, "-" if image is None else hashlib.md5(image).hexdigest())


write("default", hf)
write("groups", hf, row_group_size=100)
write("index", plain, write_page_index=True, data_page_size=20_000, write_batch_size=10)
write("no-dictionary", plain, use_dictionary=False, data_page_size=20_000, write_batch_size=10)
write("dictionary", plain, data_page_size=100, write_batch_size=10, dictionary_pagesize_limit=100_000_000)
write("v2", hf, data_page_version="2.0", version="2.6", row_group_size=77)
write("checksums", hf, write_page_checksum=True)
for compression in ["none", "snappy", "gzip", "brotli", "lz4", "zstd"]:
    write(compression, plain, compression=compression, row_group_size=200)
write("pandas", pa.Table.from_pandas(pandas.DataFrame({"image": images, "n": range(ROWS)})))
