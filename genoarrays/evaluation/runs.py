"""Which of many runs is best, and what set it apart?

A run is a directory that `ga.fit(out=)` wrote: `history.json`, `fit.json`, and `scores.json` where
somebody scored it. Nothing but these files is read, so that TensorFlow is not needed.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError, StoreError
from genoarrays.evaluation.tables import read_scores

__all__ = ["compare"]

_PLAIN = (str, int, float, bool)
_Path = str | os.PathLike[str]
_COUNTS = ("n", "positives")


def compare(
    runs: _Path | Sequence[_Path] | Mapping[str, _Path], sort: str | None = None
) -> xr.Dataset:
    """Compare runs by what was written beside their models.

    Parameters
    ----------
    runs
        Directories of models; one without a `history.json` stands for all runs below it. A mapping
        gives them names, else the ends of their paths do that tell them apart.
    sort
        Variable to sort by: losses and errors from low to high, all else from high to low; runs
        without it come last. None keeps the order.

    Returns
    -------
    xr.Dataset
        (run,): `epochs`; `best_epoch`, counted from 1, with the least `val_loss` (`loss` where
        nothing was held out); what the history holds at that epoch; settings that are numbers,
        texts or lists of texts; and of `scores.json` the mean of each metric over its rows, as
        `<metric>`, or `<target>_<metric>` where runs have several targets. (run, epoch): the whole
        history, as `history_<name>`, NaN past the end of a run.

    Raises
    ------
    StoreError
        When there is no run at a path.
    GenomeError
        For runs of the same name, a file that holds something else, or an unknown `sort`.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> for name, losses in {"a": [0.9, 0.7], "b": [0.8, 0.6, 0.65]}.items():
    ...     (folder / name).mkdir()
    ...     text = json.dumps({"loss": losses, "val_loss": losses})
    ...     _ = (folder / name / "history.json").write_text(text)
    >>> found = compare(folder, sort="val_loss")
    >>> found.run.values.tolist(), found.best_epoch.values.tolist()
    (['b', 'a'], [2, 2])
    """
    places = _places(runs)
    histories = [_history(place) for place in places.values()]
    rows = []
    for place, history in zip(places.values(), histories, strict=True):
        settings = _settings(place)
        rows.append({**settings, **_best(history), **_scores(place)})
    text = np.dtypes.StringDType()
    result = xr.Dataset(coords={"run": ("run", np.array(list(places), dtype=text))})
    for name in dict.fromkeys(name for row in rows for name in row):
        result[name] = "run", _column([row.get(name) for row in rows])
    length = max((len(v) for h in histories for v in h.values()), default=0)
    for name in dict.fromkeys(name for history in histories for name in history):
        table = np.full((len(rows), length), np.nan)
        for line, history in zip(table, histories, strict=True):
            values = history.get(name, [])
            line[: len(values)] = values
        result[f"history_{name}"] = ("run", "epoch"), table
    result = result.assign_coords(epoch=("epoch", np.arange(1, length + 1)))
    return result if sort is None else _sorted(result, sort)


def _sorted(result: xr.Dataset, sort: str) -> xr.Dataset:
    if sort not in result or result[sort].dims != ("run",):
        known = [name for name in result.data_vars if result[name].dims == ("run",)]
        raise GenomeError(f"sort={sort!r} is not known of these runs; choose from {known}")
    values = result[sort].values
    if values.dtype.kind not in "iufb":
        order = np.argsort(values.astype(object), kind="stable")
    else:
        small = any(word in sort for word in ("loss", "error", "mse", "mae", "jensen"))
        numbers = values.astype(np.float64)
        order = np.argsort(numbers if small else -numbers, kind="stable")  # NaN come last
    return result.isel(run=order)


def _places(runs: Any) -> dict[str, Path]:
    """Directories of runs by name."""
    if isinstance(runs, Mapping):
        named = {str(name): Path(path) for name, path in runs.items()}
        for path in named.values():
            _below(path)
        if several := [n for n, path in named.items() if len(_below(path)) > 1]:
            raise GenomeError(f"{named[several[0]]} holds several runs; give each a name")
        return {name: _below(path)[0] for name, path in named.items()}
    given = [runs] if isinstance(runs, str | os.PathLike) else list(runs)
    found = [place for path in given for place in _below(Path(path))]
    if not found:
        raise GenomeError("there are no runs to compare; give directories that ga.fit(out=) wrote")
    parts = [place.resolve().parts for place in found]
    for depth in range(1, max(map(len, parts)) + 1):
        names = ["/".join(part[-depth:]) for part in parts]
        if len(set(names)) == len(names):
            return dict(zip(names, found, strict=True))
    raise GenomeError(f"a run is given twice: {[str(place) for place in found]}")


def _below(path: Path) -> list[Path]:
    if (path / "history.json").is_file():
        return [path]
    found = sorted(file.parent for file in path.rglob("history.json"))
    found = [place for place in found if not place.name.startswith(".")]  # being written
    if not found:
        raise StoreError(f"there is no run at {path}; give a directory that ga.fit(out=) wrote")
    return found


def _read(file: Path) -> Any:
    try:
        return json.loads(file.read_text())
    except ValueError as error:
        raise GenomeError(f"{file} is no JSON ({error}); write it anew with ga.fit") from None


def _history(place: Path) -> dict[str, list[float]]:
    told = _read(place / "history.json")
    fine = isinstance(told, dict) and all(isinstance(v, list) for v in told.values())
    if not fine:
        raise GenomeError(f"{place / 'history.json'} holds no lists of values per epoch")
    return {
        name: [math.nan if value is None else float(value) for value in values]
        for name, values in told.items()
    }


def _best(history: Mapping[str, list[float]]) -> dict[str, Any]:
    losses = np.array(history.get("val_loss") or history.get("loss") or [])
    if not losses.size:
        return {"epochs": 0}
    best = 0 if np.isnan(losses).all() else int(np.nanargmin(losses))
    values = {name: row[best] for name, row in history.items() if len(row) > best}
    return {"epochs": losses.size, "best_epoch": best + 1, **values}


def _settings(place: Path) -> dict[str, Any]:
    file = place / "fit.json"
    told = _read(file) if file.is_file() else {}
    found: dict[str, Any] = {}
    for name, value in told.items():
        if isinstance(value, list) and value and all(isinstance(one, str) for one in value):
            found[name] = ", ".join(value)
        elif isinstance(value, _PLAIN):
            found[name] = value
    return found


def _scores(place: Path) -> dict[str, float]:
    file = place / "scores.json"
    if not file.is_file():
        return {}
    targets = read_scores(file)
    found = {}
    for target, rows in targets.items():
        names = dict.fromkeys(name for row in rows for name in row)
        for name in names:
            values = [row.get(name) for row in rows]
            numbers = [v for v in values if isinstance(v, float)]
            if name in _COUNTS or not numbers:
                continue
            found[name if len(targets) == 1 else f"{target}_{name}"] = float(np.mean(numbers))
    return found


def _column(values: Sequence[Any]) -> npt.NDArray[Any]:
    """Values of one kind; what a run lacks is NaN, or an empty text."""
    there = [value for value in values if value is not None]
    if all(isinstance(value, bool) for value in there) and len(there) == len(values):
        return np.array(values)
    if any(isinstance(value, str) for value in there):
        texts = ["" if value is None else str(value) for value in values]
        return np.array(texts, dtype=np.dtypes.StringDType())
    if all(isinstance(value, int) for value in there) and len(there) == len(values):
        return np.array(values, np.int64)
    return np.array([math.nan if value is None else float(value) for value in values])
