"""What does each variant change in what a model predicts?

Both alleles are predicted in the window around the variant, side by side in each batch. Some
thousand neighbors on the genome are taken at a time: while they are predicted, the windows of the
next ones are cut. Only what is kept of the results grows with the number of variants, and with
`out` not even that.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays import __version__
from genoarrays.errors import GenomeError, RegionError
from genoarrays.formats.match import Renaming
from genoarrays.genome.columns import Columns
from genoarrays.inference.examples import Examples, examples_of
from genoarrays.inference.outputs import answers, outputs_of
from genoarrays.inference.tiles.predictor import Shared
from genoarrays.inference.tiles.probing import check_inputs, input_bytes
from genoarrays.inference.variants.effects import Effects, effects_of
from genoarrays.inference.variants.kept import InMemory, InStore, check_free
from genoarrays.inference.variants.pairs import Pairs
from genoarrays.inference.variants.placing import Placed, grid_of, place_variants, reference_of
from genoarrays.models.digest import digest_of_model
from genoarrays.models.saving import load_model
from genoarrays.models.signature import names_of
from genoarrays.options import track

__all__ = ["variant_effects"]

_BYTES = 2**26  # of windows that are held at once
_ROWS = 2**12  # variants

Array = npt.NDArray[Any]


def variant_effects(
    model: Any,
    variants: Any,
    examples: Examples | None = None,
    *,
    like: Any,
    width: int | None = None,
    targets: str | Sequence[str] | None = None,
    tracks: Any = None,
    scores: str | Sequence[str] | None = None,
    annotation: Any = None,
    mismatch: str = "skip",
    both_strands: str | None = None,
    pseudocount: float = 1.0,
    snap: int | None = None,
    rename_contigs: Renaming = None,
    inputs: str | Sequence[str] | None = None,
    batch_size: int = 256,
    check: bool = True,
    out: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    memory: int | str = "1 GiB",
    progress: bool | None = None,
) -> xr.Dataset:
    """Predict both alleles of variants, and compare.

    Parameters
    ----------
    model
        Keras model, or the path of one, as `ga.load_model` takes it.
    variants
        Path of a VCF or BCF, of which alleles of plain letters up to 50 bp are taken, multi-allelic
        records split; or a table as `ga.read_variants` gives it. In any order; the result has the
        same.
    examples
        The function that made the training examples: of a table of regions it gives windows with
        the model's inputs. None: as the model's signature says, from `like`.
    like
        The genome that REF is compared with: Dataset or DataTree with DNA at 1 bp, and, without
        `examples`, with all inputs. With `examples` the path of a FASTA serves, too.
    width
        bp of a window, without flanks, as in training; None for that of the signature.
    targets, tracks
        Names of the outputs, and labels along `track` (or `category`), to keep; None for all.
    scores
        Names of the variables to keep, see below; None for all.
    annotation
        Features with strands, such as genes: a table of regions or what `ga.read_regions` takes.
        Each variant is seen on the strand of its own feature, the one that holds the first base of
        its REF; of several the shortest, of equally short ones the first. Features without a strand
        are no features; a variant in none is seen on the plus strand, as all are without
        annotation.
    mismatch
        What to do where REF is not what the genome has: "skip" (leave the variant out), "flag"
        (score it: ALT in the place of as many bases as REF has; `ref_matches` is False), or
        "raise". In any case they are counted.
    both_strands
        "mean": of each allele the average of the prediction and that for the reverse complement.
    pseudocount
        c of `log2_ratio`.
    snap
        bp: windows start at the multiple of it that is nearest to where they should, for inputs
        that are stored in bins of that size. None: without `examples` the size of these bins.
    rename_contigs
        For contigs of files, of variants and annotation, as in `ga.read_variants`.
    inputs
        Names of the input variables, in the order of the model's inputs; None: the names of these.
    batch_size
        Windows per step; half of them hold the alternative allele.
    check
        Compare windows, width and assembly with what the model was made for (`model.signature`).
    out
        zarr store to write, for more than fits in memory.
    overwrite
        Replace a store that exists.
    memory
        Budget of the stream, see `ga.batches`.
    progress
        Show a progress bar; None: only on a terminal.

    Returns
    -------
    xr.Dataset
        One row for each alternative allele. Variables (variant, then the target's dims) float32:
        `ref_score`, `alt_score`; `difference`, alt - ref; of probabilities (sigmoid, softmax)
        `log_odds`, logit(alt) - logit(ref), of probabilities clipped to [1e-7, 1 - 1e-7], of other
        outputs `log2_ratio`, log2((alt + c) / (ref + c)), NaN where one of both is not above 0;
        without offsets for profiles `sum_difference`, `l2` (Euclidean distance) and `jsd`
        (Jensen-Shannon distance, natural logarithm, NaN for profiles with numbers below 0). Of
        several outputs names end in `_<output>`. Coordinates along `variant`: all columns of the
        table (contig, start, end, ref, alt, id, ...; 0-based), `window_start`, `orientation`
        (strand of the window), `feature` and `feature_name` with an annotation, `ref_matches` with
        "flag". `attrs["variants"]` counts "records" (or "variants" of a table), those "scored", and
        those left out by reason: as of `ga.read_variants`, "contig_too_short" (for the window),
        "off_axis" (not all of the window is on the axis of `like`).

    Raises
    ------
    InputError
        For a file that cannot be read; for REF that is not that of the genome, with "raise".
    AssemblyError, ContigError
        When variants, annotation, genome and model do not lie on one assembly, or most variants do
        not fit it.
    RegionError
        When width, inputs, labels or letters are not those of training, or `examples` gives other
        windows than it was asked for.
    StoreError
        When there is no model, or something is at `out` already.
    GenomeError
        For outputs, tracks, scores and words that are not known, a model without DNA, NaN in inputs
        or predictions, naming the first place; for a result above the byte limit.

    Notes
    -----
    The first base of REF lies at offset (width - 1) // 2 of the plus-strand window; flanks come on
    top. ALT is put there: behind a deletion more of the reference is taken on the right, behind an
    insertion less, so that the width stays. On the minus strand both windows are the reverse
    complements of these. Each input that holds codes of DNA is changed; all others are those of
    the place for both alleles. Ends of contigs are padded as in training. With `snap` the variant
    lies as much beside the middle as its window was moved; `window_start` tells.

    Examples
    --------
    >>> import genoarrays as ga, keras
    >>> coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 40}))
    >>> codes = np.tile(np.arange(4, dtype="int8"), 10)
    >>> ds = xr.Dataset({"dna": ("position", codes, {"alphabet": "ACGT"})}, coords)
    >>> entry = keras.Input((9,), dtype="int8", name="dna")
    >>> model = keras.Model(entry, keras.ops.sum(ga.models.OneHot()(entry)[..., 3], 1))  # counts T
    >>> variants = xr.Dataset(
    ...     {"contig": ("variant", ["chr1", "chr1"]), "start": ("variant", [12, 20]),
    ...      "ref": ("variant", ["A", "A"]), "alt": ("variant", ["T", "AT"])},
    ...     {"variant": ["chr1:12:A>T", "chr1:20:A>AT"]},
    ... )
    >>> effects = ga.variant_effects(
    ...     model, variants, lambda regions: ga.windows(ds, regions, 9), like=ds, width=9
    ... )
    >>> effects.difference.values
    array([1., 1.], dtype=float32)
    """
    if batch_size < 2:
        raise GenomeError(f"batch_size={batch_size} is not possible; give at least 2")
    if both_strands not in (None, "mean"):
        raise GenomeError(f"both_strands={both_strands!r} is not known; say 'mean' or None")
    if not pseudocount >= 0:
        raise GenomeError(f"pseudocount={pseudocount} is not possible; give 0 or more")
    if out is not None:
        check_free(out, overwrite)
    path = os.fspath(model) if isinstance(model, str | os.PathLike) else None
    if path is not None:
        model = load_model(path)
    signature = getattr(model, "signature", None)
    cut_by_signature = examples is None
    examples = examples_of(model, examples, like, check=check)
    width = _width(signature, width, check)
    names = [tensor.name for tensor in model.inputs] if inputs is None else names_of(inputs)
    given = outputs_of(model, signature)
    effects = effects_of(
        model, given, _listed(targets), _listed(tracks), _listed(scores), pseudocount
    )
    sources = _sources(signature, names)
    dna = reference_of(like, sources)
    if snap is None:
        snap = grid_of(like, sources) if cut_by_signature else 1
    placed = place_variants(
        variants, dna, width, _whole(snap), annotation, mismatch, rename_contigs
    )
    pairs = Pairs(examples, names, placed, width)
    step = _step(model, pairs, placed, check, batch_size)
    attrs = {
        "variants": placed.counts, "model": path or "not saved",
        "model_digest": digest_of_model(model), "width": width, "offset": (width - 1) // 2,
        "snap": placed.grid,
        "mismatch": mismatch, "both_strands": both_strands or "forward",
        "pseudocount": float(pseudocount), "source": _source(variants),
        "annotation": "none" if annotation is None else _source(annotation),
        "contig_lengths": _lengths(placed),
        "versions": {"genoarrays": __version__, "keras": keras.__version__},
    }  # fmt: skip
    labelled = _labelled(placed, effects).assign_attrs(attrs)
    template = {name: v for one in effects for name, v in one.template().items()}
    kept = InMemory(labelled, template) if out is None else InStore(
        out, overwrite, labelled, template
    )  # fmt: skip
    try:
        shared = Shared(model, batch_size)
        pieces = _pieces(placed.windows, kept.block, step)
        made = track(_ahead(pairs, pieces), len(pieces), "scoring variants", progress)
        for piece, pair in zip(pieces, made, strict=True):
            y = answers(
                shared, pair, names, given, [one.output for one in effects], batch_size,
                both_strands=both_strands, memory=memory, progress=False,
            )  # fmt: skip
            found: dict[str, Array] = {}
            for one in effects:
                both = y[one.output]
                _check(one.output, both, placed, piece)
                found |= one(both[::2], both[1::2])
            kept.add(piece, found)
    except BaseException:
        kept.discard()
        raise
    return kept.finish()


def _listed(names: Any) -> list[Any] | None:
    if names is None or isinstance(names, str):
        return None if names is None else [names]
    return list(np.atleast_1d(np.asarray(names, dtype=object)))


def _width(signature: Any, width: int | None, check: bool) -> int:
    trained = None if signature is None else signature.width
    if width is None and trained is None:
        raise RegionError("how wide are the windows? the model does not say; give width=, in bp")
    width = trained if width is None else int(width)
    if check and trained is not None and width != trained:
        raise RegionError(
            f"width={width:,} bp, and the model was trained on windows of {trained:,} bp; leave "
            "width= out, or say check=False if that is meant"
        )
    if width is None or width < 1:
        raise RegionError(f"width={width} is not possible; give at least 1 bp")
    return width


def _whole(snap: Any) -> int:
    if isinstance(snap, str) or int(snap) != snap or snap < 1:
        raise GenomeError(f"snap={snap!r} is not possible; give whole bp, such as the bin size")
    return int(snap)


def _sources(signature: Any, inputs: Sequence[str]) -> list[str]:
    """Names that the model's sequence may have where windows are cut from."""
    told = {} if signature is None else signature.inputs
    cut = [told[name].windows for name in inputs if name in told and told[name].windows]
    return [*(one["of"] for one in cut), *inputs]


def _lengths(placed: Placed) -> dict[str, int]:
    """Of contigs with a variant, in the order of the assembly."""
    windows, assembly = placed.windows, placed.windows.assembly
    assert assembly is not None
    codes = np.unique(windows.code).tolist()
    return {assembly.names[code]: int(assembly.lengths[code]) for code in codes}


def _source(given: Any) -> str:
    return os.fspath(given) if isinstance(given, str | os.PathLike) else "a table"


def _step(model: Any, pairs: Pairs, placed: Placed, check: bool, batch_size: int) -> int:
    """Variants of a piece, whole batches. Refuses inputs that do not fit."""
    if not placed.windows.size:
        return 1
    x = pairs.windows(placed.windows.take(slice(0, 1)), pairs.inputs)
    check_inputs(model, x, list(pairs.inputs), check)
    pairs.sequences(x)
    half = batch_size // 2
    most = min(_ROWS, _BYTES // max(2 * input_bytes(x, list(pairs.inputs)), 1))
    return max(most // half, 1) * half


def _pieces(windows: Columns, block: int, step: int) -> list[Array]:
    """Rows that are predicted together: of each block along the genome, whatever their order."""
    found: list[Array] = []
    for low in range(0, windows.size, max(block, 1)):
        some = windows.take(slice(low, low + block))
        order = low + np.lexsort((some.start, some.code))
        found += [order[first : first + step] for first in range(0, len(order), step)]
    return found


def _ahead(pairs: Pairs, pieces: Sequence[Array]) -> Iterator[xr.Dataset]:
    """Windows of each piece; those of the next are made while one is used."""
    with ThreadPoolExecutor(1, thread_name_prefix="genoarrays-variants") as pool:
        waiting = [pool.submit(pairs, p) for p in pieces[:1]]
        for piece in [*pieces[1:], None]:
            done = waiting.pop() if waiting else None
            if done is None:
                return
            pair = done.result()
            if piece is not None:
                waiting.append(pool.submit(pairs, piece))
            yield pair


def _labelled(placed: Placed, effects: Sequence[Effects]) -> xr.Dataset:
    """Coordinates of all variants and outputs."""
    table, windows = placed.table, placed.windows
    columns: Mapping[Any, Any] = {
        name: ("variant", v.values) for name, v in table.variables.items() if v.dims == ("variant",)
    }
    result = xr.Dataset(coords=dict(columns)).assign_coords(
        window_start=("variant", windows.start), orientation=("variant", windows.strands),
        assembly=table["assembly"].variable,
    )  # fmt: skip
    for one in effects:
        result = result.assign_coords(one.coords())
    return result


def _check(output: str, values: Array, placed: Placed, piece: Array) -> None:
    bad = np.isnan(values.reshape(len(values), -1)).any(axis=1)
    if bad.any():
        row = int(piece[int(np.argmax(bad)) // 2])
        raise GenomeError(
            f"the model predicts NaN for {output!r} around {placed.table['variant'].values[row]}; "
            "look at its weights, and at the inputs there: examples(regions)"
        )
