"""The model city's day again, with vehicles in its streets: `python oracle/vehicles.py path/to/hotspots LAKE`.

Takes the day of the system `demo` out of the lake, and imports it as the system `vehicles`, in plain
GBFS 2.2 and with a feed of vehicles that looks at other times than the stations' and has holes; so has
the stations'. Aggregates it, and holds two cells to what was worked out by hand. `check.py` computes
all the others again.
"""

import datetime as dt
import json
import pathlib
import random
import subprocess
import sys
import tempfile

import duckdb
import h3

MINUTE = 60
# Where no station is within a kilometre, and one bike stands.
ALONE = (48.7000, 2.2000)


def main(program: str, lake: pathlib.Path) -> None:
    sql = duckdb.connect()
    sql.execute("set timezone = 'UTC'")
    (day,) = (lake / "station_status/system=demo").glob("date=*")
    information = next((lake / "station_information/system=demo" / day.name).glob("*.parquet"))
    places = sql.execute("select station_id, name, lat, lon, capacity, hex_id_10 from read_parquet(?, hive_partitioning = false) order by 1", [str(information)]).fetchall()
    polls = sorted(day.glob("*.parquet"))
    assert len(polls) == 144, "a poll every ten minutes"
    cells = [place[5] for place in places]
    # A station that has its cell for itself.
    beside = next(place for place in places if place[5] and cells.count(place[5]) == 1)
    stations = [{"station_id": i, "name": n, "lat": a, "lon": o, "capacity": c} for i, n, a, o, c, _ in places]
    types = [{"vehicle_type_id": name, "form_factor": form, "propulsion_type": by}
             for name, form, by in [("bike", "bicycle", "human"), ("ebike", "bicycle", "electric_assist"),
                                    ("cargo", "cargo_bicycle", "electric"), ("scooter", "scooter_standing", "electric")]]
    chance = random.Random(7)
    for number, poll in enumerate(polls):
        at = dt.datetime.strptime(poll.name[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=dt.timezone.utc)
        with tempfile.TemporaryDirectory() as folder:
            def put(feed, seconds, data):
                body = {"last_updated": round(seconds), "ttl": 60, "version": "2.2", "data": data}
                (pathlib.Path(folder) / f"{feed}.json").write_text(json.dumps(body))

            start = at.timestamp() - number * 10 * MINUTE
            put("system_information", start, {"system_id": "vehicles", "timezone": "Europe/Paris", "language": "fr", "name": "Twin"})
            put("station_information", start, {"stations": stations})
            put("vehicle_types", start, {"vehicle_types": types})
            # The stations are not seen from 10:05 to 10:40: the poll of 09:50 holds for a quarter of an hour.
            seen = 59 if 60 <= number < 64 else number
            put("station_status", start + seen * 10 * MINUTE, {"stations": status(sql, polls[seen])})
            # Vehicles are seen at 23:53 of the day before, at 00:03, 00:13 and so on to 23:43, but not
            # at 14:13, 14:23 and 14:33.
            if number not in (86, 87, 88):
                minute = 10 * number - 7
                put("free_bike_status", start + minute * MINUTE, {"bikes": vehicles(chance, places, beside, minute)})
            subprocess.run([program, "import", "--log", "error", "--lake", lake, "--system", "vehicles", folder], check=True, capture_output=True)
    subprocess.run([program, "aggregate", "--lake", lake, "--system", "vehicles"], check=True, capture_output=True)
    by_hand(sql, lake, day.name, beside)


def status(sql, poll):
    rows = sql.execute("""select station_id, num_bikes_available, num_ebikes_available, num_docks_available,
        is_installed, is_renting, is_returning from read_parquet(?, hive_partitioning = false)""", [str(poll)])
    names = [column[0] for column in rows.description]
    return [{n: v for n, v in zip(names, row) if v is not None} for row in rows.fetchall()]


def vehicles(chance, places, beside, minute):
    """What a poll shows, by the minute of the local day."""
    bikes = []

    def add(lat, lon, kind=None, **more):
        bike = {"bike_id": f"{minute}-{len(bikes)}", "lat": lat, "lon": lon, "is_reserved": False, "is_disabled": False}
        bikes.append(bike | ({"vehicle_type_id": kind} if kind else {}) | more)

    if 6 * 60 <= minute < 18 * 60:
        add(*ALONE)
    if 6 * 60 <= minute < 12 * 60:
        add(beside[2], beside[3], "ebike")
    # At its station, so in its count; and three that nobody can take or that are no bicycles.
    add(beside[2], beside[3], "ebike", station_id=beside[0])
    add(beside[2], beside[3], "bike", is_disabled=True)
    add(beside[2], beside[3], "bike", is_reserved=True)
    add(beside[2], beside[3], "scooter")
    add(None, None, "bike")
    add(0, 0, "bike")
    others = [place for place in places if place[5] and place[5] != beside[5]]
    for _ in range(chance.randrange(60, 120)):
        *_, lat, lon, _, _ = chance.choice(others)
        # Some stand where stations are, some up to 300 m away.
        near = chance.choice([0, 0.0027])
        lat, lon = lat + chance.uniform(-near, near), lon + chance.uniform(-near, near)
        if h3.latlng_to_cell(lat, lon, 10) == beside[5]:
            continue
        kind = chance.choice(["bike", "ebike", "cargo", "scooter", None])
        add(lat, lon, kind, is_reserved=chance.random() < 0.1, is_disabled=chance.random() < 0.1)
    return bikes


def by_hand(sql, lake, date, beside):
    # Polls of vehicles hold from midnight (that of 23:53 until 00:03) to 23:58, a quarter of an hour
    # after the last, but for the 25 minutes from 14:18 to 14:43.
    held = 24 * 60 - 2 - 25
    table = f"{lake}/hotspots/system=vehicles/resolution=10/{date}/hotspots.parquet"
    columns = "bikes, ebikes, mechanical, docks, capacity, occupancy, empty_share, full_share, stations, coverage"
    of = lambda cell: sql.execute(f"select {columns} from '{table}' where hex_id = ?", [cell]).fetchone()
    # From 06:03 to 18:03 less those 25 minutes; nobody says whether it is electric.
    stood = 12 * 60 - 25
    expected = (stood / held, None, None, None, None, None, 1 - stood / held, None, 0, held / (24 * 60))
    same("the bike that stands alone", of(h3.latlng_to_cell(*ALONE, 10)), expected)
    # The station's own, and an e-bike from 06:03 to 12:03: 360 minutes.
    days = f"{lake}/station_days/system=vehicles/{date}/station_days.parquet"
    (bikes, ebikes) = sql.execute(f"select bikes, ebikes from '{days}' where station_id = ?", [beside[0]]).fetchone()
    found = of(beside[5])
    same("the e-bike beside a station", found[:2], (bikes + 360 / held, (ebikes or 0) + 360 / held))
    assert found[8] == 1, found


def same(what, found, expected):
    near = lambda a, b: a == b if a is None or b is None else abs(a - b) < 1e-9
    assert found and all(near(a, b) for a, b in zip(found, expected)), f"{what}: {found}, not {expected}"
    print(f"{what}: {found[0]} bikes, as worked out by hand")


if __name__ == "__main__":
    main(sys.argv[1], pathlib.Path(sys.argv[2]))
