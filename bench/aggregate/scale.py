"""Times `hotspots aggregate` on many days and many systems: `scale.py BINARY`.

Makes the twin's day (1,500 stations, a poll a minute) once, and gives it to other dates and to other
systems by hard links under other names: the same bytes to read, nothing shared in the work. Prints time
and peak memory of the whole process for 1, 7 and 31 days, and for 1, 10 and 100 systems.
"""

import datetime as dt
import os
import pathlib
import shutil
import sys
import tempfile

from run import call, timed

SYSTEM, DATE = "demo", dt.date(2026, 9, 15)
TABLES = ("hotspots", "hotspots_hourly", "station_days", "quality")


def main(binary: str) -> None:
    folder = pathlib.Path(tempfile.mkdtemp(prefix="hotspots-bench-"))
    try:
        lake = folder / "lake"
        call(binary, "demo", "--no-serve", "--interval", "1m", "--lake", str(lake))
        for table in TABLES:
            shutil.rmtree(lake / table, ignore_errors=True)
        print("| what | time | time each | CPU each | peak memory |\n| --- | --- | --- | --- | --- |")
        for days in (1, 7, 31):
            copy = folder / f"{days}-days"
            for day in range(days):
                link(lake, copy, SYSTEM, DATE + dt.timedelta(days=day))
            report(binary, copy, f"{days} days", days)
        for systems in (1, 10, 100):
            copy = folder / f"{systems}-systems"
            for system in range(systems):
                link(lake, copy, f"{SYSTEM}{system}", DATE)
            report(binary, copy, f"{systems} systems", systems)
    finally:
        shutil.rmtree(folder)


def link(lake: pathlib.Path, copy: pathlib.Path, system: str, date: dt.date) -> None:
    """The day's objects under another system and date: their names begin with the time, in UTC."""
    for table in ("station_status", "station_information"):
        source = lake / table / f"system={SYSTEM}" / f"date={DATE}"
        target = copy / table / f"system={system}" / f"date={date}"
        target.mkdir(parents=True)
        for path in source.iterdir():
            stamp, rest = path.name[:8], path.name[8:]
            moved = dt.datetime.strptime(stamp, "%Y%m%d").date() + (date - DATE)
            os.link(path, target / f"{moved:%Y%m%d}{rest}")


def report(binary: str, lake: pathlib.Path, name: str, count: int) -> None:
    wall, cpu, memory = timed([binary, "aggregate", "--lake", str(lake), "--log", "off"])
    written = len(list((lake / "hotspots").rglob("*.parquet")))
    assert written == 3 * count, f"{written} tables of {name}"
    print(f"| {name} | {wall:.2f} s | {wall / count:.3f} s | {cpu / count:.3f} s | {memory:.0f} MB |")
    shutil.rmtree(lake)


if __name__ == "__main__":
    main(os.path.abspath(sys.argv[1]))
