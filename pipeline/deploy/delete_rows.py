#!/usr/bin/env python3
"""Delete the rows of images from a table of tagbeam.

    delete_rows.py OUTPUT URI...        every row of these images, members of archives included
    delete_rows.py OUTPUT --member M URI

OUTPUT is what --output was: a folder, gs:// or s3:// (or any other that pyarrow.fs opens). URI is as the column uri has it.

Remove the images from the input first, or else the next run tags them again. Let no tagbeam command run on OUTPUT meanwhile: an open run is
refused. Part files that have such rows are written again without them, each replaced in one step; killed in between, call it again. The
copies of the ledger (OUTPUT/_ledger) and of archives' contents (OUTPUT/_members) are deleted, as are the plan and unit files of closed runs:
tagbeam needs none of them.

Needs pyarrow, 16 or later.
"""

import argparse
import json
import os
import re
import sys
import tempfile

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.fs
import pyarrow.parquet as pq


def main():
    parser = argparse.ArgumentParser(description="Delete the rows of images from a table of tagbeam.")
    parser.add_argument("output")
    parser.add_argument("uri", nargs="+")
    parser.add_argument("--member", help="of one URI, this member only")
    args = parser.parse_args()
    if args.member is not None and len(args.uri) != 1:
        parser.error("--member goes with one URI")
    output = args.output if "://" in args.output else os.path.abspath(args.output)
    fs, root = pyarrow.fs.FileSystem.from_uri(output)
    files = [f.path for f in listed(fs, root + "/labels")]
    parts = [f for f in files if re.search(r"/run-\d+-part-\d+\.parquet$", f)]
    runs = listed(fs, root + "/_runs")
    refuse_open_run(fs, runs)
    deleted, of_archives = 0, 0
    for part in parts:
        rows, members = delete_from(fs, part, args.uri, args.member)
        if rows:
            print(f"{rows} rows  {part}")
        deleted, of_archives = deleted + rows, of_archives + members
    copies = listed(fs, root + "/_ledger")
    if of_archives:
        copies += listed(fs, root + "/_members")
    for f in copies:
        fs.delete_file(f.path)
    for f in runs:
        if re.search(r"/_runs/\d+/(plan-|unit-)[^/]*$", f.path):
            fs.delete_file(f.path)
    print(f"{deleted} rows deleted")


def listed(fs, folder):
    selector = pyarrow.fs.FileSelector(folder, recursive=True, allow_not_found=True)
    return [f for f in fs.get_file_info(selector) if f.type == pyarrow.fs.FileType.File]


def refuse_open_run(fs, runs):
    """The last run must be published or aborted: what it has tagged is not yet in the table."""
    numbers = [int(m[1]) for f in runs if (m := re.search(r"/_runs/(\d+)/plan\.json$", f.path))]
    if not numbers:
        sys.exit("there is no run: is OUTPUT what --output was?")
    last = {f.path.rsplit("/", 1)[1]: f.path for f in runs if re.search(rf"/_runs/0*{max(numbers)}/[^/]+$", f.path)}
    if "manifest.json" in last:
        return
    if "decision.json" in last:
        with fs.open_input_stream(last["decision.json"]) as f:
            if not json.load(f)["commit"]:
                return
    sys.exit(f"run {max(numbers)} is open: finish it with the command that began it, or end it with --abandon, and call this again")


def delete_from(fs, part, uris, member):
    """Write a part again without the rows, in order, a row group in memory at a time. Returns how many they were, and how many of them of members."""
    with fs.open_input_file(part) as source:
        file = pq.ParquetFile(source)
        if not any(pc.sum(doomed(batch, uris, member)).as_py() for batch in file.iter_batches(columns=["uri", "member"])):
            return 0, 0
        with tempfile.NamedTemporaryFile(suffix=".parquet") as t:
            deleted, members = 0, 0
            schema = file.schema_arrow.remove_metadata()  # the counts of what it was
            with pq.ParquetWriter(t.name, schema, compression="zstd", write_page_index=True, store_schema=False) as writer:
                for i in range(file.num_row_groups):
                    group = file.read_row_group(i)
                    gone = doomed(group, uris, member)
                    kept = group.filter(pc.invert(gone)).replace_schema_metadata()
                    deleted += group.num_rows - kept.num_rows
                    members += pc.sum(pc.and_(gone, pc.is_valid(group["member"]))).as_py()
                    if kept.num_rows:
                        writer.write_table(kept, row_group_size=max(1, kept.num_rows))
            replace(fs, t.name, part)
    return deleted, members


def doomed(rows, uris, member):
    found = pc.is_in(rows["uri"], value_set=pa.array(uris, pa.string()))
    if member is not None:
        found = pc.and_(found, pc.fill_null(pc.equal(rows["member"], member), False))
    return found


def replace(fs, local, part):
    """In a bucket an object is replaced when its last byte is there; in a folder, by renaming."""
    there = part
    if isinstance(fs, pyarrow.fs.LocalFileSystem):
        folder, name = os.path.split(part)
        there = f"{folder}/.{name}.tmp"
    pyarrow.fs.copy_files(local, there, source_filesystem=pyarrow.fs.LocalFileSystem(), destination_filesystem=fs)
    if there != part:
        with open(there, "rb") as f:
            os.fsync(f.fileno())
        os.replace(there, part)


if __name__ == "__main__":
    main()
