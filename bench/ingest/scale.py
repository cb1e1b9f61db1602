#!/usr/bin/env python3
"""Polls many simulated systems for a while and says how punctual, how complete and how dear it was.

    bench/ingest/scale.py [--systems 1500] [--seconds 600] [--stations 60] [--binary target/release/hotspots]

Needs Python with duckdb to read the ledger. Everything is on loopback and in a temporary folder; the
publisher is a process of its own, and its CPU time is not counted.
"""
import argparse, asyncio, json, multiprocessing, os, re, shutil, signal, subprocess, tempfile, time


def publisher(systems, stations, ready):
    """Every system has its discovery, information and status; counts change with every request."""
    def information(count):
        return json.dumps({"last_updated": int(time.time()), "ttl": 86400, "version": "2.3", "data": {"stations": [
            {"station_id": str(1000 + i), "name": f"Station {i}", "lat": 48.8 + i % 71 * 0.001,
             "lon": 2.3 + i % 53 * 0.001, "capacity": 20 + i % 30} for i in range(count)]}})

    def status(count):
        text = json.dumps({"last_updated": 1111111111, "ttl": 60, "version": "2.3", "data": {"stations": [
            {"station_id": str(1000 + i), "num_bikes_available": i % 19, "num_docks_available": 9 + i % 7,
             "is_installed": True, "is_renting": True, "is_returning": True,
             "last_reported": 1111111111} for i in range(count)]}})
        return text.split("1111111111")

    small = (information(stations), status(stations))
    large = (information(5000), status(5000))
    about = json.dumps({"last_updated": 1, "ttl": 86400, "version": "2.3", "data": {
        "system_id": "s", "language": "en", "name": "S", "timezone": "Europe/Paris"}})

    async def answer(reader, writer):
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                system, feed = head.split(b" ")[1].decode().strip("/").split("/")
                shape = large if system == "s0" else small
                if feed == "gbfs.json":
                    feeds = ["system_information", "station_information", "station_status"]
                    body = json.dumps({"last_updated": int(time.time()), "ttl": 60, "version": "2.3", "data": {"en": {
                        "feeds": [{"name": f, "url": f"http://127.0.0.1:{port}/{system}/{f}.json"} for f in feeds]}}})
                elif feed == "system_information.json":
                    body = about
                elif feed == "station_information.json":
                    body = shape[0]
                else:
                    body = str(int(time.time())).join(shape[1])
                data = body.encode()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(data) + data)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def serve():
        nonlocal port
        server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=1024)
        port = server.sockets[0].getsockname()[1]
        ready.put(port)
        await server.serve_forever()

    port = 0
    asyncio.run(serve())


def usage(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    cpu_s = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    status = open(f"/proc/{pid}/status").read()
    memory = {name: int(re.search(rf"{name}:\s+(\d+)", status)[1]) / 1024 for name in ("VmRSS", "VmHWM")}
    return cpu_s, memory


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--systems", type=int, default=1500)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--stations", type=int, default=60)
    parser.add_argument("--binary", default="target/release/hotspots")
    parser.add_argument("--lake", help="another lake than a folder, such as an S3 URL that refuses")
    options = parser.parse_args()
    ready = multiprocessing.Queue()
    server = multiprocessing.Process(target=publisher, args=(options.systems, options.stations, ready), daemon=True)
    server.start()
    port = ready.get()
    folder = tempfile.mkdtemp(prefix="hotspots-scale-")
    binary = os.path.abspath(options.binary)
    with open(f"{folder}/hotspots.toml", "w") as file:
        file.write(f'lake = "{options.lake or "lake"}"\n')
        for number in range(options.systems):
            file.write(f'[[systems]]\nsystem = "s{number}"\nurl = ["http://127.0.0.1:{port}/s{number}/gbfs.json"]\n')
    began = time.time()
    process = subprocess.Popen([binary, "ingest", "--log", "warn"], cwd=folder,
                               stderr=open(f"{folder}/log", "w"))
    memory = []
    try:
        while (left := began + options.seconds - time.time()) > 0:
            time.sleep(min(30, left))
            memory.append(round(usage(process.pid)[1]["VmRSS"], 1))
        cpu_s, peak = usage(process.pid)
        process.send_signal(signal.SIGTERM)
        process.wait(120)
    finally:
        process.kill()
        server.kill()
    log = open(f"{folder}/log").read().splitlines()
    print(f"{options.systems} systems, {options.seconds} s; warnings in the log: {len(log)}", *log[:3], sep="\n  ")
    print(f"memory MB every 30 s: {memory}; peak {peak['VmHWM']:.0f} MB")
    print(f"CPU {cpu_s:.1f} s = {100 * cpu_s / options.seconds:.0f} % of one core")
    if not options.lake:
        import duckdb
        duckdb.sql("set enable_progress_bar = false")
        def say(query):
            answer = duckdb.sql(query)
            row = answer.fetchall()[0]
            print(*(f"  {name}: {value:.1f}" for name, value in zip(answer.columns, row)), sep="\n")
        ledger = f"read_parquet('{folder}/lake/polls/*/*/*.parquet', hive_partitioning = true)"
        say(f"""
            select count(*) polls, count(*) filter (outcome not in ('stored', 'unchanged')) failed,
              count(*) / {cpu_s} polls_per_cpu_s, {cpu_s} * 1000 / count(*) cpu_ms_per_poll,
              quantile_cont(epoch_ms(started_at) - epoch_ms(scheduled_at), 0.5) late_p50_ms,
              quantile_cont(epoch_ms(started_at) - epoch_ms(scheduled_at), 0.99) late_p99_ms,
              max(epoch_ms(started_at) - epoch_ms(scheduled_at)) late_max_ms,
              quantile_cont(duration_ms, 0.5) took_p50_ms, quantile_cont(duration_ms, 0.99) took_p99_ms
            from {ledger} where feed = 'station_status'""")
        say(f"""
            select max(gap_s) longest_gap_s, count(*) filter (gap_s > 61) gaps_above_61_s from (
              select (epoch_ms(scheduled_at) - lag(epoch_ms(scheduled_at)) over (partition by system order by scheduled_at)) / 1000 gap_s
              from {ledger} where feed = 'station_status')""")
        say(f"select quantile_cont(duration_ms, 0.5) largest_took_p50_ms, max(rows) stations from {ledger} where feed = 'station_status' and system = 's0'")
    shutil.rmtree(folder)


main()
