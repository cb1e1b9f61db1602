"""Times `hotspots aggregate` on a day of polls beside its peers: `run.py BINARY [RUNS]`.

Makes the twin's day (1,500 stations, a poll a minute: 2.15 million rows in 1,440 files) in a temporary
folder, then runs each in turn, RUNS times over (5), and prints medians of time and peak memory. Ours
writes all tables of three resolutions, the peers the table of hotspots alone; the bikes of every cell
are compared. Runs take turns, so that a busy machine slows all alike.
"""

import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).parent
SYSTEM, DATE = "demo", "2026-09-15"


def main(binary: str, runs: int) -> int:
    folder = pathlib.Path(tempfile.mkdtemp(prefix="hotspots-bench-"))
    try:
        return compare(os.path.abspath(binary), runs, folder)
    finally:
        shutil.rmtree(folder)


def compare(binary: str, runs: int, folder: pathlib.Path) -> int:
    raw, packed = folder / "raw", folder / "packed"
    call(binary, "demo", "--no-serve", "--interval", "1m", "--lake", str(raw))
    shutil.copytree(raw, packed)
    call(binary, "compact", "--retain-days", "0", "--lake", str(packed))
    for lake in (raw, packed):
        for table in ("hotspots", "hotspots_hourly", "station_days", "quality"):
            shutil.rmtree(lake / table)
    toolkit = installed("gbfs_toolkit")
    if toolkit:
        # In a process of its own: a process's peak memory begins with that of the one that starts it.
        call(sys.executable, str(HERE / "run.py"), "--lay-out", str(raw))
    peer = lambda name: [sys.executable, str(HERE / f"peer_{name}.py"), str(raw), SYSTEM, DATE, str(folder / f"{name}.parquet")]
    ours = lambda lake: lambda turn: [binary, "aggregate", "--lake", str(linked(lake, turn)), "--log", "off"]
    tasks = {
        "hotspots": ours(raw),
        "hotspots, compacted day": ours(packed),
        "Polars (Python)": lambda _: peer("polars"),
        "DuckDB": lambda _: peer("duckdb"),
    }
    if toolkit:
        tasks["gbfs-toolkit"] = lambda _: peer("gbfs_toolkit")
    for lake in (raw, packed):
        for turn in range(runs):
            shutil.copytree(lake, linked(lake, turn), copy_function=os.link)
    measured = {name: [] for name in tasks}
    for turn in range(runs):
        for name, command in tasks.items():
            measured[name].append(timed(command(turn)))
    table = f"hotspots/system={SYSTEM}/resolution=10/date={DATE}/hotspots.parquet"
    for lake in (raw, packed):
        shutil.copy(linked(lake, runs - 1) / table, folder / f"{lake.name}.parquet")
    same = all([check(folder, lake.name, peer) for lake in (raw, packed) for peer in ("duckdb", "polars")])
    ours = median(measured["hotspots"])
    print(f"\n| | time | CPU | peak memory | times the time of hotspots | times its memory |\n| --- | --- | --- | --- | --- | --- |")
    for name, results in measured.items():
        wall, cpu, memory = median(results)
        print(f"| {name} | {wall:.2f} s | {cpu:.2f} s | {memory:.0f} MB | {wall / ours[0]:.1f} | {memory / ours[2]:.1f} |")
    packed_wall = median(measured["hotspots, compacted day"])[0]
    print(f"\nDuckDB on the polls / hotspots on the compacted day: {median(measured['DuckDB'])[0] / packed_wall:.1f}")
    sizes(raw, packed, folder)
    return 0 if same else 1


def timed(command: list[str]) -> tuple[float, float, float]:
    """Seconds of the clock, seconds of CPU and peak memory in MB of a whole process."""
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command} failed")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def median(results):
    return [statistics.median(values) for values in zip(*results)]


def linked(lake: pathlib.Path, turn: int) -> pathlib.Path:
    """A lake of the same objects, without tables, for one run: where a table was deleted seconds before,
    the file system is busy finding a place that was not freed just now."""
    return lake.with_name(f"{lake.name}-{turn}")


def check(folder, ours, peer) -> bool:
    import duckdb

    wrong, cells = duckdb.execute(f"""select count(*) filter (p.bikes is null or o.bikes is null
        or abs(p.bikes - o.bikes) > 1e-9), count(*) from '{folder}/{ours}.parquet' o
        full join '{folder}/{peer}.parquet' p using (hex_id)""").fetchone()
    print(f"{ours}, {peer}: {cells} cells, {wrong} differ")
    return wrong == 0


def sizes(raw, packed, folder):
    import duckdb

    glob = f"{raw}/station_status/system={SYSTEM}/date={DATE}/*.parquet"
    duckdb.execute(f"""copy (from read_parquet('{glob}', hive_partitioning = false) order by station_id, observed_at)
        to '{folder}/sorted.parquet' (format parquet, compression zstd)""")
    (rows,) = duckdb.execute(f"select count(*) from read_parquet('{glob}')").fetchone()
    size = lambda path: path.stat().st_size
    ours = sum(size(p) for p in packed.glob("station_status_daily/**/*.parquet"))
    theirs, polls = size(folder / "sorted.parquet"), sum(size(p) for p in raw.glob("station_status/**/*.parquet"))
    print(f"\nBytes per observation: polls {polls / rows:.2f}, compacted {ours / rows:.3f}, DuckDB's sorted zstd {theirs / rows:.3f} (ours / DuckDB's {ours / theirs:.2f})")


def lay_out_for_toolkit(raw: pathlib.Path) -> None:
    import gbfs_toolkit as gb
    import pandas as pd

    for path in sorted((raw / f"station_status/system={SYSTEM}/date={DATE}").glob("*.parquet")):
        rows = pd.read_parquet(path, partitioning=None).assign(system_id=SYSTEM)
        gb.append_to_parquet(rows.drop(columns="extra"), raw / "toolkit")


def installed(module: str) -> bool:
    import importlib.util

    return importlib.util.find_spec(module) is not None


def call(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    if sys.argv[1] == "--lay-out":
        sys.exit(lay_out_for_toolkit(pathlib.Path(sys.argv[2])))
    sys.exit(main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 5))
