"""Mean bikes of some cells on Bay Wheels' recorded day, with nothing but loops: `three_cells.py FOLDER`."""
import datetime as dt, json, pathlib, sys, h3
folder = pathlib.Path(sys.argv[1])
start = dt.datetime(2023, 5, 14, 7, tzinfo=dt.timezone.utc).timestamp()  # midnight in Los Angeles
where = {s["station_id"]: h3.latlng_to_cell(s["lat"], s["lon"], 10) for s in json.load(open(folder / "station_information.json"))["data"]["stations"]}
polls = sorted((json.load(open(p)) for p in (folder / "polls").glob("*.json")), key=lambda p: p["last_updated"])
times = [p["last_updated"] for p in polls] + [float("inf")]
sums = {}
for poll, t, after in zip(polls, times, times[1:]):
    hold = min(after, t + 900, start + 86400) - max(t, start)
    for s in poll["data"]["stations"] if hold > 0 else []:
        if s["is_installed"] and s["station_id"] in where:
            b, h = sums.get(s["station_id"], (0, 0))
            sums[s["station_id"]] = (b + s["num_bikes_available"] * hold, h + hold)
cells = {}
for station, (b, h) in sums.items():
    cells[where[station]] = cells.get(where[station], 0) + b / h
ranked = sorted(cells.items(), key=lambda item: -item[1])
for cell, bikes in (ranked[0], ranked[len(ranked) // 2], ranked[-40]):
    print(f'("{cell}", {bikes!r}),')
