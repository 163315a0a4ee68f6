"""How do scores leave Python?"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from genoarrays.errors import GenomeError

__all__ = ["read_scores", "scores_to_frame", "scores_to_json", "scores_to_tsv"]

Scores = xr.Dataset | Mapping[str, xr.Dataset]


def scores_to_frame(scores: Scores) -> pd.DataFrame:
    """Scores as a table, a row for each group, track and the like.

    Parameters
    ----------
    scores
        What `ga.score` gave, or several of them by the name of the target.

    Returns
    -------
    pd.DataFrame
        Columns: `target` (of several), the labels of the dimensions, metrics and counts.

    Raises
    ------
    GenomeError
        When a Dataset is no table of scores, such as curves.

    Examples
    --------
    >>> found = xr.Dataset({"auroc": ("track", [0.9, 0.8])}, {"track": ["a", "b"]})
    >>> scores_to_frame(found).values.tolist()
    [['a', 0.9], ['b', 0.8]]
    """
    if isinstance(scores, Mapping) and not isinstance(scores, xr.Dataset):
        frames = [scores_to_frame(one).assign(target=name) for name, one in scores.items()]
        table = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame({"target": []})
        return table[["target", *[name for name in table.columns if name != "target"]]]
    if "point" in scores.dims or "bin" in scores.dims:
        raise GenomeError("these are curves, not scores; draw them with ga.plot_curves")
    variables = [str(name) for name in scores.data_vars]
    dims = [str(dim) for dim in scores.dims]
    if not dims:
        return pd.DataFrame([{name: scores[name].item() for name in variables}])
    full = xr.broadcast(*[scores[name] for name in variables])  # of tracks left out, one value
    labelled = xr.Dataset(dict(zip(variables, full, strict=True)))
    frame = labelled.to_dataframe(dim_order=dims).reset_index()
    return frame[[*dims, *variables]]


def scores_to_tsv(scores: Scores, path: str | os.PathLike[str]) -> None:
    r"""Write scores as text, columns apart by tabs; a metric that is not defined is left empty.

    Parameters
    ----------
    scores
        As of `scores_to_frame`.
    path
        File; one that is there is replaced.

    Raises
    ------
    GenomeError
        As of `scores_to_frame`.

    Examples
    --------
    >>> import tempfile
    >>> path = tempfile.mkdtemp() + "/scores.tsv"
    >>> scores_to_tsv(xr.Dataset({"auroc": 0.9, "n": 5}), path)
    >>> Path(path).read_text()
    'auroc\tn\n0.9\t5\n'
    """
    scores_to_frame(scores).to_csv(path, sep="\t", index=False)


def scores_to_json(scores: Scores, path: str | os.PathLike[str]) -> None:
    """Write scores as JSON: a list of rows, or lists by target; what is not defined is null.

    Parameters
    ----------
    scores
        As of `scores_to_frame`.
    path
        File; one that is there is replaced.

    Raises
    ------
    GenomeError
        As of `scores_to_frame`.

    Examples
    --------
    >>> import tempfile
    >>> path = tempfile.mkdtemp() + "/scores.json"
    >>> scores_to_json({"bound": xr.Dataset({"auroc": float("nan"), "n": 5})}, path)
    >>> json.loads(Path(path).read_text())
    {'bound': [{'auroc': None, 'n': 5}]}
    """
    if isinstance(scores, Mapping) and not isinstance(scores, xr.Dataset):
        told: Any = {name: _records(one) for name, one in scores.items()}
    else:
        told = _records(scores)
    Path(path).write_text(json.dumps(told, indent=1) + "\n")


def _records(scores: xr.Dataset) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = scores_to_frame(scores).to_dict("records")  # type: ignore[assignment]
    return [{name: _plain(value) for name, value in row.items()} for row in rows]


def _plain(value: Any) -> Any:
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and not math.isfinite(value) else value


def read_scores(path: str | os.PathLike[str]) -> dict[str, list[dict[str, Any]]]:
    """Rows by target of a file that `scores_to_json` wrote; "" where it has no targets."""
    told = json.loads(Path(path).read_text())
    return told if isinstance(told, dict) else {"": told}
