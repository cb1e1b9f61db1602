"""Times `hotspots aggregate` where the lake is far away: `distant.py BINARY [BINARY...]`.

Makes the twin's day (1,500 stations, a poll a minute), and serves it, from its polls and compacted, by
an S3 server (moto, on loopback) behind a proxy that lets each request wait for 20 ms. Prints medians of
five runs in turns of each binary and the requests of a run: of the day anew, and of the day once more,
when all that is left to do is to find that nothing changed. Needs `moto[server]` and boto3.
"""

import asyncio
import os
import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

import boto3
from run import call

DELAY_S, RUNS = 0.020, 5
TABLES = ("hotspots", "hotspots_hourly", "station_days", "quality")
REQUEST = re.compile(rb"(GET|PUT|HEAD|POST|DELETE) /")


def main(binaries: list[str]) -> None:
    folder = pathlib.Path(tempfile.mkdtemp(prefix="hotspots-bench-"))
    port = free_port()
    moto = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(port)
        key = {"aws_access_key_id": "x", "aws_secret_access_key": "x", "region_name": "us-east-1"}
        store = boto3.client("s3", endpoint_url=f"http://127.0.0.1:{port}", **key)
        lake = folder / "lake"
        call(binaries[0], "demo", "--no-serve", "--interval", "1m", "--lake", str(lake))
        upload(store, lake, "polls")
        call(binaries[0], "compact", "--retain-days", "0", "--lake", str(lake))
        upload(store, lake, "compacted")
        asyncio.run(compare(binaries, store, port))
    finally:
        moto.terminate()
        moto.wait()
        shutil.rmtree(folder)


async def compare(binaries: list[str], store, port: int) -> None:
    proxy = Proxy(port)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    endpoint = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    print("| binary | day | anew | requests | once more | requests |\n| --- | --- | --- | --- | --- | --- |")
    for bucket in ("polls", "compacted"):
        results = {binary: [] for binary in binaries}
        for _ in range(RUNS):
            for binary in binaries:
                await asyncio.to_thread(forget_tables, store, bucket)
                anew = await run(binary, bucket, endpoint, proxy)
                results[binary].append(anew + await run(binary, bucket, endpoint, proxy))
        for binary, runs in results.items():
            anew, asked, again, asked_again = (statistics.median(one) for one in zip(*runs))
            print(
                f"| {pathlib.Path(binary).name} | {bucket} | {1000 * anew:.0f} ms | {asked:.0f} "
                f"| {1000 * again:.0f} ms | {asked_again:.0f} |"
            )


async def run(binary: str, bucket: str, endpoint: str, proxy: "Proxy") -> tuple[float, int]:
    """Seconds of one run, and its requests."""
    environment = dict(
        os.environ,
        AWS_ACCESS_KEY_ID="x",
        AWS_SECRET_ACCESS_KEY="x",
        AWS_REGION="us-east-1",
        AWS_ENDPOINT=endpoint,
        AWS_ALLOW_HTTP="true",
    )
    proxy.requests = 0
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        os.path.abspath(binary), "aggregate", "--lake", f"s3://{bucket}", "--log", "off", env=environment
    )
    if await process.wait():
        raise SystemExit(f"{binary} failed")
    return time.monotonic() - began, proxy.requests


class Proxy:
    """Passes on what it gets, each request after a while."""

    def __init__(self, port: int):
        self.port = port
        self.requests = 0

    async def serve(self, reader, writer):
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self.port)
        await asyncio.gather(self.pass_on(reader, there_writer, True), self.pass_on(there_reader, writer, False))

    async def pass_on(self, reader, writer, asks: bool):
        try:
            while data := await reader.read(65536):
                if asks and REQUEST.match(data):
                    self.requests += 1
                    await asyncio.sleep(DELAY_S)
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()


def upload(store, lake: pathlib.Path, bucket: str) -> None:
    store.create_bucket(Bucket=bucket)
    for path in sorted(lake.rglob("*.parquet")):
        key = path.relative_to(lake).as_posix()
        if key.split("/")[0] not in TABLES:
            store.upload_file(str(path), bucket, key)


def forget_tables(store, bucket: str) -> None:
    for table in TABLES:
        for page in store.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{table}/"):
            for found in page.get("Contents", []):
                store.delete_object(Bucket=bucket, Key=found["Key"])


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def wait_for(port: int) -> None:
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except ConnectionRefusedError:
            time.sleep(0.2)
    raise SystemExit("moto does not start")


if __name__ == "__main__":
    main(sys.argv[1:])
