"""What does the genome have where each variant lies?

Variants are looked up on the axis, and what they need is read chunk by chunk of the arrays, from
the first to the last variant in each: few long reads, in whatever order the variants are.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from genoarrays.errors import AssemblyError, ContigError, GenomeError
from genoarrays.genome.assembly import Assembly
from genoarrays.genome.axis import GenomeAxis
from genoarrays.genome.index import axis_of
from genoarrays.genome.naming import guess_mapping
from genoarrays.ops.picked import picked

__all__ = ["annotate_variants"]

Ints = npt.NDArray[np.int64]
_SHOWN = 30  # pairs of a proposed renaming that are written out


def annotate_variants(variants: xr.Dataset, obj: xr.Dataset | xr.DataArray) -> xr.Dataset:
    """Add the values of arrays on the genome to variants, lazily.

    Parameters
    ----------
    variants
        Table that `ga.read_variants` gives: dimension `variant`, with `contig` and `start`,
        0-based. Or a dataset as sgkit and bio2zarr lay it out [1]_: dimension `variants`, with
        `variant_contig` and `variant_position`, 1-based, and the names of the contigs in
        `contig_id` or `attrs["contigs"]`. In any order; several may lie on one base.
    obj
        Dataset or named DataArray on a genome axis, of any bin size; variables without `position`
        are left out.

    Returns
    -------
    xr.Dataset
        `variants` with a variable more for each of `obj`: (variant, ...) the bin that holds the
        first base of the variant, REF's. Lazy where the array is not in memory. Where the axis does
        not hold it (on another contig, past its end, between regions) floats are NaN, codes are the
        unknown letter, and other integers and booleans become floats with NaN; how many these are
        stands in `attrs["variants_off_axis"]`. Contigs and positions are read at once.

    Raises
    ------
    GenomeError
        For something that is neither of these, or names that both have.
    AssemblyError, ContigError
        When the variants lie on another genome, or none of their contigs is on this one.

    References
    ----------
    .. [1] https://sgkit-dev.github.io/sgkit/latest/user_guide.html#datasets

    Examples
    --------
    >>> import genoarrays as ga
    >>> coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 4, "chr2": 3}))
    >>> x = xr.DataArray(np.arange(7.0), coords, ["position"], name="score")
    >>> calls = xr.Dataset(
    ...     {"variant_contig": ("variants", [1, 0]), "variant_position": ("variants", [3, 1])},
    ...     attrs={"contigs": ["chr1", "chr2"]},
    ... )
    >>> ga.annotate_variants(calls, x).score.values
    array([6., 0.])
    """
    if isinstance(obj, xr.DataArray):
        if obj.name is None:
            raise GenomeError("this array has no name for its variable; use array.rename('name')")
        obj = obj.to_dataset()
    arrays = {n: a for n, a in obj.data_vars.items() if "position" in a.dims}
    if not arrays:
        raise GenomeError("there is nothing to add: no variable has the dimension `position`")
    axis = axis_of(obj)
    sites = _sites(variants)
    place = _places(sites, axis)
    off = int(np.count_nonzero(place < 0))
    data: dict[Hashable, Any] = {}
    labels: dict[Hashable, Any] = {}
    for name, array in arrays.items():
        labels |= _labels(variants, name, array)
        rest = [dim for dim in array.dims if dim != "position"]
        flat = array.variable.transpose("position", *rest)
        data[name] = ([sites.dim, *rest], picked(flat, place, *_missing(array, off)), array.attrs)
    result = variants.assign(data).assign_coords(labels)
    return result.assign_attrs(variants_off_axis=off)


class _Sites(NamedTuple):
    """Contig, as a code into names, and first base of variants, 0-based."""

    dim: str
    names: list[str]
    code: Ints
    start: Ints
    lengths: dict[str, int]  # of contigs, where they are told
    assembly: xr.DataArray | None


def _sites(variants: xr.Dataset) -> _Sites:
    assembly = variants.coords.get("assembly")
    if "variant" in variants.dims and {"contig", "start"} <= set(variants.variables):
        code, found = pd.factorize(variants["contig"].values.astype(object))
        start = variants["start"].values.astype(np.int64)
        return _Sites("variant", [str(one) for one in found], code, start, {}, assembly)
    wanted = {"variant_contig", "variant_position"}
    if "variants" in variants.dims and wanted <= set(variants.variables):
        listed: Any = variants.attrs.get("contigs")
        if "contig_id" in variants:
            listed = variants["contig_id"].values.tolist()
        if listed is None:
            raise GenomeError(
                "these variants do not tell the names of their contigs; add them: "
                "ds.assign(contig_id=('contigs', names))"
            )
        names = [one.decode() if isinstance(one, bytes) else str(one) for one in listed]
        lengths = variants["contig_length"].values.tolist() if "contig_length" in variants else []
        code = variants["variant_contig"].values.astype(np.int64)
        start = variants["variant_position"].values.astype(np.int64) - 1
        return _Sites(
            "variants", names, code, start, dict(zip(names, lengths, strict=False)), assembly
        )
    raise GenomeError(
        f"a dataset with the dimensions {tuple(variants.sizes)} is no table of variants; give what "
        "ga.read_variants gives (variant: contig, start), or what sgkit and bio2zarr have "
        "(variants: variant_contig, variant_position)"
    )


def _places(sites: _Sites, axis: GenomeAxis) -> Ints:
    """Position of each variant on the axis, -1 for none."""
    assembly = axis.assembly
    if sites.assembly is not None and str(sites.assembly.values) != assembly.digest:
        name = sites.assembly.attrs.get("name")
        raise AssemblyError(
            f"these variants lie on {name!r} and the arrays on {assembly.name!r}: they are "
            "different assemblies; read both with the same like=, or, where their contigs are the "
            "same, leave it out: variants.drop_vars('assembly')"
        )
    common = [name for name in sites.names if name in assembly]
    if sites.names and not common:
        raise ContigError(_nothing_in_common(sites, assembly))
    for name in common:
        length = int(sites.lengths.get(name, assembly.length(name)))
        if length != assembly.length(name):
            raise AssemblyError(
                f"contig {name!r} has {length:,} bp where these variants lie and "
                f"{assembly.length(name):,} bp in assembly {assembly.name!r}: another genome, or "
                "another version of it"
            )
    # one more, for variants without a contig
    codes = [assembly.code(name) if name in assembly else -1 for name in sites.names]
    known = (sites.code >= 0) & (sites.code < len(codes))
    code = np.array([*codes, -1])[np.where(known, sites.code, -1)]
    on = (code >= 0) & (sites.start >= 0) & (sites.start < assembly.lengths[code])
    place = np.full(len(code), -1)
    place[on] = axis.locate(code[on], sites.start[on] // axis.bin_size)
    return place


def _nothing_in_common(sites: _Sites, assembly: Assembly) -> str:
    shown = ", ".join(sites.names[:3])
    more = f", ... {len(sites.names):,} contigs" if len(sites.names) > 3 else ""
    message = (
        f"none of the contigs of these variants ({shown}{more}) is in assembly {assembly.name!r} "
        f"({assembly.listing()}); if they are the same, rename those of the arrays: "
        "ga.rename_contigs(obj, "
    )
    have = dict(zip(assembly.names, assembly.lengths.tolist(), strict=True))
    mapping = guess_mapping(have, {n: sites.lengths.get(n) for n in sites.names})
    shown = str(mapping) if 0 < len(mapping) <= _SHOWN else "{'its name': 'name of the variants'}"
    return f"{message}{shown})"


def _labels(variants: xr.Dataset, name: Hashable, array: xr.DataArray) -> dict[Hashable, Any]:
    """Labels that a variable brings; refuses what bears a name that the variants have."""
    if name in variants.variables or name in variants.dims:
        raise GenomeError(
            f"the variants have a variable {name!r} already; rename one: "
            f"obj.rename({{{name!r}: 'my_{name}'}})"
        )
    rest = [dim for dim in array.dims if dim != "position"]
    found: dict[Hashable, Any] = {}
    for label, coord in array.coords.items():
        if not coord.dims or not set(coord.dims) <= set(rest):
            continue
        if label not in variants.variables:
            found[label] = (coord.dims, coord.values, coord.attrs)
        elif not coord.variable.equals(variants[label].variable):
            raise GenomeError(_clash(label, name))
    for dim in rest:
        if dim in variants.dims and (dim in found or dim not in array.coords):
            raise GenomeError(_clash(dim, name))
    return found


def _clash(label: Hashable, name: Hashable) -> str:
    return (
        f"the variants have {label!r}, and so has {name!r}, with other labels; rename one: "
        f"obj.rename({{{label!r}: 'my_{label}'}})"
    )


def _missing(array: xr.DataArray, off: int) -> tuple[np.dtype[Any], Any]:
    """Type of what is picked, and what stands for nothing."""
    if array.dtype.kind not in "biuf":
        raise GenomeError(f"{array.name!r} has {array.dtype}, and only numbers are added; drop it")
    if "alphabet" in array.attrs:
        return array.dtype, len(array.attrs["alphabet"])
    if array.dtype.kind == "f" or not off:
        return array.dtype, np.nan
    return np.dtype(np.float32 if array.dtype.itemsize <= 2 else np.float64), np.nan
