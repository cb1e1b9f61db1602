"""Runs the README's recipes exactly as printed, in an empty folder, on the demo's lake.

    python3 recipes.py README.md path/to/hotspots

Under the heading "Recipes", a ```sql block is given to DuckDB, a ```python block to Python. A block
that fails, or that answers nothing, fails the run.
"""

import contextlib
import io
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import duckdb

readme, program = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
recipes = readme.read_text().split("\n## Recipes\n", 1)[1].split("\n## ", 1)[0]
blocks = re.findall(r"^```(sql|python)\n(.*?)^```$", recipes, re.M | re.S)
languages = [language for language, _ in blocks]
assert languages.count("sql") >= 2 and languages.count("python") >= 1, languages

with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    settings = {name: value for name, value in os.environ.items() if not name.startswith("HOTSPOTS_")}
    subprocess.run([program, "demo", "--no-serve"], check=True, env=settings)
    for language, text in blocks:
        print(f"--- {language}\n{text}", end="")
        if language == "sql":
            answer = duckdb.connect().sql(text)
            rows = answer.fetchall()
            assert rows, "the recipe answers nothing"
            print(f"--> {len(rows)} rows, the first: {rows[0]}")
        else:
            shown = io.StringIO()
            with contextlib.redirect_stdout(shown):
                exec(compile(text, "README.md", "exec"), {})
            assert shown.getvalue().strip(), "the recipe prints nothing"
            print(f"--> {shown.getvalue()}")
print(f"{len(blocks)} recipes of the README work as printed")
