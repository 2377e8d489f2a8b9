"""Prints what pyarrow, DuckDB, pandas and polars make of a label table file: types, then values."""
import sys

import duckdb
import pandas
import polars
import pyarrow.parquet

path = sys.argv[1]
table = pyarrow.parquet.read_table(path)
print("# pyarrow")
for field in table.schema:
    print(f"{field.name}: {field.type}{'' if field.nullable else ' not null'}")
for row in table.to_pylist():
    print(row)

print("# duckdb")
con = duckdb.connect()
con.execute("SET TimeZone = 'UTC'")
for name, kind, *_ in con.execute("DESCRIBE SELECT * FROM read_parquet(?)", [path]).fetchall():
    print(f"{name}: {kind}")
query = """SELECT uri, member, size, label, confidence, top_k, embedding, status, error_code, retryable, run_id,
                  epoch_us(tagged_at) FROM read_parquet(?) ORDER BY uri"""
for row in con.execute(query, [path]).fetchall():
    print(row)
print(con.execute("SELECT count(*) FROM read_parquet(?) WHERE uri = 'gs://b/zz'", [path]).fetchone())

print("# pandas")
frame = pandas.read_parquet(path)
print(frame.tagged_at.dtype, list(frame.status), list(frame.top_k.isna()), list(frame.embedding.isna()))

print("# polars")
frame = polars.read_parquet(path)
for name, kind in frame.schema.items():
    print(f"{name}: {kind}")
for row in frame.to_dicts():
    print(row)
# What all readers make of it is the same.
assert frame.to_dicts() == table.to_pylist(), (frame.to_dicts(), table.to_pylist())
