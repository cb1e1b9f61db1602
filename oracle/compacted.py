"""A compacted day read by others: `python oracle/compacted.py path/to/hotspots LAKE`.

Compacts a copy of the lake. The rows of its polls, as DuckDB reads them, must be those that the view
of data/README.md gives, as printed there, while some polls' own objects are still there; and those
that DuckDB and Polars read from the compacted days alone.
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import duckdb
import polars as pl

DICTIONARY = pathlib.Path(__file__).parent.parent / "data/README.md"


def main(program: str, source: pathlib.Path) -> None:
    view = re.search(r"^create view observations as.*?;$", DICTIONARY.read_text(), re.M | re.S)[0]
    with tempfile.TemporaryDirectory() as folder:
        lake = pathlib.Path(folder) / "lake"
        for table in ("station_status", "station_information"):
            shutil.copytree(source / table, lake / table)
        subprocess.run([program, "compact", "--lake", lake], check=True, capture_output=True)
        days = sorted(lake.glob("station_status_daily/system=*/date=*/*.parquet"))
        assert days, f"no day of {source} was compacted"
        for packed in days:
            system, date = (part.split("=")[1] for part in packed.parts[-3:-1])
            polls = f"station_status/system={system}/date={date}"
            sql = duckdb.connect()
            sql.execute("set timezone = 'UTC'")
            sql.execute(f"create table polls as from read_parquet('{source}/{polls}/*.parquet', hive_partitioning = false)")
            columns = ", ".join(name for name, *_ in sql.execute("describe polls").fetchall())
            (rows,) = sql.execute("select count(*) from polls").fetchone()
            for poll in sorted((lake / polls).glob("*.parquet"))[1:]:
                poll.unlink()
            sql.execute(view.replace("lake/", f"{lake}/").replace("velib", system).replace("2026-11-22", date))
            sql.execute(f"create view alone as from '{packed}'")
            pl.read_parquet(packed).write_parquet(f"{folder}/polars.parquet")
            sql.execute(f"create view by_polars as from '{folder}/polars.parquet'")
            for read in ("observations", "alone", "by_polars"):
                sql.execute(f"create or replace view read as select {columns} from {read}")
                for one, other in (("polls", "read"), ("read", "polls")):
                    (more,) = sql.execute(f"select count(*) from (from {one} except all from {other})").fetchone()
                    assert more == 0, f"{system} {date}: {more} rows are in {one}, not in {other} by {read}"
            print(f"{system} {date}: {rows} rows, the same by the view, by DuckDB and by Polars")


if __name__ == "__main__":
    main(sys.argv[1], pathlib.Path(sys.argv[2]))
