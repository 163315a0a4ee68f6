"""Which windows, or tracks, look alike to a model?

Hidden features, or anything else with a row for each window, laid out in a few dimensions; and the
order in which rows stand beside those that are like them.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays._optional import optional
from genoarrays.errors import GenomeError
from genoarrays.options import check_bytes

__all__ = ["cluster_order", "embed", "rows_with"]

Floats = npt.NDArray[np.float64]
_METHODS = ("pca", "tsne")


def embed(
    features: xr.DataArray,
    dim: Hashable | None = None,
    method: str = "pca",
    *,
    components: int = 2,
    perplexity: float = 30.0,
    seed: int = 0,
) -> xr.DataArray:
    """Lay rows of features out in few dimensions.

    Parameters
    ----------
    features
        Numbers with the dimension of the rows and others, which are laid end to end, such as
        hidden features of windows.
    dim
        Dimension of the rows; None: the first one.
    method
        "pca": principal components, by singular values of the centered features. "tsne": t-SNE of
        scikit-learn, which begins with those.
    components
        Dimensions of the result; 2 or 3 for "tsne".
    perplexity
        Of t-SNE: about how many neighbors a row has, less than rows.
    seed
        Of t-SNE.

    Returns
    -------
    xr.DataArray
        (dim, component) float64 with the coordinates of the rows; `component` is labelled PC1,
        PC2, ... or t-SNE 1, ... . For "pca" the coordinate `explained` is the share of the
        variance; the largest weight of a component is positive, so that signs are the same each
        time.

    Raises
    ------
    GenomeError
        For an unknown method or dimension, missing values, or too few rows or features.

    References
    ----------
    van der Maaten L, Hinton G (2008) Visualizing data using t-SNE. Journal of Machine Learning
    Research 9, 2579-2605.

    Examples
    --------
    >>> x = xr.DataArray([[0.0, 1.0], [1.0, 3.0], [2.0, 5.0]], dims=("window", "unit"))
    >>> found = embed(x, components=1)
    >>> found.component.values.tolist(), found.explained.values.round(6).tolist()
    (['PC1'], [1.0])
    """
    if method not in _METHODS:
        raise GenomeError(f"method={method!r} is not known; choose from {list(_METHODS)}")
    rows, dim = rows_with(features, dim)
    most = min(rows.shape)
    if not 1 <= components <= most:
        raise GenomeError(
            f"{components} components of {rows.shape[0]:,} rows and {rows.shape[1]:,} features are "
            f"not possible; give 1 to {most}"
        )
    centered = rows - rows.mean(0)
    left, spread, weights = np.linalg.svd(centered, full_matrices=False)
    largest = weights[np.arange(len(weights)), np.abs(weights).argmax(1)]
    signs = np.where(largest < 0, -1.0, 1.0)
    placed = (left * spread * signs)[:, :components]
    names = [f"PC{number}" for number in range(1, components + 1)]
    extra: dict[str, Any] = {}
    if method == "pca":
        total = (spread**2).sum()
        shares = spread[:components] ** 2 / total if total else np.zeros(components)
        extra = {"explained": ("component", shares, {"long_name": "share of the variance"})}
    else:
        if not 0 < perplexity < len(rows):
            raise GenomeError(
                f"perplexity={perplexity:g} is not possible for {len(rows):,} rows; give less"
            )
        manifold = optional("sklearn.manifold", purpose="t-SNE", extra="eval")
        # the first components hold what t-SNE needs, and distances of thousands are slow
        some = (left * spread * signs)[:, :50]
        tsne = manifold.TSNE(components, perplexity=perplexity, init="pca", random_state=seed)
        placed = tsne.fit_transform(some).astype(np.float64)
        names = [f"t-SNE {number}" for number in range(1, components + 1)]
    others = [d for d in features.dims if d != dim]
    labels = features.coords.to_dataset().drop_dims(others, errors="ignore")
    label = np.array(names, dtype=np.dtypes.StringDType())
    coords = labels.assign_coords(component=("component", label), **extra).coords
    return xr.DataArray(placed, coords, (dim, "component"), name=method)


def rows_with(features: xr.DataArray, dim: Hashable | None) -> tuple[Floats, Hashable]:
    """Features (row, feature) in memory, and the dimension of the rows.

    Raises
    ------
    GenomeError
        When the dimension is not there, a value is missing, or all do not fit the byte limit.
    """
    dim = features.dims[0] if dim is None and features.ndim else dim
    if dim not in features.dims or features.ndim < 2:
        raise GenomeError(
            f"{features.name!r} has the dims {features.dims}; give dim=, that of the rows, and "
            "features along another"
        )
    check_bytes(features.size * 8, "these features", "take fewer windows")
    values = features.transpose(dim, ...).values.astype(np.float64)
    rows = values.reshape(len(values), -1)
    if not np.isfinite(rows).all():
        missing = int((~np.isfinite(rows)).any(1).sum())
        raise GenomeError(
            f"{missing:,} of {len(rows):,} rows have features that are missing or infinite; "
            f"leave these out, as in features.dropna({dim!r})"
        )
    return rows, dim


def cluster_order(rows: Floats, metric: str = "correlation") -> tuple[Floats, list[int]]:
    """Tree of rows, as `scipy.cluster.hierarchy.linkage` gives it, and their order in it.

    Average linkage, leaves ordered so that neighbors are alike. Rows without spread correlate with
    none.
    """
    hierarchy = optional("scipy.cluster.hierarchy", purpose="clustering", extra="eval")
    distances = optional("scipy.spatial.distance", purpose="clustering", extra="eval")
    if len(rows) < 2:
        return np.empty((0, 4)), list(range(len(rows)))
    apart = np.nan_to_num(distances.pdist(rows, metric), nan=1.0)
    tree = hierarchy.linkage(np.maximum(apart, 0), "average", optimal_ordering=len(rows) <= 1000)
    return tree, hierarchy.leaves_list(tree).tolist()
