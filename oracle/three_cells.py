"""The numbers of a few cells, worked out without any of the project's code.

    HOTSPOTS_REAL_DATA=... python3 oracle/three_cells.py     (needs the package h3)

Prints system, local date, cell, mean bikes, capacity and seconds seen; tests/recorded_feeds.rs holds
the program to them.
"""
import json, os, pathlib, collections, datetime as dt, zoneinfo, h3

DATA, GAP = pathlib.Path(os.environ["HOTSPOTS_REAL_DATA"]), 15 * 60

def cells(folder, zone, date, wanted):
    stations = json.load(open(DATA / folder / "station_information.json"))["data"]["stations"]
    place = {str(s["station_id"]): (h3.latlng_to_cell(s["lat"], s["lon"], 10), s["capacity"]) for s in stations}
    day = dt.datetime.fromisoformat(date).replace(tzinfo=zoneinfo.ZoneInfo(zone))
    start, end = day.timestamp(), (day + dt.timedelta(days=1)).timestamp()
    polls = [json.load(open(p)) for p in sorted((DATA / folder / "polls").iterdir())]
    polls = sorted((p.get("last_updated", p.get("lastUpdatedOther")), p["data"]["stations"]) for p in polls)
    seen, bikes = collections.Counter(), collections.Counter()
    for (at, status), until in zip(polls, [p[0] for p in polls[1:]] + [float("inf")]):
        seconds = max(0, min(until, at + GAP, end) - max(at, start))
        for s in status:
            if s["is_installed"]:
                seen[str(s["station_id"])] += seconds
                bikes[str(s["station_id"])] += seconds * s["num_bikes_available"]
    for cell in wanted(place, seen):
        inside = [i for i in seen if i in place and place[i][0] == cell and seen[i]]
        mean = sum(bikes[i] / seen[i] for i in inside)
        print(folder, date, cell, repr(mean), sum(place[i][1] for i in inside), [seen[i] for i in inside])

def sample(place, seen):
    by_cell = collections.Counter(place[i][0] for i in seen if i in place and seen[i])
    two = sorted(c for c, n in by_cell.items() if n > 1)
    one = sorted(c for c, n in by_cell.items() if n == 1)
    return [two[0], one[0], one[len(one) // 2]]

for args in [("velib-hourly-2026-02", "Europe/Paris", "2026-02-10"), ("velib-hourly-2026-02", "Europe/Paris", "2026-02-11"),
             ("velib-1min-2024-11-05", "Europe/Paris", "2024-11-05"), ("baywheels-2023-05-14", "America/Los_Angeles", "2023-05-14")]:
    cells(*args, sample)
