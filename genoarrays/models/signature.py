"""What does a model take, and what do its outputs mean?

A Keras model knows shapes only. The signature adds what the windows Dataset knew when the model was
made: dims, labels, offsets in bp, alphabet and assembly of each input and target. It is kept on the
model (`model.signature`), written beside it as JSON, and compared with whatever the model is asked
to predict on: a swapped sample or another flank would otherwise give wrong numbers silently.

No Keras in here: JSON can be looked at without TensorFlow.
"""

from __future__ import annotations

import json
import os
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from genoarrays.errors import AssemblyError, RegionError
from genoarrays.examples.margin import without_margin
from genoarrays.examples.record import CUT, chosen_of, cut_of
from genoarrays.genome.example import EXAMPLES, example_dim

if TYPE_CHECKING:
    from genoarrays.models.recut import Recut

__all__ = ["Signature", "VariableSignature", "names_of", "read_signature"]

Labels = dict[str, int] | list[Any]


def names_of(variables: str | Sequence[str]) -> list[str]:
    """The names in `inputs=` or `targets=`, which is one name or several."""
    return [variables] if isinstance(variables, str) else list(variables)


@dataclass(frozen=True)
class VariableSignature:
    """One input or target: everything but its values and the dimension of the examples.

    `labels` holds, by dimension, a list, or first, step and size when the labels are evenly spaced
    numbers, as offsets are (in bp from the window's own 5' end). `windows` tells how `ga.windows`
    cut it, see `ga.windows`; None where it did not. `chosen` holds the labels of dimensions that
    were selected away from the windows. The attribute `normalizer` tells what was done to them.
    """

    dims: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: str
    labels: dict[str, Labels] = field(default_factory=dict)
    attrs: dict[str, Any] = field(default_factory=dict)
    windows: dict[str, Any] | None = None
    chosen: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, variable: xr.DataArray) -> VariableSignature:
        """Signature of a variable of a Dataset of windows or sequences, without a margin."""
        variable = without_margin(variable)
        dims = tuple(str(dim) for dim in variable.dims if dim not in EXAMPLES)
        return cls(
            dims=dims,
            shape=tuple(variable.sizes[dim] for dim in dims),
            dtype=str(variable.dtype),
            labels={d: _pack(variable[d]) for d in dims if d in variable.coords},
            attrs={
                str(k): v
                for k, v in variable.attrs.items()
                if k != CUT and (_is_plain(v) or (k == "normalizer" and _is_plain_tree(v)))
            },
            windows=cut_of(variable),
            chosen=chosen_of(variable),
        )

    @property
    def offset(self) -> str | None:
        """Name of the offset dimension, if there is one."""
        return next((dim for dim in self.dims if dim.startswith("offset")), None)

    def coords(self) -> dict[Hashable, Any]:
        """Labels by dimension, as xarray takes them."""
        return {dim: (dim, _unpack(labels)) for dim, labels in self.labels.items()}

    def renamed(self, old: str, new: str) -> VariableSignature:
        """The same with another name for a dimension."""
        dims = tuple(new if dim == old else dim for dim in self.dims)
        labels = {new if dim == old else dim: found for dim, found in self.labels.items()}
        return replace(self, dims=dims, labels=labels)

    def differs(self, other: VariableSignature) -> str | None:
        """In words, how `other` cannot stand in for this variable; None if it can."""
        if other.offset and self.offset:  # `offset` of one cut, `offset_dna` of several at once
            other = other.renamed(other.offset, self.offset)
        if other.dims != self.dims:
            return f"has the dims {other.dims} of an example, not {self.dims}"
        for dim, there, wanted in zip(self.dims, other.shape, self.shape, strict=True):
            if there != wanted:
                return f"has {there:,} along {dim!r}, not {wanted:,}"
        for dim, wanted_labels in self.labels.items():
            if other.labels.get(dim, wanted_labels) != wanted_labels:
                there_text, wanted_text = _show(other.labels[dim]), _show(wanted_labels)
                return f"is labelled {there_text} along {dim!r}, not {wanted_text}"
        letters, wanted_letters = other.attrs.get("alphabet"), self.attrs.get("alphabet")
        if letters != wanted_letters:
            return f"has the alphabet {letters!r}, not {wanted_letters!r}"
        return None


@dataclass(frozen=True)
class Signature:
    """Inputs and targets of a model, the assembly their windows lay on, and their width in bp.

    `orders` are the lengths of the k-mers that sequence is read in. `probe` holds a few numbers of
    some training windows, to see whether windows that are cut again are the same.
    """

    inputs: dict[str, VariableSignature]
    targets: dict[str, VariableSignature]
    assembly: dict[str, str] | None = None
    width: int | None = None
    orders: list[int] = field(default_factory=list)
    probe: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def of(
        cls, x: xr.Dataset, inputs: str | Sequence[str], targets: str | Sequence[str]
    ) -> Signature:
        """Signature of a windows Dataset.

        Parameters
        ----------
        x
            Dataset of windows or sequences.
        inputs, targets
            Names of variables in it.

        Returns
        -------
        Signature
            Of these variables; `assembly` has the name and the digest when `x` has one, `width` is
            that of all windows when they have one.

        Raises
        ------
        RegionError
            When `x` lacks one of them, or it has no dimension `window` or `sequence`.

        Examples
        --------
        >>> dna = xr.DataArray(np.zeros((5, 8), "int8"), dims=("window", "offset"))
        >>> x = xr.Dataset({"dna": dna, "label": ("window", np.zeros(5, "float32"))})
        >>> Signature.of(x, "dna", "label").inputs["dna"].shape
        (8,)
        """
        return cls(
            inputs={name: VariableSignature.of(variable(x, name)) for name in names_of(inputs)},
            targets={name: VariableSignature.of(variable(x, name)) for name in names_of(targets)},
            assembly=_assembly(x),
            width=_width(x),
        )

    def check(self, x: xr.Dataset) -> None:
        """Refuse windows that the model was not made for.

        Raises
        ------
        RegionError
            When an input is missing or has other dims, sizes, labels or letters.
        AssemblyError
            When the windows lie on another assembly.
        """
        for name, wanted in self.inputs.items():
            if (difference := wanted.differs(VariableSignature.of(variable(x, name)))) is not None:
                raise RegionError(
                    f"input {name!r} {difference} as in training; make the windows with the same "
                    f"width, flank, bin size, samples and order of labels"
                )
        self.check_assembly(_assembly(x), "windows lie")

    def check_assembly(self, there: Mapping[str, str] | None, what: str) -> None:
        """Refuse another assembly than that of the training, where both are known.

        Raises
        ------
        AssemblyError
            Says which they are.
        """
        if self.assembly and there and there["digest"] != self.assembly["digest"]:
            raise AssemblyError(
                f"the {what} on assembly {there['name']!r} ({there['digest']}), the model was "
                f"trained on {self.assembly['name']!r} ({self.assembly['digest']}); if contig "
                f"names and lengths may differ here, say check=False"
            )

    def examples(
        self, obj: xr.Dataset | xr.DataTree, *, check: bool = True, targets: bool = False
    ) -> Recut:
        """Make the windows of the training again, at other regions or from other data.

        Parameters
        ----------
        obj
            Dataset or DataTree on the genome axis with the variables that the training windows were
            cut from.
        check
            Compare assembly and labels with those of the training, and, where `obj` has the regions
            of some training windows, their values there.
        targets
            With the targets too.

        Returns
        -------
        callable
            Of a table of regions, or anything that `ga.read_regions` takes. Gives windows as
            `ga.windows` does, of the same width, flanks, reductions, bins and labels, normalized as
            those of the training were; without a jitter. The first call compares values.

        Raises
        ------
        GenomeError
            When an input was not made by `ga.windows` and `ga.normalize`, or `obj` lacks one.
        AssemblyError
            When `obj` lies on another assembly.

        Examples
        --------
        >>> import genoarrays as ga
        >>> coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 8}))
        >>> ds = xr.Dataset({"x": ("position", np.arange(8.0))}, coords).assign(y=lambda d: d.x)
        >>> x = ga.windows(ds, ["chr1:0-4"], reduce={"y": "max"})
        >>> examples = Signature.of(x, "x", "y").examples(ds)
        >>> examples(["chr1:4-8", "chr1:4-8:-"]).x.values
        array([[4., 5., 6., 7.],
               [7., 6., 5., 4.]])
        """
        from genoarrays.models.recut import Recut

        return Recut(self, obj, check=check, targets=targets)

    def to_json(self) -> dict[str, Any]:
        """The same as plain dicts and lists, for `json.dump`."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Signature:
        """The signature that `to_json` wrote."""

        def read(variables: Mapping[str, Any]) -> dict[str, VariableSignature]:
            return {
                name: VariableSignature(tuple(v["dims"]), tuple(v["shape"]), **_rest(v))
                for name, v in variables.items()
            }

        # older files do not tell how windows were cut
        known = {k: stored[k] for k in ("assembly", "width", "orders", "probe") if k in stored}
        return cls(read(stored["inputs"]), read(stored["targets"]), **known)


def read_signature(model: str | os.PathLike[str]) -> Signature | None:
    """The signature beside a saved model; None where there is none. Loads no model.

    Parameters
    ----------
    model
        Directory that `fit(out=)` wrote, or a `.keras` file.
    """
    place = Path(model)
    file = place / "signature.json" if place.is_dir() else place.with_name("signature.json")
    return Signature.from_json(json.loads(file.read_text())) if file.is_file() else None


def variable(x: xr.Dataset, name: str) -> xr.DataArray:
    """The variable `name` of a Dataset, checked to have examples."""
    if name not in x.data_vars:
        raise RegionError(f"these windows have no variable {name!r}; they have {list(x.data_vars)}")
    example_dim(x[name])
    return x[name]


def _rest(stored: Mapping[str, Any]) -> dict[str, Any]:
    known = ("dtype", "labels", "attrs", "windows", "chosen")
    return {key: stored[key] for key in known if key in stored}


def _assembly(x: xr.Dataset) -> dict[str, str] | None:
    if "assembly" not in x.coords:
        return None
    attrs = x.coords["assembly"].attrs
    return {"name": str(attrs.get("name", "")), "digest": str(attrs.get("digest", ""))}


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | float | bool)


def _is_plain_tree(value: Any) -> bool:
    """Whether JSON can hold it: what a normalizer was fitted to is a dict of lists."""
    if isinstance(value, Mapping):
        return all(isinstance(k, str) and _is_plain_tree(v) for k, v in value.items())
    if isinstance(value, list):
        return all(map(_is_plain_tree, value))
    return value is None or _is_plain(value)


def _width(x: xr.Dataset) -> int | None:
    """Width of the windows in bp: as offsets tell, since a last tile may be short; or of all."""
    for coordinate in x.coords.values():
        if "width" in coordinate.attrs and str(coordinate.name).startswith("offset"):
            return int(coordinate.attrs["width"])
    if not {"start", "end", "window"} <= set(x.coords) | set(x.dims) or not x.sizes["window"]:
        return None
    widths = np.unique(np.asarray(x["end"].values) - np.asarray(x["start"].values))
    return int(widths[0]) if len(widths) == 1 else None


def _pack(coordinate: xr.DataArray) -> Labels:
    values = coordinate.values
    if values.dtype.kind in "iu" and values.size:
        first = int(values[0])
        single = int(coordinate.attrs.get("bin_size", 1))
        step = int(values[1]) - first if values.size > 1 else single
        if np.array_equal(values, first + step * np.arange(values.size)):
            return {"first": first, "step": step, "size": values.size}
    return [value if _is_plain(value) else str(value) for value in values.tolist()]


def _unpack(labels: Labels) -> Any:
    if isinstance(labels, dict):
        return labels["first"] + labels["step"] * np.arange(labels["size"])
    return labels


def _show(labels: Labels) -> str:
    if isinstance(labels, dict):
        return f"from {labels['first']:,} in steps of {labels['step']:,}"
    return str(labels if len(labels) <= 6 else [*labels[:6], "..."])
