"""Is the README true?"""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def test_tour__runs(tmp_path, monkeypatch, capsys):
    pytest.importorskip("tensorflow")
    from genoarrays.demo.simulate import simulate

    simulate(tmp_path / "genoarrays-demo" / "files", size=400_000)
    monkeypatch.chdir(tmp_path)
    code = blocks("python")[0]
    assert README.index("<!-- tour") < README.index(code)
    assert len(code.strip().splitlines()) <= 35
    names = {}
    exec(compile(code, "README.md", "exec"), names)
    printed = capsys.readouterr().out
    assert "auroc" in printed
    more = blocks("python")[1]
    assert README.index("<!-- tour, continued") < README.index(more)
    exec(compile(more, "README.md", "exec"), names)
    assert "mean" in capsys.readouterr().out
    assert {"signal", "reads"} <= set(names["on_one_axis"].data_vars)
    back = blocks("python")[2]
    assert README.index("## From a model back") < README.index(back)
    exec(compile(back, "README.md", "exec"), names)
    assert int(names["effects"].log_odds.notnull().sum()) > 50
    for made in ("everywhere.bw", "letters.png", "effects.vcf.gz"):
        assert (tmp_path / made).exists()
    for made in ("demo.zarr", "demo.model", "bound.bw", "bound.png"):
        assert (tmp_path / made).exists()


def test_ci__runs_the_test_command():
    script = (ROOT / ".ci" / "run").read_text()
    assert "<!-- test command -->" in script
    commands = blocks("bash")
    assert README.index("<!-- test command -->") < README.index(commands[1])
    assert commands[1].strip().endswith(".venv/bin/pytest -n 2")


def test_links__lead_to_files():
    for link in re.findall(r"\]\((?!http)([^)]+)\)", README):
        assert (ROOT / link).exists(), link
