"""Computes a lake's tables again, by plain SQL in DuckDB, and compares: `python oracle/check.py LAKE`.

Written from the definitions in docs/design.md, "The numbers", without a look at the Rust code: no
column of any computed table may differ by more than 1e-9, nor any figure of the day, nor what a check of
quality finds. Gi* is compared with PySAL's esda, its neighbourhoods with the reference H3 library, the
adjusted p with SciPy. Ends with 1 where anything differs.
Needs what requirements.txt lists.
"""

import datetime as dt
import json
import pathlib
import sys
import warnings
import zoneinfo

import duckdb
import h3
import numpy as np

warnings.filterwarnings("ignore")
TOLERANCE = 1e-9
MS = 1000


def main(lake: pathlib.Path) -> int:
    days = sorted(lake.glob("hotspots/system=*/resolution=*/date=*/hotspots.parquet"))
    if not days:
        print(f"no table of hotspots in {lake}")
        return 1
    faults = 0
    by_day: dict[tuple[str, str], list[int]] = {}
    for path in days:
        system, resolution, date = (part.split("=")[1] for part in path.parts[-4:-1])
        by_day.setdefault((system, date), []).append(int(resolution))
    for (system, date), resolutions in sorted(by_day.items()):
        found = Day(lake, system, date, sorted(resolutions)).compare()
        faults += len(found)
        print(f"{system} {date}: " + ("as computed" if not found else "; ".join(found)))
    return 1 if faults else 0


class Day:
    """One local day of one system, in tables of DuckDB."""

    def __init__(self, lake, system, date, resolutions):
        self.lake, self.system, self.date, self.resolutions = lake, system, date, resolutions
        self.sql = duckdb.connect()
        self.sql.execute("set timezone = 'UTC'")
        self.summary = self.read_summary(resolutions[-1])
        zone = zoneinfo.ZoneInfo(self.summary["time_zone"])
        self.zone = zone
        day = dt.date.fromisoformat(date)
        self.start = local_midnight(day, zone)
        self.end = local_midnight(day + dt.timedelta(days=1), zone)
        self.length = self.end - self.start
        self.gap = round(self.summary["max_gap_s"] * MS)
        self.load_hours()
        self.load_polls(day)
        self.load_places(day)
        self.load_sums()
        self.load_vehicles(day)

    # what was recorded

    def load_hours(self):
        hours, quarter, last = [], 15 * 60 * MS, None
        for at in range(self.start, self.end, quarter):
            local = dt.datetime.fromtimestamp(at / MS, self.zone)
            shown = (local.hour, local.utcoffset())
            if shown == last:
                hours[-1][3] = at + quarter
            else:
                hours.append([len(hours), local.hour, at, at + quarter])
            last = shown
        self.sql.execute("create table hours(i int, shown int, h_from bigint, h_to bigint)")
        self.sql.executemany("insert into hours values (?, ?, ?, ?)", hours)

    def load_polls(self, day):
        """`polls`: each poll's name and the time it holds. `seen`: a row per station and poll."""
        columns = """station_id, num_bikes_available b, num_ebikes_available e,
                     num_mechanical_available m, num_docks_available d,
                     coalesce(is_installed, true) stands"""
        self.sql.execute("""create table rows(poll varchar, row bigint, station_id varchar,
                            b int, e int, m int, d int, stands boolean)""")
        self.sql.execute("create table names(poll varchar)")
        yesterday = (day - dt.timedelta(days=1)).isoformat()
        for date, only_last in [(yesterday, True), (self.date, False)]:
            folder = f"system={self.system}/date={date}"
            raw = {p.stem: p for p in self.lake.glob(f"station_status/{folder}/*.parquet")}
            daily = self.lake / f"station_status_daily/{folder}/station_status_daily.parquet"
            packed = metadata(self.sql, daily, "hotspots.polls").split() if daily.exists() else []
            names = sorted({*raw, *packed})[-1 if only_last else 0 :]
            self.own_names = names
            if only_last:
                names = [n for n in names if stamp(n) + self.gap > self.start]
            self.sql.executemany("insert into names values (?)", [[n] for n in names] or [[None]])
            from_raw = [str(raw[n]) for n in names if n not in packed]
            if from_raw:
                self.sql.execute(f"""insert into rows select parse_filename(filename, true),
                    file_row_number, {columns}
                    from read_parquet(?, filename = true, file_row_number = true)""", [from_raw])
            if set(names) & set(packed):
                self.sql.execute("create or replace table packed(number int, name varchar)")
                self.sql.executemany("insert into packed values (?, ?)", list(enumerate(packed)))
                wanted = [n for n in names if n in packed]
                self.sql.execute(f"""insert into rows select name, file_row_number, {columns}
                    from read_parquet(?, file_row_number = true) join packed on number = poll
                    where list_contains(?, name)""", [str(daily), wanted])
        self.sql.execute("delete from names where poll is null")
        self.sql.execute("""create table polls as select poll, ms, greatest(ms, $start) p_from,
            least(coalesce(lead(ms) over (order by poll), $end), ms + $gap, $end) p_to from
            (select poll, epoch_ms(strptime(left(poll, 16), '%Y%m%dT%H%M%SZ')) ms from names)""",
            {"start": self.start, "end": self.end, "gap": self.gap})
        self.sql.execute("""create table seen as
            with once as (select * from rows
                qualify row_number() over (partition by poll, station_id order by row) = 1)
            select poll, station_id, b, if(e >= 0, e, null) e, if(m >= 0, m, null) m,
                if(d >= 0, d, null) d from once where stands and b >= 0""")

    def load_places(self, day):
        """`places`: in each version, each station's cells and capacity. `latest`: of each station, the
        last row there is, of versions in force at some poll and the last version."""
        root = self.lake / f"station_information/system={self.system}"
        by_date = {p.name.split("=")[1]: sorted(p.glob("*.parquet")) for p in root.glob("date=*")}
        before = [d for d in sorted(by_date) if d < self.date and by_date[d]]
        after = [d for d in sorted(by_date) if d > self.date and by_date[d]]
        files = ([by_date[before[-1]][-1]] if before else []) + by_date.get(self.date, [])
        if not files and after:
            files = by_date[after[0]][:1]
        self.sql.execute("""create table all_rows(version varchar, row bigint, station_id varchar,
            station_code varchar, name varchar, lat double, lon double, hex_id_8 varchar, hex_id_9 varchar,
            hex_id_10 varchar, published int, is_virtual boolean)""")
        if files:
            self.sql.execute("""insert into all_rows select parse_filename(filename, true),
                file_row_number, station_id, station_code, name, lat, lon, hex_id_8, hex_id_9, hex_id_10,
                capacity, coalesce(is_virtual_station, false)
                from read_parquet(?, filename = true, file_row_number = true)""", [[str(f) for f in files]])
        versions = sorted(f.stem for f in files)
        in_force = []
        for (poll,) in self.sql.execute("select poll from polls").fetchall():
            known = [v for v in versions if stamp(v) <= stamp(poll)]
            in_force.append([poll, known[-1] if known else versions[0] if versions else None])
        self.sql.execute("create table in_force(poll varchar, version varchar)")
        self.sql.executemany("insert into in_force values (?, ?)", in_force or [[None, None]])
        used = {version for _, version in in_force} | set(versions[-1:])
        unused = [v for v in versions if v not in used]
        self.sql.execute("delete from all_rows where list_contains(?::varchar[], version)", [unused])
        self.sql.execute("""create table places as select *, if(published > 0, published, null) capacity
            from all_rows qualify row_number() over (partition by version, station_id order by row) = 1""")
        self.sql.execute("""create table latest as select * from places
            qualify row_number() over (partition by station_id order by version desc) = 1""")

    def load_vehicles(self, day):
        """`standing`: each free-standing bike of each poll. `glimpses`: the time that those polls hold."""
        files = {}
        for date in ((day - dt.timedelta(days=1)).isoformat(), self.date):
            folder = self.lake / f"vehicle_status/system={self.system}/date={date}"
            polls = sorted(folder.glob("*.parquet"), key=lambda p: p.stem)
            files |= {p.stem: p for p in (polls if date == self.date else polls[-1:])}
        files = {n: p for n, p in files.items() if stamp(n) + self.gap > self.start}
        self.sql.execute("create table looks(poll varchar, ms bigint)")
        self.sql.execute("""create table standing(poll varchar, lat double, lon double,
            hex_id_8 varchar, hex_id_9 varchar, hex_id_10 varchar, is_electric boolean)""")
        if files:
            self.sql.executemany("insert into looks values (?, ?)", [[n, stamp(n)] for n in files])
            self.sql.execute("""insert into standing select parse_filename(filename, true), lat, lon,
                hex_id_8, hex_id_9, hex_id_10, is_electric from read_parquet(?, filename = true)
                where coalesce(form_factor like '%bicycle%', true) and station_id is null
                and not coalesce(is_disabled, false) and not coalesce(is_reserved, false)""",
                [[str(p) for p in files.values()]])
        self.sql.execute("""create table glimpses as with held as (select poll, greatest(ms, $start) p_from,
                least(coalesce(lead(ms) over (order by poll), $end), ms + $gap, $end) p_to from looks)
            select poll, i, greatest(p_from, h_from) s_from, least(p_to, h_to) s_to,
                least(p_to, h_to) - greatest(p_from, h_from) ms
            from held join hours on p_from < h_to and h_from < p_to where p_from < p_to""",
            {"start": self.start, "end": self.end, "gap": self.gap})

    # sums of whole milliseconds

    def load_sums(self):
        self.sql.execute("""create table pieces as
            select poll, version, i, greatest(p_from, h_from) s_from,
                least(p_to, h_to) s_to, least(p_to, h_to) - greatest(p_from, h_from) ms
            from polls join in_force using (poll) join hours on p_from < h_to and h_from < p_to
            where p_from < p_to""")
        self.sql.execute("""create table sums as select version, station_id, i, sum(ms)::bigint hold,
            sum(b * ms)::bigint b, sum(ms) filter (e is not null)::bigint e_hold,
            sum(e * ms)::bigint e, sum(ms) filter (m is not null)::bigint m_hold,
            sum(m * ms)::bigint m, sum(ms) filter (d is not null)::bigint d_hold,
            sum(d * ms)::bigint d, coalesce(sum(ms) filter (b = 0), 0)::bigint empty,
            coalesce(sum(ms) filter (d = 0), 0)::bigint full_ms
            from seen join pieces using (poll) group by all""")

    def cells(self, resolution, hourly):
        """The cells' figures, by hour or for the day."""
        self.place_cells(resolution)
        self.place_vehicles(resolution)
        by = "i" if hourly else "0"
        length = "(select h_to - h_from from hours h where h.i = t.i)" if hourly else self.length
        return f"""
            with t as (select {by} i, station_id, sum(hold) hold, sum(e_hold) e_hold,
                    sum(m_hold) m_hold, sum(d_hold) d_hold from sums group by all),
            stays as (select {by} i, cell, station_id, sum(s.hold) hold, sum(b) b, sum(e) e, sum(m) m,
                    sum(d) d, sum(s.hold) filter (capacity is not null) c_hold,
                    sum(capacity * s.hold) c
                from sums s join cell_of using (version, station_id) group by all),
            docked as (select s.i, cell, sum(b / t.hold) bikes, sum(e / e_hold) ebikes,
                    sum(m / m_hold) mechanical, sum(d / d_hold) docks, sum(c / t.hold) capacity,
                    bool_and(coalesce(c_hold, 0) = s.hold) known, count(*) stations,
                    avg(t.hold / {length}) coverage
                from stays s join t using (i, station_id) group by all),
            looked as (select {by} i, sum(ms) hold from glimpses group by all),
            stood_in as (select cell, bool_or(told) told from free_in join glimpses using (poll) group by all),
            shown as (select {by} i, cell, sum(n * ms) n, sum(e * ms) e, sum(m * ms) m, sum(ms) there
                from free_in join glimpses using (poll) group by all),
            free as (select i, cell, told, coalesce(n, 0) n, coalesce(e, 0) e, coalesce(m, 0) m,
                    coalesce(there, 0) there
                from looked cross join stood_in left join shown using (i, cell)),
            loose as (select i, cell, n / hold bikes, if(told, e / hold, null) ebikes,
                    if(told, m / hold, null) mechanical, hold / {str(length).replace("t.i", "looked.i")} coverage,
                    (hold - there) / hold empty_share
                from free join looked using (i)),
            figures as (select i, cell, coalesce(d.bikes, 0) + coalesce(l.bikes, 0) bikes,
                    coalesce(d.ebikes + l.ebikes, d.ebikes, l.ebikes) ebikes,
                    coalesce(d.mechanical + l.mechanical, d.mechanical, l.mechanical) mechanical,
                    docks, capacity, coalesce(known, false) known, coalesce(stations, 0) stations,
                    coalesce(d.coverage, l.coverage) coverage
                from docked d full join loose l using (i, cell)),
            whole as (select poll, {by} i, p.s_from, p.s_to, p.ms, cell, sum(b) b, sum(d) d
                from seen join pieces p using (poll) join cell_of using (version, station_id)
                group by poll, p.i, p.ms, cell, s_from, s_to),
            helped as (select w.i, w.cell, sum(least(w.s_to, g.s_to) - greatest(w.s_from, g.s_from)) ms
                from whole w join free_in using (cell) join glimpses g
                    on g.poll = free_in.poll and w.s_from < g.s_to and g.s_from < w.s_to
                where w.b = 0 group by all),
            offers as (select w.i, w.cell,
                    (coalesce(sum(w.ms) filter (b = 0), 0) - coalesce(any_value(h.ms), 0)) / sum(w.ms) empty_share,
                    coalesce(sum(w.ms) filter (d = 0), 0) / sum(w.ms) filter (d is not null) full_share
                from whole w left join helped h using (i, cell) group by all
                union all select i, cell, empty_share, null from loose
                where (i, cell) not in (select (i, cell) from whole))
            select cell hex_id, {"h.shown as hour, h.h_from as hour_start," if hourly else ""} bikes,
                ebikes, mechanical, docks, capacity, if(known, bikes / capacity, null) occupancy,
                empty_share, full_share, stations, coverage, coalesce(bikes / nullif(max(bikes) over (), 0), 0) weight
                {"" if hourly else ", coalesce(bikes / nullif(sum(bikes) over (), 0), 0) as share"}
            from figures join offers using (i, cell)
                {"join hours h on h.i = figures.i" if hourly else ""}"""

    def place_vehicles(self, resolution):
        """`free_in`: how many free-standing bikes each poll shows in each cell, and of which kind."""
        if resolution in (8, 9, 10):
            self.sql.execute(f"create or replace table stood as select poll, hex_id_{resolution} cell, is_electric from standing")
        else:
            rows = self.sql.execute("""select poll, lat, lon, is_electric from standing
                where lat between -90 and 90 and lon between -180 and 180
                and not (lat = 0 and lon = 0)""").fetchall()
            self.sql.execute("create or replace table stood(poll varchar, cell varchar, is_electric boolean)")
            rows = [(poll, cell_at(lat, lon, resolution), e) for poll, lat, lon, e in rows]
            self.sql.executemany("insert into stood values (?, ?, ?)", rows or [(None, None, None)])
        self.sql.execute("""create or replace table free_in as select poll, cell, count(*) n,
            count(*) filter (is_electric) e, count(*) filter (not is_electric) m,
            bool_or(is_electric is not null) told from stood where cell is not null group by all""")

    def place_cells(self, resolution):
        if resolution in (8, 9, 10):
            cell = f"hex_id_{resolution}"
            self.sql.execute(f"""create or replace table cell_of as select version, station_id,
                {cell} cell, capacity from places where {cell} is not null""")
            return
        rows = self.sql.execute("""select version, station_id, lat, lon, capacity from places
            where lat between -90 and 90 and lon between -180 and 180
            and not (lat = 0 and lon = 0)""").fetchall()
        rows = [(v, s, cell_at(lat, lon, resolution), c) for v, s, lat, lon, c in rows]
        self.sql.execute("""create or replace table cell_of(version varchar, station_id varchar,
            cell varchar, capacity int)""")
        self.sql.executemany("insert into cell_of values (?, ?, ?, ?)", rows or [[None] * 4])
        self.sql.execute("delete from cell_of where cell is null")

    def stations(self):
        """One row per station of the status feed or the information."""
        def at(hour):
            instant = dt.datetime.combine(dt.date.fromisoformat(self.date), dt.time(hour), self.zone)
            ms = round(instant.timestamp() * MS)
            return f"(select any_value(b) from own where {ms} >= s_from and {ms} < s_to and own.station_id = t.station_id)"

        def episodes(name, condition):
            return f"""{name} as (select station_id, count(*) n, sum(ms) / 60000 as minutes,
                max(ms) / 60000 as longest from (select station_id, run, sum(ms) ms from
                (select station_id, ms, sum(is_new) over (partition by station_id order by s_from,
                s_to rows unbounded preceding) run from (select station_id, ms, s_from, s_to,
                if(lag(s_to) over (partition by station_id order by s_from, s_to) = s_from, 0, 1) is_new
                from own where {condition})) group by all) group by all)"""

        return f"""
            with own as (select * exclude (i), i from seen join pieces using (poll)),
            t as (select station_id, sum(hold) hold, sum(b) b, sum(e_hold) e_hold, sum(e) e,
                sum(m_hold) m_hold, sum(m) m, sum(d_hold) d_hold, sum(d) d, sum(empty) empty,
                sum(full_ms) full_ms, sum(capacity * hold) filter (capacity is not null) c,
                sum(hold) filter (capacity is not null) c_hold
                from sums left join places using (version, station_id) group by all),
            peak as (select station_id, arg_max(shown, (b::double / hold, -i)) peak_hour from
                (select station_id, i, sum(b) b, sum(hold) hold from sums group by all)
                join hours using (i) group by all),
            everyone as (select station_id from rows union select station_id from latest),
            {episodes("emptied", "b = 0")}, {episodes("filled", "d = 0")}
            select everyone.station_id, latest.station_code, latest.name, latest.lat, latest.lon,
                latest.hex_id_8, latest.hex_id_9, latest.hex_id_10, latest.capacity, b / hold bikes,
                e / e_hold ebikes, m / m_hold mechanical, d / d_hold docks,
                if(c_hold = hold, b / c, null) occupancy, empty / hold empty_share,
                full_ms / d_hold full_share,
                coalesce(emptied.n, 0) empty_episodes, coalesce(emptied.minutes, 0) empty_minutes,
                coalesce(emptied.longest, 0) longest_empty_minutes,
                coalesce(filled.n, 0) full_episodes, coalesce(filled.minutes, 0) full_minutes,
                coalesce(filled.longest, 0) longest_full_minutes, peak_hour,
                {at(8)} bikes_0800, {at(18)} bikes_1800, coalesce(hold, 0) / {self.length} coverage
            from everyone left join t using (station_id) left join peak using (station_id)
                left join emptied using (station_id) left join filled using (station_id)
                left join latest using (station_id)"""

    # comparisons

    def compare(self):
        faults = []
        for resolution in self.resolutions:
            folder = f"system={self.system}/resolution={resolution}/date={self.date}"
            table = self.lake / f"hotspots/{folder}/hotspots.parquet"
            hourly = self.lake / f"hotspots_hourly/{folder}/hotspots_hourly.parquet"
            faults += self.differences(f"hotspots {resolution}", table, self.cells(resolution, False), ["hex_id"])
            faults += self.differences(f"hotspots_hourly {resolution}", hourly, self.cells(resolution, True), ["hex_id", "hour_start"])
            faults += self.compare_places(resolution, table)
        table = self.lake / f"station_days/system={self.system}/date={self.date}/station_days.parquet"
        faults += self.differences("station_days", table, self.stations(), ["station_id"])
        faults += self.compare_quality()
        for resolution in self.resolutions:
            faults += self.compare_summary(resolution)
        return faults

    def differences(self, name, path, query, keys, where=""):
        """Where a table and a query differ in any column of the query."""
        self.sql.execute(f"create or replace table expected as {query}")
        self.sql.execute(f"""create or replace table stored as
            select * from read_parquet('{path}', hive_partitioning = false) {where}""")
        if "hour_start" in keys:
            self.sql.execute("alter table stored alter hour_start type bigint using epoch_ms(hour_start)")
        faults = []
        count = lambda table: self.sql.execute(f"select count(*) from {table}").fetchone()[0]
        if count("stored") != count("expected"):
            faults.append(f"{name} has {count('stored')} rows, not {count('expected')}")
        on = " and ".join(f"s.{key} = x.{key}" for key in keys)
        missing = self.sql.execute(f"select count(*) from expected x anti join stored s on {on}").fetchone()[0]
        if missing:
            faults.append(f"{name} lacks {missing} rows")
        columns = [c[0] for c in self.sql.execute("describe expected").fetchall() if c[0] not in keys]
        for column in columns:
            is_text = self.sql.execute(f"select any_value(typeof({column})) from stored").fetchone()[0] == "VARCHAR"
            far = f"s.{column} <> x.{column}" if is_text else f"abs(s.{column}::double - x.{column}::double) > {TOLERANCE}"
            most = "null" if is_text else f"max(abs(s.{column}::double - x.{column}::double))"
            wrong, most = self.sql.execute(f"""select count(*) filter (
                (s.{column} is null) <> (x.{column} is null) or {far}), {most}
                from stored s join expected x on {on}""").fetchone()
            if wrong:
                faults.append(f"{name}.{column} differs in {wrong} rows, by up to {most}")
        return faults

    def compare_places(self, resolution, table):
        """Rank, smoothing, Gi* and baseline, from the stored bikes."""
        rows = self.sql.execute(f"""select hex_id, bikes, rank, rank() over (order by bikes desc),
            smoothed_bikes, smoothed_weight, gi_z, gi_p, gi_p_adjusted, gi_class, baseline_bikes,
            baseline_days, baseline_difference, lat, lng from read_parquet('{table}')""").fetchall()
        cells = [row[0] for row in rows]
        bikes = np.array([row[1] for row in rows])
        index = {cell: i for i, cell in enumerate(cells)}
        faults = []

        def check(name, stored, expected):
            stored = np.array([np.nan if v is None else v for v in stored], float)
            expected = np.array([np.nan if v is None else v for v in expected], float)
            same = np.isclose(stored, expected, rtol=0, atol=TOLERANCE, equal_nan=True)
            if not same.all():
                most = np.nanmax(np.abs(stored - expected))
                faults.append(f"hotspots {resolution}.{name} differs in {(~same).sum()} rows, by up to {most}")

        check("rank", [row[2] for row in rows], [row[3] for row in rows])
        smoothed = []
        for cell in cells:
            disk = h3.grid_disk(cell, 1)
            smoothed.append(sum(bikes[index[near]] for near in disk if near in index) / len(disk))
        check("smoothed_bikes", [row[4] for row in rows], smoothed)
        most = max(smoothed, default=0) or 1
        check("smoothed_weight", [row[5] for row in rows], [value / most for value in smoothed])
        centres = [h3.cell_to_latlng(cell) for cell in cells]
        check("lat", [row[13] for row in rows], [lat for lat, _ in centres])
        check("lng", [row[14] for row in rows], [lng for _, lng in centres])
        z, p, adjusted = gi_star(cells, index, bikes, neighbourhood(resolution)[0])
        check("gi_z", [row[6] for row in rows], z)
        check("gi_p", [row[7] for row in rows], p)
        check("gi_p_adjusted", [row[8] for row in rows], adjusted)
        classes = ["neither" if a is None or a > 0.05 or s == 0 else "hot" if s > 0 else "cold"
                   for s, a in zip(z, adjusted)]
        wrong = sum(row[9] != expected for row, expected in zip(rows, classes))
        if wrong:
            faults.append(f"hotspots {resolution}.gi_class differs in {wrong} rows")
        usual = self.baseline(resolution)
        check("baseline_bikes", [row[10] for row in rows], [usual.get(c, (None, 0))[0] for c in cells])
        check("baseline_days", [row[11] for row in rows], [usual.get(c, (None, 0))[1] for c in cells])
        check("baseline_difference", [row[12] for row in rows],
              [b - usual[c][0] if c in usual else None for c, b in zip(cells, bikes)])
        return faults

    def compare_quality(self):
        """How many stations each check looks at and finds, and its first five."""
        path = self.lake / f"quality/system={self.system}/date={self.date}/quality.parquet"
        stored = self.sql.execute(f"""select "check", checked, found, examples
            from read_parquet('{path}', hive_partitioning = false)""").fetchall()
        stored = {name: (checked, found, examples) for name, checked, found, examples in stored}
        expected = {}
        for name, (checked, odd) in self.checks().items():
            expected[name] = (checked, len(odd), ",".join(sorted(odd)[:5]) or None)
        names = sorted(stored.keys() | expected.keys())
        return [f"quality {name} is {stored.get(name)}, not {expected.get(name)}"
                for name in names if stored.get(name) != expected.get(name)]

    def checks(self):
        """By name, how many stations a check looks at, and in which it finds something."""
        ids = lambda query: [row[0] for row in self.sql.execute(query).fetchall()]
        rows = self.sql.execute("select station_id, lat, lon, published, is_virtual from latest").fetchall()
        told = ids("select distinct station_id from rows")
        possible = lambda lat, lon: lat is not None and lon is not None and abs(lat) <= 90 and abs(lon) <= 180 and (lat, lon) != (0, 0)
        placed = [(lat, lon) for _, lat, lon, *_ in rows if possible(lat, lon)]
        middle = np.median(placed, axis=0) if placed else None
        far = lambda lat, lon: middle is None or great_circle((lat, lon), middle) > 100
        swapped = [i for i, lat, lon, *_ in rows if lat is not None and lon is not None
                   and (not possible(lat, lon) or far(lat, lon)) and possible(lon, lat) and not far(lon, lat)]
        docks = [c for *_, c, virtual in rows if not virtual and c is not None]
        alike = len(docks) >= 20 and len(set(docks)) == 1 and docks[0] > 0
        some = [c for *_, c, _ in rows if c is not None and c > 0]
        # Two means of the capacity: over those that have one, and over all.
        conditional = len(rows) >= 20 and some and np.mean(some) > 5.0000001 * (sum(some) / len(rows))
        by_row = lambda test: (len(rows), [row[0] for row in rows if test(*row)])
        by_station = lambda query: (len(told), ids(query))
        half = self.length / 2
        joined = "rows r join in_force using (poll) join latest_of using (version, station_id)"
        self.sql.execute("create or replace temp view latest_of as select version, station_id, capacity from places")
        first = "row = (select min(q.row) from rows q where q.poll = r.poll and q.station_id = r.station_id)"
        counted = f"stands and b >= 0 and {first}"
        return {
            "capacity_zero": by_row(lambda i, lat, lon, c, virtual: c == 0 and not virtual),
            "capacity_missing": by_row(lambda i, lat, lon, c, virtual: c is None and not virtual),
            "capacity_placeholder": by_row(lambda i, lat, lon, c, virtual: c is not None
                and (c < 0 or c >= 500 or (alike and not virtual and c > 0))),
            "capacity_conditional": by_row(lambda i, lat, lon, c, virtual: conditional and (c or 0) > 0),
            "position_missing": by_row(lambda i, lat, lon, *_: not possible(lat, lon) and i not in swapped),
            "position_transposed": (len(rows), swapped),
            "position_far_off": by_row(lambda i, lat, lon, *_: possible(lat, lon) and far(lat, lon) and i not in swapped),
            "information_duplicate": (len(rows), ids("select distinct station_id from all_rows group by version, station_id having count(*) > 1")),
            "status_duplicate": by_station("select distinct station_id from rows group by poll, station_id having count(*) > 1"),
            "count_negative": by_station(f"select distinct station_id from rows r where least(b, e, m, d) < 0 and {first}"),
            "bikes_above_capacity": by_station(f"select distinct station_id from {joined} where {counted} and b > capacity"),
            "counts_above_capacity": by_station(f"select distinct station_id from {joined} where {counted} and b + greatest(coalesce(d, 0), 0) > capacity"),
            "frozen": by_station(f"""select station_id from seen join pieces using (poll) group by all
                having sum(ms) >= {half} and count(distinct (b, coalesce(d, -1))) = 1"""),
            "not_installed": by_station(f"select station_id from rows r where {first} group by all having not bool_or(stands)"),
            "without_information": by_station("select distinct station_id from rows anti join latest using (station_id)"),
            "without_status": (len(rows), ids("select station_id from latest anti join rows using (station_id)")),
        }

    def compare_summary(self, resolution):
        """Every figure of the day."""
        stored, expected = self.read_summary(resolution), self.figures(resolution)
        expected |= {name: stored[name] for name in ("method", "observations", "inputs", "max_gap_s")}
        # The two H3 libraries' mean edges agree to seven digits.
        near = lambda a, b: a == b or isinstance(a, float | int) and isinstance(b, float | int) and abs(a - b) < 1e-7 * max(1, abs(b))
        return [f"hotspots {resolution}: {name} of the day is {stored.get(name)}, not {expected.get(name)}"
                for name in sorted(stored.keys() | expected.keys())
                if not near(stored.get(name), expected.get(name))]

    def figures(self, resolution):
        one = lambda query: self.sql.execute(query).fetchone()
        within = f"between {self.start} and {self.end - 1}"
        status = [ms for (ms,) in self.sql.execute(f"select ms from polls where ms {within} order by ms").fetchall()]
        vehicles = [ms for (ms,) in self.sql.execute(f"select ms from looks where ms {within}").fetchall()]
        both = status + vehicles
        steps = [b - a for a, b in zip(status, status[1:])]
        cadence = float(np.median(steps)) or None if steps else None
        provisional = self.summary["provisional"]
        until = min(status[-1] + (cadence or 0), self.end) if provisional and status else self.end
        held = self.sql.execute("""select s_from, s_to from pieces union all select s_from, s_to from glimpses
            order by 1, 2""").fetchall()
        seen_until, unseen, covered = self.start, 0, 0
        for begin, end in held:
            unseen = max(unseen, begin - seen_until)
            covered += max(0, end - max(begin, seen_until))
            seen_until = max(seen_until, end)
        folders = [(self.lake / f"{t}/system={self.system}/date={self.date}").glob("*.parquet") for t in ("station_status", "vehicle_status")]
        names = {p.stem for files in folders for p in files} | set(self.own_names)
        at = lambda ms: dt.datetime.fromtimestamp(ms / MS, dt.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        rings, radius = neighbourhood(resolution)
        weeks = [d for d in self.earlier(resolution)]
        # Each station under the first reason that keeps it out.
        reasons = dict(self.sql.execute("""with told as (select distinct station_id from rows),
            first_rows as (select * from rows qualify row_number() over (partition by poll, station_id order by row) = 1),
            stood as (select station_id, bool_or(stands) stands from first_rows group by all),
            counted as (select station_id, bool_or(p.station_id is not null) known,
                    bool_or(p.lat between -90 and 90 and p.lon between -180 and 180 and not (p.lat = 0 and p.lon = 0)) placed
                from sums left join places p using (version, station_id) group by all)
            select case when not coalesce(known, station_id in (select station_id from latest)) then 'information'
                when not stands then 'installed' when known is null then 'counts'
                when not coalesce(placed, false) then 'position' else 'in' end reason, count(*)
            from told join stood using (station_id) left join counted using (station_id) group by all""").fetchall())
        (bikes,) = one(f"select coalesce(sum(bikes), 0) from ({self.cells(resolution, False)})")
        (loose,) = one("""select coalesce(sum(n * ms), 0) / (select sum(ms) from glimpses)
            from free_in join glimpses using (poll)""")
        return {
            "system": self.system, "date": self.date, "time_zone": self.zone.key, "resolution": resolution,
            "provisional": provisional, "coverage": covered / self.length, "polls": len(status),
            "polls_expected": int((until - self.start) / cadence + 0.5) if cadence else len(status),
            "cadence_s": cadence / MS if cadence else None, "vehicle_polls": len(vehicles),
            "polls_outside_day": sum(not self.start <= stamp(n) < self.end for n in names),
            "first_poll": at(min(both)) if both else None, "last_poll": at(max(both)) if both else None,
            "longest_unobserved_s": max(unseen, self.end - seen_until) / MS,
            "stations": reasons.get("in", 0), "stations_without_information": reasons.get("information", 0),
            "stations_without_status": one("select count(*) from latest anti join rows using (station_id)")[0],
            "stations_without_position": reasons.get("position", 0),
            "stations_not_installed": reasons.get("installed", 0),
            "stations_without_counts": reasons.get("counts", 0),
            "bikes": bikes, "vehicles": loose or 0, "gi_rings": rings, "gi_radius_m": radius,
            "baseline_days": len(weeks),
        }

    def baseline(self, resolution):
        files = self.earlier(resolution)
        if not files:
            return {}
        rows = self.sql.execute("""select hex_id, median(bikes), count(*) from
            read_parquet(?, hive_partitioning = false) group by all""", [files]).fetchall()
        return {cell: (median, days) for cell, median, days in rows}

    def earlier(self, resolution):
        """The tables of the same weekday in the eight weeks before."""
        files = []
        for week in range(1, 9):
            date = dt.date.fromisoformat(self.date) - dt.timedelta(weeks=week)
            path = self.table(resolution, date.isoformat())
            if path.exists() and not json.loads(metadata(self.sql, path, "hotspots.day"))["provisional"]:
                files.append(str(path))
        return files

    def table(self, resolution, date):
        folder = f"hotspots/system={self.system}/resolution={resolution}/date={date}"
        return self.lake / folder / "hotspots.parquet"

    def read_summary(self, resolution):
        return json.loads(metadata(self.sql, self.table(resolution, self.date), "hotspots.day"))


def neighbourhood(resolution):
    """How many rings reach 500 m between centres, at least 1 and at most 12, and how far they reach."""
    spacing = h3.average_hexagon_edge_length(resolution, "m") * 3**0.5
    rings = next((k for k in range(1, 12) if k * spacing >= 500), 12)
    return rings, rings * spacing


def great_circle(a, b):
    """In km, on a sphere of 6,371.009 km (the spherical law of cosines by vectors)."""
    point = lambda p: np.array([np.cos(p[0]) * np.cos(p[1]), np.cos(p[0]) * np.sin(p[1]), np.sin(p[0])])
    a, b = point(np.radians(a)), point(np.radians(b))
    return 6371.009 * np.arctan2(np.linalg.norm(np.cross(a, b)), a @ b)


def gi_star(cells, index, bikes, rings):
    from esda import G_Local
    from libpysal.weights import W
    from scipy.stats import false_discovery_control

    near = {i: sorted(index[n] for n in h3.grid_disk(c, rings) if n in index) for i, c in enumerate(cells)}
    alone = len(cells) < 2 or np.ptp(bikes) == 0
    if alone or any(len(n) == len(cells) for n in near.values()):
        # esda divides by zero here; such cells have no statistic, and too few for a check of the rest.
        return by_formula(near, bikes, alone)
    weights = W({i: [j for j in n if j != i] for i, n in near.items()}, silence_warnings=True)
    result = G_Local(bikes, weights, transform="B", permutations=0, star=True)
    p = 2 * result.p_norm
    return list(result.Zs), list(p), list(false_discovery_control(p))


def by_formula(near, bikes, alone):
    from scipy.stats import false_discovery_control, norm

    n, z = len(bikes), []
    for i in range(n):
        w = len(near[i])
        spread = 0 if alone else (n * w - w * w) / (n - 1)
        z.append((bikes[near[i]].sum() - bikes.mean() * w) / (bikes.std() * spread**0.5) if spread else None)
    p = [None if s is None else 2 * norm.sf(abs(s)) for s in z]
    known = [v for v in p if v is not None]
    adjusted = iter(false_discovery_control(known) if known else [])
    return z, p, [None if v is None else next(adjusted) for v in p]


def cell_at(lat, lon, resolution):
    """Coarser than 10: what the cell of resolution 10 is part of."""
    cell = h3.latlng_to_cell(lat, lon, max(resolution, 10))
    return h3.cell_to_parent(cell, min(resolution, 10)) if resolution < 10 else cell


def stamp(name: str) -> int:
    """The instant in a poll's name, in milliseconds."""
    at = dt.datetime.strptime(name[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=dt.timezone.utc)
    return round(at.timestamp() * MS)


def local_midnight(day: dt.date, zone) -> int:
    """The first instant of a local date, in milliseconds."""
    at = dt.datetime.combine(day, dt.time(), dt.timezone.utc) - dt.timedelta(hours=26)
    while at.astimezone(zone).date() < day:
        at += dt.timedelta(minutes=15)
    return round(at.timestamp() * MS)


def metadata(sql, path, key) -> str:
    rows = sql.execute("select decode(value) from parquet_kv_metadata(?) where decode(key) = ?", [str(path), key])
    return rows.fetchone()[0]


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
