"""The hotspot table of one day (resolution 10) with gbfs-toolkit 2.0: `LAKE SYSTEM DATE OUT`.

The toolkit reads its own lake, so run.py lays the day out for it first (not timed). Its default drops
rows that share a `last_reported`, which here would be most of them: that is switched off, and only the
column that is needed is read. The mean is one over polls, as the toolkit has none over time.
"""

import sys

import gbfs_toolkit as gb
import pandas as pd

lake, system, date, out = sys.argv[1:]
start = pd.Timestamp(date, tz="Europe/Paris").tz_convert("UTC")
panel = gb.build_availability_panel(
    f"{lake}/toolkit",
    system_id=system,
    start_time=start,
    end_time=start + pd.Timedelta(days=1),
    columns=["num_bikes_available"],
    dedup=False,
).reset_index()
stations = panel.groupby("station_id")["num_bikes_available"].mean()
places = pd.read_parquet(f"{lake}/station_information/system={system}/date={date}")
cells = places.set_index("station_id").join(stations, how="inner").groupby("hex_id_10")
cells = cells["num_bikes_available"].sum().rename("bikes").reset_index()
cells["weight"] = cells["bikes"] / cells["bikes"].max()
cells.to_parquet(out)
