"""Do the notebooks run, and do script and notebook hold the same?

After a change of a script, write its notebook again, with the extras `plot` and `notebook`:

    notebook = jupytext.read("notebooks/NAME.py")
    nbclient.NotebookClient(notebook, coalesce_streams=True, record_timing=False).execute()
    jupytext.write(notebook, "notebooks/NAME.ipynb")
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.py"))
SLOW = ("model_to_genome", "one_dataset_four_consumers")  # they train networks: 80 s
per_notebook = pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)


def cells_of_script(path):
    """Kind and text of each cell of a script in the percent format."""
    _, *blocks = re.split(r"^# %%(.*)\n", path.read_text(), flags=re.MULTILINE)
    for head, text in zip(blocks[::2], blocks[1::2], strict=True):
        if head.strip() == "[markdown]":
            yield "markdown", re.sub(r"^# ?", "", text, flags=re.MULTILINE).strip()
        else:
            assert head.strip() == ""
            yield "code", text.strip()


def cells_of(path):
    return json.loads(path.with_suffix(".ipynb").read_text())["cells"]


def test_notebooks__are_there():
    assert SCRIPTS


@per_notebook
def test_notebook__holds_the_cells_of_its_script(script):
    cells = [(c["cell_type"], "".join(c["source"]).strip()) for c in cells_of(script)]
    assert cells == list(cells_of_script(script))


@per_notebook
def test_notebook__was_run_in_order_and_shows_nothing_of_the_machine(script):
    code = [cell for cell in cells_of(script) if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell["outputs"]]
    assert (
        {"stream"} <= {output["output_type"] for output in outputs} <= {"stream", "execute_result"}
    )
    for output in outputs:
        text = "".join(output.get("text", output.get("data", {}).get("text/plain", "")))
        assert not re.search(r"Warning|Traceback|/(tmp|home|root|work|Users|opt|usr|var)/", text)
    assert script.with_suffix(".ipynb").stat().st_size < 1_000_000


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(path, marks=[pytest.mark.slow] * (path.stem in SLOW), id=path.stem)
        for path in SCRIPTS
    ],
)
def test_script__runs_without_a_warning(script, tmp_path, request):
    pytest.importorskip("matplotlib")
    text, environment = script.read_text(), dict(os.environ)
    for name in ("torch", "tensorflow"):
        if f"import {name}" in text:
            pytest.importorskip(name, reason=f"{script.stem} needs {name}")
    for name, folder in {"YEAST": "yeast_sacCer3", "HUMAN": "human_hg19_chrX"}.items():
        if name in text:
            environment[name] = str(request.getfixturevalue("shared_data") / folder)
    # as code, not as a file: processes that a script starts would import the file, and run it again
    code = f"exec(compile(open({str(script)!r}).read(), 'notebook', 'exec'))"
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Warning" not in done.stderr
    assert not list(tmp_path.iterdir())
