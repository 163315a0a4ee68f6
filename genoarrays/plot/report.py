"""What is there to know of a run, on one page?

One HTML file: settings, data, how the model learned, scores, what it looks at, places in the
genome, more figures, and where everything came from. Pictures are in the file, so it opens
anywhere, without a network.
"""

from __future__ import annotations

import base64
import html
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from genoarrays.errors import GenomeError, StoreError
from genoarrays.evaluation.curves import curves
from genoarrays.evaluation.runs import compare
from genoarrays.evaluation.score import score
from genoarrays.evaluation.tables import scores_to_frame
from genoarrays.genome.windows import count_by_contig
from genoarrays.plot.explained import logos_of, shares_of, views_of
from genoarrays.plot.figure import png
from genoarrays.plot.letters import channel_of
from genoarrays.plot.lines import plot_curves
from genoarrays.plot.runs import plot_runs
from genoarrays.plot.scatter import plot_scatter

__all__ = ["write_report"]

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 62rem; margin: 2rem auto;
       padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: 0; } h2 { font-size: 1.15rem; margin-top: 2rem; }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .2rem .9rem .2rem 0; border-bottom: 1px solid #ddd;
         vertical-align: top; }
img { max-width: 100%; height: auto; } p.small { color: #666; font-size: 13px; }
"""
_LAYER = ("name", "kind", "shape", "parameters")  # what has columns of its own
_PARTS = ("examples", "contigs", "layers", "versions", "inputs", "targets")  # told elsewhere
_SHOWN = ("long_name", "alphabet", "normalizer")  # attributes that are no provenance


def write_report(
    run: str | os.PathLike[str],
    path: str | os.PathLike[str],
    y_true: xr.DataArray | xr.Dataset | None = None,
    y_pred: xr.DataArray | xr.Dataset | None = None,
    *,
    metrics: Sequence[str] | None = None,
    by: str | None = "contig",
    attribution: xr.DataArray | xr.Dataset | None = None,
    tracks: Any = None,
    regions: Any = None,
    figures: Mapping[str, Any] | None = None,
    title: str | None = None,
    overwrite: bool = False,
) -> None:
    """Write a page about a run: data, splits, model, how it learned, scores, figures, provenance.

    Parameters
    ----------
    run
        Directory that `ga.fit(out=)` wrote.
    path
        HTML file to write; it needs no other file and no network.
    y_true, y_pred
        Labels and predictions of held-out windows, as for `ga.score`: with them come scores and
        curves (of labels 0 and 1) or points (of other labels). Of several outputs, Datasets with
        the same names.
    metrics
        For `ga.score`; None: auroc, auprc, f1 and log_loss of labels 0 and 1, else pearson,
        spearman, explained_variance and mse.
    by
        Scores are also given for each value of this coordinate; None for all together only.
    attribution
        Of `ga.integrated_gradients` or the like, (window, offset, channel): letters of the ten
        windows with the highest prediction, 60 bases of each. Of several inputs, a Dataset: also
        the share of each.
    tracks
        Arrays and tables, as `ga.plot_tracks` takes them, drawn at `regions`.
    regions
        Where: region strings, or a table; None: around the three highest predictions.
    figures
        More matplotlib figures, by what is written above them, such as those of `ga.plot_tracks`.
    title
        Of the page; None: the name of the run.
    overwrite
        Replace a file that is there.

    Raises
    ------
    StoreError
        When there is no run, or a file is in the way.
    RegionError, GenomeError, TypeError
        As of `ga.score`, `ga.plot_logo` and `ga.plot_tracks`; for `regions` without `tracks`, and
        predictions without labels.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "history.json").write_text('{"loss": [0.9, 0.7], "val_loss": [0.8, 0.75]}')
    >>> write_report(folder, folder / "report.html")
    >>> "val_loss" in (folder / "report.html").read_text()
    True
    """
    target, place = Path(path), Path(run)
    if target.exists() and not overwrite:
        raise StoreError(f"{target} exists; choose another path, or say overwrite=True")
    name = title or place.name
    sections = list(_of_run(place, y_true))
    if (y_true is None) != (y_pred is None):
        raise GenomeError("scores need both labels and predictions; give y_true= and y_pred=")
    if regions is not None and tracks is None:
        raise GenomeError("regions= says where tracks are drawn; give tracks= too")
    outputs = _by_output(y_true, y_pred)
    for output, (truth, guess) in outputs.items():
        sections += [
            (f"{head}: {output}" if len(outputs) > 1 else head, part)
            for head, part in _of_predictions(truth, guess, metrics, by)
        ]
    if attribution is not None:
        sections += _of_attribution(attribution)
    if tracks is not None:
        highest = next((guess for _, guess in outputs.values()), None)
        for label, figure in views_of(tracks, regions, highest):
            sections.append((f"Tracks at {label}", _picture(figure)))
    for text, figure in (figures or {}).items():
        sections.append((text, _picture(figure)))
    sections.append(("Provenance", _provenance(place, y_true, y_pred)))
    body = "\n".join(f"<h2>{html.escape(head)}</h2>\n{part}" for head, part in sections)
    page = (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{html.escape(name)}</title><style>{_STYLE}</style></head>\n"
        f"<body><h1>{html.escape(name)}</h1>\n{body}\n</body></html>\n"
    )
    building = target.with_name(f".{target.name}.building")
    building.write_text(page, encoding="utf-8")
    building.replace(target)


def _of_run(place: Path, scored: xr.DataArray | xr.Dataset | None) -> Iterator[tuple[str, str]]:
    """What was written beside the model."""
    told = compare({"run": place})
    fit, signature = _read(place, "fit"), _read(place, "signature")
    best = {n: told[n].item() for n in ("epochs", "best_epoch", "loss", "val_loss") if n in told}
    yield "Result", _pairs(best)
    if signature:
        yield "Data", _pairs(_data(signature, fit))
    parts = dict(fit.get("contigs", {}))
    if scored is not None:
        parts["scored here"] = count_by_contig(scored)
    if any(parts.values()):
        yield "Splits", _pairs(_splits(parts))
    if fit.get("layers"):
        yield "Model", _model(fit["layers"])
    if fit:
        yield "Training", _pairs({k: v for k, v in fit.items() if k not in _PARTS})
    yield "How it learned", _picture(plot_runs(told))


def _data(signature: Mapping[str, Any], fit: Mapping[str, Any]) -> dict[str, Any]:
    assembly = signature.get("assembly") or {}
    found: dict[str, Any] = {f"examples, {k}": v for k, v in fit.get("examples", {}).items()}
    if assembly:
        found["assembly"] = f"{assembly.get('name')} ({assembly.get('digest')})"
    if signature.get("width"):
        found["width"] = f"{signature['width']:,} bp"
    for kind in ("inputs", "targets"):
        for name, one in signature.get(kind, {}).items():
            sizes = ", ".join(f"{d}: {n:,}" for d, n in zip(one["dims"], one["shape"], strict=True))
            found[f"{kind[:-1]} {name}"] = f"({sizes or 'one value'}) {one['dtype']}{_cut(one)}"
    return found


def _cut(variable: Mapping[str, Any]) -> str:
    """How a variable was cut and normalized, where that was not left to defaults."""
    cut = variable.get("windows") or {}
    told = {k: cut[k] for k in ("flank", "reduce", "bin_size") if k in cut}
    if (normalizer := variable.get("attrs", {}).get("normalizer")) is not None:
        chain = normalizer if isinstance(normalizer, list) else [normalizer]
        told["normalized"] = [str(one.get("method")) for one in chain]
    return f"; {_text(told)}" if told else ""


def _splits(contigs: Mapping[str, Mapping[str, int]]) -> dict[str, str]:
    """Windows of each part, and where they lie."""
    return {
        part: f"{sum(counts.values()):,} windows on {_text(counts)}"
        for part, counts in contigs.items()
        if counts
    }


def _model(layers: Sequence[Mapping[str, Any]]) -> str:
    """Layers in order, and what they add up to."""
    rows = [
        {
            "layer": one["name"],
            "kind": one["kind"],
            "output": " x ".join(map(_text, one["shape"])) or "one value",
            "settings": _text({k: v for k, v in one.items() if k not in _LAYER}),
            "parameters": one["parameters"],
        }
        for one in layers
    ]
    total = sum(one["parameters"] for one in layers)
    return f"<p>{len(rows)} layers, {total:,} parameters</p>\n{_table(pd.DataFrame(rows))}"


def _by_output(
    y_true: xr.DataArray | xr.Dataset | None, y_pred: xr.DataArray | xr.Dataset | None
) -> dict[str, tuple[xr.DataArray, xr.DataArray]]:
    if y_true is None or y_pred is None:
        return {}
    if isinstance(y_true, xr.DataArray) and isinstance(y_pred, xr.DataArray):
        return {str(y_true.name): (y_true, y_pred)}
    if isinstance(y_true, xr.Dataset) and isinstance(y_pred, xr.Dataset):
        if missing := [str(n) for n in y_pred.data_vars if n not in y_true.data_vars]:
            raise GenomeError(f"there are predictions of {missing[0]!r}, and no such labels")
        return {str(name): (y_true[name], one) for name, one in y_pred.data_vars.items()}
    raise GenomeError("labels and predictions are an array and a Dataset; give two of one kind")


def _of_attribution(attribution: xr.DataArray | xr.Dataset) -> list[tuple[str, str]]:
    """Letters of each input that has some, and the share of each input."""
    arrays = (
        [attribution]
        if isinstance(attribution, xr.DataArray)
        else [one for one in attribution.data_vars.values() if channel_of(one) is not None]
    )
    shares = shares_of(attribution)
    first = arrays[0] if arrays else attribution
    told = _pairs({**shares, **first.attrs})
    parts = [("What it looks at", told)] if shares or first.attrs else []
    for one in arrays:
        name = f"Letters that matter, {one.name}" if len(arrays) > 1 else "Letters that matter"
        parts.append((name, _picture(logos_of(one))))
    return parts


def _of_predictions(
    y_true: xr.DataArray, y_pred: xr.DataArray, metrics: Sequence[str] | None, by: str | None
) -> list[tuple[str, str]]:
    """Scores of held-out windows, and their figures."""
    known = y_true.notnull()
    binary = bool((((y_true == 0) | (y_true == 1)) | ~known).all())
    if metrics is None:
        metrics = ["pearson", "spearman", "explained_variance", "mse"]
        if binary:
            metrics = ["auroc", "auprc", "f1", "log_loss"]
    parts = [("Scores", _table(scores_to_frame(score(y_true, y_pred, metrics))))]
    if by is not None and (by in y_true.coords or by in y_pred.coords):
        table = scores_to_frame(score(y_true, y_pred, metrics, by=by))
        parts.append((f"Scores by {by}", _table(table)))
    figure = plot_curves(curves(y_true, y_pred)) if binary else plot_scatter(y_true, y_pred)
    return [*parts, ("Curves" if binary else "Predictions and labels", _picture(figure))]


def _provenance(place: Path, *arrays: xr.DataArray | xr.Dataset | None) -> str:
    found: dict[str, Any] = {"run": place.name}
    found |= {f"version of {n}": v for n, v in _read(place, "fit").get("versions", {}).items()}
    signature = _read(place, "signature")
    for kind in ("inputs", "targets"):
        for name, one in signature.get(kind, {}).items():
            told = {k: v for k, v in one.get("attrs", {}).items() if k not in _SHOWN}
            found |= {f"{kind[:-1]} {name}: {key}": value for key, value in told.items()}
    for kind, array in zip(("labels", "predictions"), arrays, strict=True):
        if array is not None:
            found |= {f"{kind}: {key}": value for key, value in array.attrs.items()}
    return _pairs(found)


def _read(place: Path, name: str) -> dict[str, Any]:
    file = place / f"{name}.json"
    return dict(json.loads(file.read_text())) if file.is_file() else {}


def _pairs(told: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<tr><th>{html.escape(str(k))}</th><td>{html.escape(_text(v))}</td></tr>"
        for k, v in told.items()
        if v is not None
    )
    return f"<table>{rows}</table>"


def _table(frame: pd.DataFrame) -> str:
    head = "".join(f"<th>{html.escape(str(c))}</th>" for c in frame.columns)
    rows = "".join(
        "<tr>" + "".join(f"<td>{html.escape(_text(v))}</td>" for v in row) + "</tr>"
        for row in frame.itertuples(index=False)
    )
    return f"<table><tr>{head}</tr>{rows}</table>"


def _text(value: Any) -> str:
    if isinstance(value, float):
        return "not defined" if value != value else f"{value:.4g}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, Mapping):
        return ", ".join(f"{k}: {_text(v)}" for k, v in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value))
    return str(value)


def _picture(figure: Any) -> str:
    """A picture of twice as many pixels as it is wide, for screens that show them."""
    width = round(96 * figure.get_figwidth())
    data = base64.b64encode(png(figure, dpi=192)).decode()
    return f'<img alt="" width="{width}" src="data:image/png;base64,{data}">'
