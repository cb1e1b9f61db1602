"""Days that no feed would show together: `python oracle/made_up.py path/to/hotspots LAKE`.

Makes recordings in plain GBFS 2.2, imports and aggregates them with the program, and holds a few numbers
to what was worked out by hand. `check.py` computes all the others again. The systems:

- `changes`: a station that moves, one whose capacity changes, stations without information, position,
  counts or installation, negative counts, two rows of one station, holes, and vehicles beside them;
- `nothing`: a day on which no station ever has a bike;
- `unplaced`: a status without any information;
- `dockless`: vehicles alone, of a system that publishes stations nevertheless;
- `spring` and `autumn` in four time zones: days of 23, 23½, 24, 24½ and 25 hours.
"""

import datetime as dt
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import zoneinfo

import duckdb
import h3

MINUTE, HOUR = 60, 3600
OPERA, BASTILLE, NATION = (48.8719, 2.3316), (48.8532, 2.3691), (48.8484, 2.3959)
DATE = dt.date(2026, 2, 10)
CLOCKS = [
    ("Europe/Paris", dt.date(2026, 3, 29), dt.date(2026, 10, 25)),
    ("America/Los_Angeles", dt.date(2026, 3, 8), dt.date(2026, 11, 1)),
    ("Australia/Lord_Howe", dt.date(2026, 10, 4), dt.date(2026, 4, 5)),
    ("Asia/Kolkata", dt.date(2026, 3, 29), dt.date(2026, 10, 25)),
]


def main(program: str, lake: pathlib.Path) -> None:
    recorder = Recorder(program, lake)
    changes(recorder)
    nothing(recorder)
    dockless(recorder)
    for zone, *dates in CLOCKS:
        for season, date in zip(("spring", "autumn"), dates):
            clocks(recorder, f"{season}-{zone.split('/')[1].lower()}", zone, date)
    subprocess.run([program, "aggregate", "--log", "error", "--lake", lake], check=True, capture_output=True)
    by_hand(lake)


class Recorder:
    """Imports made-up recordings into a lake."""

    def __init__(self, program, lake):
        self.program, self.lake = program, lake

    def put(self, system, zone, start, polls=(), information=None, vehicles=None):
        """Of each kind, seconds since 1970 and what the feed then lists."""
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / "polls").mkdir()

            def write(name, seconds, data):
                body = {"last_updated": int(seconds), "ttl": 60, "version": "2.2", "data": data}
                (folder / f"{name}.json").write_text(json.dumps(body))

            write("system_information", start, {"system_id": system, "timezone": zone, "language": "en", "name": system})
            if information:
                write("station_information", information[0], {"stations": information[1]})
            if vehicles:
                types = [{"vehicle_type_id": "ebike", "form_factor": "bicycle", "propulsion_type": "electric_assist"}]
                write("vehicle_types", start, {"vehicle_types": types})
                write("free_bike_status", vehicles[0], {"bikes": vehicles[1]})
            for at, stations in polls:
                name = dt.datetime.fromtimestamp(at, dt.timezone.utc).strftime("%Y-%m-%dT%H%M%SZ")
                write(f"polls/{name}", at, {"stations": stations})
            command = [self.program, "import", "--log", "error", "--lake", self.lake, "--system", system, folder]
            done = subprocess.run(command, capture_output=True, text=True)
            assert done.returncode == 0, f"{system}: {done.stderr}"


def midnight(zone: str, date: dt.date) -> int:
    return int(dt.datetime.combine(date, dt.time(), zoneinfo.ZoneInfo(zone)).timestamp())


def place(name, position, capacity=20, **more):
    lat, lon = position
    told = {"lat": lat, "lon": lon, "capacity": capacity}
    return {"station_id": name, "name": name} | {k: v for k, v in told.items() if v is not None} | more


def state(name, bikes, docks=5, **more):
    counts = {"num_bikes_available": bikes, "num_docks_available": docks}
    return {"station_id": name, "is_installed": True} | {k: v for k, v in counts.items() if v is not None} | more


def bike(name, position, **more):
    return {"bike_id": name, "lat": position[0], "lon": position[1], "is_reserved": False, "is_disabled": False} | more


def changes(recorder):
    zone, system = "Europe/Paris", "changes"
    start, chance = midnight(zone, DATE), random.Random(11)
    others = [(f"s{n:02}", (48.86 + chance.uniform(-0.01, 0.01), 2.34 + chance.uniform(-0.01, 0.01))) for n in range(40)]
    known = [place(name, at, capacity) for (name, at), capacity in zip(others, [0, None, 999, -3] + 36 * [25])]
    odd = [place("nowhere", (0, 0)), place("sent", (None, None)), place("swapped", (2.34, 48.86)), place("lyon", (45.76, 4.84)),
           place("hidden", OPERA), place("mute", OPERA), place("silent", NATION), place("twice", NATION), place("twice", OPERA)]
    at_first = [place("moves", OPERA), place("grows", BASTILLE, 10)]
    later = [place("moves", NATION), place("grows", BASTILLE, 40)]

    def stations(minute):
        told = {"num_ebikes_available": 2} if minute < 720 else {}
        rows = [
            state("moves", 5, 4 if minute < 720 else None, **told),
            state("grows", 10),
            state("hidden", 3, is_installed=False),
            state("mute", None),
            state("orphan", 4),
            state("nowhere", 1), state("sent", 1), state("swapped", 2), state("lyon", 3),
            state("twice", chance.randrange(5)), state("twice", 99),
        ]
        for name, _ in others:
            if chance.random() < 0.9:
                rows.append(state(name, chance.choice([-1, 0, 0, 1, 3, 30]), chance.choice([-2, 0, 5, None])))
        return rows

    # Every ten minutes, from the day before on; not seen from 13:00 to 15:00.
    polls = [(start + MINUTE * m, stations(m)) for m in range(-10, 1440, 10) if not 780 <= m < 900]
    recorder.put(system, zone, start, polls, (start - HOUR, at_first + known + odd))
    for at, rows in [(12 * HOUR, later + known + odd), (22 * HOUR, [place("moves", NATION), place("grows", BASTILLE, None)] + known[:-1])]:
        recorder.put(system, zone, start, polls[:1], (start + at, rows))
    for minute in range(765, 1000, 15):
        shown = [bike(f"{minute}-{n}", chance.choice(others)[1], vehicle_type_id="ebike") for n in range(6)]
        recorder.put(system, zone, start, vehicles=(start + MINUTE * minute, shown + ([bike("o", OPERA)] if minute < 840 else [])), polls=polls[:1])


def nothing(recorder):
    start = midnight("Europe/Paris", DATE)
    names = [(f"s{n}", (48.86 + 0.004 * n, 2.34)) for n in range(25)]
    polls = [(start + 15 * MINUTE * n, [state(name, 0, 20) for name, _ in names]) for n in range(96)]
    recorder.put("nothing", "Europe/Paris", start, polls, (start, [place(*named) for named in names]))
    recorder.put("unplaced", "Europe/Paris", start, polls[:40])


def dockless(recorder):
    start = midnight("Europe/Paris", DATE)
    hubs = (start - 3 * HOUR, [place("hub", OPERA, is_virtual_station=True), place("other", NATION, None)])
    # An import wants a poll of stations: it is of ten days before.
    before = [(start - 240 * HOUR, [state("hub", 0)])]
    # From 3 to 5, every quarter of an hour: an hour at Bastille, an hour at Nation.
    for quarter in range(8):
        stands = bike("1", BASTILLE if quarter < 4 else NATION, vehicle_type_id="ebike")
        recorder.put("dockless", "Europe/Paris", start, before, hubs, (start + 3 * HOUR + 15 * MINUTE * quarter, [stands]))


def clocks(recorder, system, zone, date):
    start, end = midnight(zone, date), midnight(zone, date + dt.timedelta(days=1))
    chance = random.Random(system)
    names = [(f"s{n}", (48.86 + 0.002 * n, 2.34)) for n in range(6)]
    polls = [(at, [state(name, chance.randrange(4), chance.randrange(3)) for name, _ in names])
             for at in range(start - 10 * MINUTE, end, 20 * MINUTE)]
    recorder.put(system, zone, start, polls, (start - HOUR, [place(*named) for named in names]))


def by_hand(lake):
    sql = duckdb.connect()
    table = lambda name, system, resolution="": f"'{lake}/{name}/system={system}/{resolution}date={DATE}/{name}.parquet'"
    cell = lambda position: h3.latlng_to_cell(*position, 10)

    def same(what, query, expected):
        found = sql.execute(query).fetchone()
        near = lambda a, b: a == b if a is None or b is None else abs(a - b) < 1e-9
        assert found and all(map(near, found, expected)), f"{what}: {found}, not {expected}"
        print(f"{what}: {found[0]}, as worked out by hand")

    # From 12:00 on docks and e-bikes are not told. Seen but from 13:05 (a poll of 12:50 holds for a
    # quarter of an hour) to 15:00: 720 minutes at the Opéra of 1,325, and the rest at Nation.
    same("docks told before it moved", f"""select docks, ebikes from {table("hotspots", "changes", "resolution=10/")}
        where hex_id = '{cell(OPERA)}'""", (4.0, 2.0))
    seen = 1440 - 115
    # 10 docks for 12 hours, 40 for the 10 less 115 minutes until 22:00; then none is published.
    same("a capacity not known all day", f"""select capacity, occupancy, bikes from
        {table("station_days", "changes")} where station_id = 'grows'""", (None, None, 10.0))
    same("its cell's", f"""select capacity, occupancy from {table("hotspots", "changes", "resolution=10/")}
        where hex_id = '{cell(BASTILLE)}'""", ((10 * 720 + 40 * (600 - 115)) / seen, None))
    same("a day without bikes", f"""select max(weight), max(share), max(rank), count(gi_z) from
        {table("hotspots", "nothing", "resolution=10/")}""", (0, 0, 1, 0))
    hours = table("hotspots_hourly", "dockless", "resolution=10/")
    same("an hour after the bike left", f"select bikes, ebikes, empty_share, coverage from {hours} where hour = 4 and hex_id = '{cell(BASTILLE)}'", (0, 0, 1, 1))
    same("stations of a dockless system", f"select count(*), max(coverage) from {table('station_days', 'dockless')}", (2, 0))


if __name__ == "__main__":
    main(sys.argv[1], pathlib.Path(sys.argv[2]))
