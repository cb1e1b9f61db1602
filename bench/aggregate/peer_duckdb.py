"""The hotspot table of one day (resolution 10) as an analyst writes it in DuckDB: `LAKE SYSTEM DATE OUT`.

Each poll holds until the next one, at most 15 minutes. Only the columns bikes to share: less than
`hotspots aggregate` writes. The day is one of 24 hours whose first poll is at its first instant.
"""

import sys

import duckdb

lake, system, date, out = sys.argv[1:]
day = f"system={system}/date={date}/*.parquet"
duckdb.execute(f"""
copy (
  with polls as (
    select t, least(coalesce(lead(t) over (order by t), first_t + interval 24 hours), t + interval 15 minutes) - t as hold
    from (select distinct observed_at t, min(observed_at) over () first_t
          from read_parquet('{lake}/station_status/{day}'))),
  weights as (select t, epoch_ms(hold) ms from polls),
  stations as (
    select station_id, sum(num_bikes_available * ms) / sum(ms) bikes,
      sum(num_ebikes_available * ms) / sum(ms) ebikes,
      sum(num_mechanical_available * ms) / sum(ms) mechanical,
      sum(num_docks_available * ms) / sum(ms) docks
    from read_parquet('{lake}/station_status/{day}') join weights on observed_at = t
    where is_installed group by station_id),
  places as (
    select station_id, hex_id_10, capacity from read_parquet('{lake}/station_information/{day}')),
  cells as (
    select hex_id_10 hex_id, sum(bikes) bikes, sum(ebikes) ebikes, sum(mechanical) mechanical,
      sum(docks) docks, sum(nullif(capacity, 0)) capacity, count(*) stations
    from stations join places using (station_id) where hex_id_10 is not null group by all)
  select *, bikes / max(bikes) over () weight, bikes / sum(bikes) over () as share
  from cells order by bikes desc, hex_id
) to '{out}' (format parquet)
""")
