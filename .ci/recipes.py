"""Runs what the README says of the demo, exactly as printed, in an empty folder.

    python3 recipes.py README.md path/to/hotspots

The demo must print the request that the README prints, and its answer must have every value that the
README shows of it. Under the heading "Recipes", a ```sql block is given to DuckDB, a ```python block to
Python. A block that fails, or that answers nothing, fails the run.
"""

import contextlib
import io
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import urllib.request

import duckdb

readme, program = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
text = readme.read_text()
recipes = text.split("\n## Recipes\n", 1)[1].split("\n## ", 1)[0]
blocks = re.findall(r"^```(sql|python)\n(.*?)^```$", recipes, re.M | re.S)
languages = [language for language, _ in blocks]
assert languages.count("sql") >= 2 and languages.count("python") >= 1, languages


def values(node, name=""):
    """Every name and plain value in a JSON document."""
    if isinstance(node, dict):
        return {pair for key, value in node.items() for pair in values(value, key)}
    if isinstance(node, list):
        return {pair for value in node for pair in values(value, name)}
    return {(name, json.dumps(node))}


def demo(settings):
    """Runs the demo until it serves, asks it what the README asks, and ends it."""
    (request, shown) = re.search(r"^(curl [^\n]*PORT[^\n]*)$.*?^```json\n(.*?)^```$", text, re.M | re.S).groups()
    process = subprocess.Popen([program, "demo"], stdout=subprocess.PIPE, text=True, env=settings)
    try:
        lines = iter(process.stdout.readline, "")
        printed = next((line.strip() for line in lines if "curl" in line), "nothing to ask")
        assert re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", printed) == request, (printed, request)
        (url,) = re.fullmatch(r"curl '(.*)'", printed).groups()
        with urllib.request.urlopen(url) as answer:
            body = answer.read()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()
    told = values(json.loads(body))
    pairs = [(name, json.dumps(json.loads(value))) for name, value in re.findall(r'"(\w+)": ("[^"]*"|[^\s",{}\[\]]+)', shown)]
    missing = [pair for pair in pairs if pair not in told]
    assert len(pairs) > 40 and not missing, f"the README shows what is not answered: {missing}"
    assert len(body) < 4000, f"{len(body)} bytes are too many to read"
    print(f"{printed}\n--> {len(body)} bytes with the {len(pairs)} values that the README shows")


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    demo({name: value for name, value in os.environ.items() if not name.startswith("HOTSPOTS_")})
    for language, recipe in blocks:
        print(f"--- {language}\n{recipe}", end="")
        if language == "sql":
            answer = duckdb.connect().sql(recipe)
            rows = answer.fetchall()
            assert rows, "the recipe answers nothing"
            print(f"--> {len(rows)} rows, the first: {rows[0]}")
        else:
            shown = io.StringIO()
            with contextlib.redirect_stdout(shown):
                exec(compile(recipe, "README.md", "exec"), {})
            assert shown.getvalue().strip(), "the recipe prints nothing"
            print(f"--> {shown.getvalue()}")
print(f"{len(blocks)} recipes of the README work as printed")
