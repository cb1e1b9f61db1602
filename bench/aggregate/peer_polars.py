"""The hotspot table of one day (resolution 10) in Python Polars: `LAKE SYSTEM DATE OUT`.

The same as peer_duckdb.py, lazily, with the columns that are needed and no others.
"""

import datetime as dt
import sys

import polars as pl

lake, system, date, out = sys.argv[1:]
day = f"system={system}/date={date}/*.parquet"
status = pl.scan_parquet(f"{lake}/station_status/{day}", hive_partitioning=False)
counts = ["num_bikes_available", "num_ebikes_available", "num_mechanical_available", "num_docks_available"]
rows = status.select("observed_at", "station_id", "is_installed", *counts).collect()
polls = rows.select(pl.col("observed_at").unique().sort())
end = polls["observed_at"].min() + dt.timedelta(hours=24)
weights = polls.with_columns(
    pl.min_horizontal(
        pl.col("observed_at").shift(-1).fill_null(end) - pl.col("observed_at"),
        pl.lit(dt.timedelta(minutes=15)),
    ).dt.total_milliseconds().alias("ms")
)
mean = lambda column: (pl.col(column) * pl.col("ms")).sum() / pl.col("ms").sum()
stations = (
    rows.lazy().filter("is_installed").join(weights.lazy(), on="observed_at").group_by("station_id")
    .agg(*(mean(column) for column in counts))
)
places = pl.scan_parquet(f"{lake}/station_information/{day}", hive_partitioning=False).select(
    "station_id", pl.col("hex_id_10").alias("hex_id"), "capacity"
)
cells = (
    stations.join(places, on="station_id").filter(pl.col("hex_id").is_not_null()).group_by("hex_id")
    .agg(
        pl.col("num_bikes_available").sum().alias("bikes"),
        pl.col("num_ebikes_available").sum().alias("ebikes"),
        pl.col("num_mechanical_available").sum().alias("mechanical"),
        pl.col("num_docks_available").sum().alias("docks"),
        pl.col("capacity").filter(pl.col("capacity") > 0).sum(),
        pl.len().alias("stations"),
    )
    .with_columns(
        (pl.col("bikes") / pl.col("bikes").max()).alias("weight"),
        (pl.col("bikes") / pl.col("bikes").sum()).alias("share"),
    )
    .sort(["bikes", "hex_id"], descending=[True, False])
)
cells.collect().write_parquet(out)
