"""Computes a lake's tables again, by plain SQL in DuckDB, and compares: `python oracle/check.py LAKE`.

Written from the definitions in docs/design.md, "The numbers", without a look at the Rust code: no
column may differ by more than 1e-9. Gi* is compared with PySAL's esda, its neighbourhoods with the
reference H3 library, the adjusted p with SciPy. Ends with 1 where anything differs.
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
        """`places`: in each version in force, each station's cells and capacity."""
        root = self.lake / f"station_information/system={self.system}"
        by_date = {p.name.split("=")[1]: sorted(p.glob("*.parquet")) for p in root.glob("date=*")}
        before = [d for d in sorted(by_date) if d < self.date and by_date[d]]
        own = by_date.get(self.date, [])
        files = ([by_date[before[-1]][-1]] if before else []) + own
        if not files:
            files = [next(by_date[d][0] for d in sorted(by_date) if by_date[d])]
        self.sql.execute("""create table places as select parse_filename(filename, true) version,
            station_id, name, lat, lon, hex_id_8, hex_id_9, hex_id_10,
            if(capacity > 0, capacity, null) capacity
            from read_parquet(?, filename = true, file_row_number = true)
            qualify row_number() over (partition by filename, station_id order by file_row_number) = 1
            """, [[str(f) for f in files]])
        versions = sorted(f.stem for f in files)
        in_force = []
        for (poll,) in self.sql.execute("select poll from polls").fetchall():
            known = [v for v in versions if stamp(v) <= stamp(poll)]
            in_force.append([poll, known[-1] if known else versions[0]])
        self.sql.execute("create table in_force(poll varchar, version varchar)")
        self.sql.executemany("insert into in_force values (?, ?)", in_force or [[None, None]])

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
            free as (select {by} i, cell, sum(n * ms) n, sum(e * ms) e, sum(m * ms) m,
                    bool_or(told) told, sum(ms) there
                from free_in join glimpses using (poll) group by all),
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
                where cell not in (select cell from whole))
            select cell hex_id, {"shown as hour, h_from as hour_start," if hourly else ""} bikes,
                ebikes, mechanical, docks, capacity, if(known, bikes / capacity, null) occupancy,
                empty_share, full_share, stations, coverage, bikes / max(bikes) over () weight
                {"" if hourly else ", bikes / sum(bikes) over () as share"}
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
        self.sql.executemany("insert into cell_of values (?, ?, ?, ?)", rows)

    def stations(self):
        """One row per station of the status feed."""
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
                sum(full_ms) full_ms from sums group by all),
            peak as (select station_id, arg_max(shown, (b::double / hold, -i)) peak_hour from
                (select station_id, i, sum(b) b, sum(hold) hold from sums group by all)
                join hours using (i) group by all),
            {episodes("emptied", "b = 0")}, {episodes("filled", "d = 0")}
            select t.station_id, b / hold bikes, e / e_hold ebikes, m / m_hold mechanical,
                d / d_hold docks, empty / hold empty_share, full_ms / d_hold full_share,
                coalesce(emptied.n, 0) empty_episodes, coalesce(emptied.minutes, 0) empty_minutes,
                coalesce(emptied.longest, 0) longest_empty_minutes,
                coalesce(filled.n, 0) full_episodes, coalesce(filled.minutes, 0) full_minutes,
                coalesce(filled.longest, 0) longest_full_minutes, peak_hour,
                {at(8)} bikes_0800, {at(18)} bikes_1800, hold / {self.length} coverage
            from t left join peak using (station_id) left join emptied using (station_id)
                left join filled using (station_id)"""

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
        faults += self.differences("station_days", table, self.stations(), ["station_id"], "where coverage > 0")
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
        if count("stored") != count("expected") or (count("polls") and not count("stored")):
            faults.append(f"{name} has {count('stored')} rows, not {count('expected')}")
        on = " and ".join(f"s.{key} = x.{key}" for key in keys)
        missing = self.sql.execute(f"select count(*) from expected x anti join stored s on {on}").fetchone()[0]
        if missing:
            faults.append(f"{name} lacks {missing} rows")
        columns = [c[0] for c in self.sql.execute("describe expected").fetchall() if c[0] not in keys]
        for column in columns:
            wrong, most = self.sql.execute(f"""select count(*) filter (
                (s.{column} is null) <> (x.{column} is null) or
                abs(s.{column}::double - x.{column}::double) > {TOLERANCE}),
                max(abs(s.{column}::double - x.{column}::double))
                from stored s join expected x on {on}""").fetchone()
            if wrong:
                faults.append(f"{name}.{column} differs in {wrong} rows, by up to {most}")
        return faults

    def compare_places(self, resolution, table):
        """Rank, smoothing, Gi* and baseline, from the stored bikes."""
        summary = self.read_summary(resolution)
        rows = self.sql.execute(f"""select hex_id, bikes, rank, rank() over (order by bikes desc),
            smoothed_bikes, smoothed_weight, gi_z, gi_p, gi_p_adjusted, gi_class, baseline_bikes,
            baseline_days, baseline_difference from read_parquet('{table}')""").fetchall()
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
        z, p, adjusted = gi_star(cells, index, bikes, summary["gi_rings"])
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

    def baseline(self, resolution):
        files = []
        for week in range(1, 9):
            date = dt.date.fromisoformat(self.date) - dt.timedelta(weeks=week)
            path = self.table(resolution, date.isoformat())
            if path.exists() and not json.loads(metadata(self.sql, path, "hotspots.day"))["provisional"]:
                files.append(str(path))
        if not files:
            return {}
        rows = self.sql.execute("""select hex_id, median(bikes), count(*) from
            read_parquet(?, hive_partitioning = false) group by all""", [files]).fetchall()
        return {cell: (median, days) for cell, median, days in rows}

    def table(self, resolution, date):
        folder = f"hotspots/system={self.system}/resolution={resolution}/date={date}"
        return self.lake / folder / "hotspots.parquet"

    def read_summary(self, resolution):
        return json.loads(metadata(self.sql, self.table(resolution, self.date), "hotspots.day"))


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
