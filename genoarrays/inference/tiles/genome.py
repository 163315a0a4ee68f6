"""What does the model say along the whole genome?

Tiles of one width are laid over the contigs, predicted, and stitched to arrays on the genome axis
(`tiling.py`). Examples are made as in training, by the same function, in each worker. The result is
a lazy Dataset, or a store that is written part by part (`stitched.py`).
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import xarray as xr

from genoarrays import __version__
from genoarrays.errors import GenomeError, RegionError
from genoarrays.formats.lazy import as_variable
from genoarrays.formats.match import assembly_like
from genoarrays.genome.axis import GenomeAxis
from genoarrays.genome.index import axis_of, genome_coords
from genoarrays.genome.pyramid import without_levels
from genoarrays.inference.examples import Examples, examples_of
from genoarrays.inference.outputs import outputs_of
from genoarrays.inference.tiles.predicted import Predicted
from genoarrays.inference.tiles.predictor import Predictor
from genoarrays.inference.tiles.probing import check_inputs, digest_of_inputs, input_bytes
from genoarrays.inference.tiles.stitched import PredictionPlan, Stitched
from genoarrays.inference.tiles.tiling import OVERLAPS, Output, Tiling, output_of, strides_of
from genoarrays.models.saving import load_model
from genoarrays.models.signature import names_of
from genoarrays.store.document import plain
from genoarrays.store.open import open_datatree, open_zarr
from genoarrays.store.plan import plan
from genoarrays.store.schedule import in_processes
from genoarrays.store.site import site_of
from genoarrays.store.write import write

__all__ = ["predict_genome"]

_TILES = 8192  # of a part, at most: seconds for a small network
_BYTES = 2**25  # of a part's inputs, and of its outputs, at most, unless a batch is more
_PARTS = 8  # at least, where a part is a batch or more


def predict_genome(
    model: Any,
    examples: Examples | None = None,
    *,
    like: Any,
    width: int | None = None,
    step: int | None = None,
    contigs: str | Sequence[str] | None = None,
    out: str | os.PathLike[str] | None = None,
    overlap: str = "center",
    targets: str | Sequence[str] | None = None,
    inputs: str | Sequence[str] | None = None,
    batch_size: int = 128,
    both_strands: str | None = None,
    check: bool = True,
    client: Any = None,
    scheduler: str | None = None,
    workers: int = 2,
    overwrite: bool | str = False,
    chunk: int | None = None,
    shard: int | None = None,
    pyramid: Any = None,
    memory: int | str = "1 GiB",
    progress: bool | None = None,
    storage_options: Mapping[str, Any] | None = None,
) -> xr.Dataset | xr.DataTree:
    """Predict along the genome, tile by tile.

    Tiles start at every `step` bp of each contig, up to the first that reaches the contig's end; it
    is padded as in training, and so is the only one of a contig shorter than `width`. Tiles are
    laid by contig: the result does not depend on how the work is cut, beyond rounding (1e-6).

    Parameters
    ----------
    model
        Path of a model, as `ga.load_model` takes it, or a Keras model. Worker processes load a path
        once; a model that is not saved is sent to them.
    examples
        The function that made the training examples: called with a table of regions, it gives their
        windows, one for each, in order, with the model's inputs. It is called in each worker
        (cloudpickle takes it there). None: as the model's signature says, from `like`.
    like
        The genome: a Dataset or DataTree, whose regions are predicted where it holds regions only;
        an Assembly; or the path of a FASTA. Without `examples` it must hold the inputs.
    width
        bp of a tile, without flanks, as in training; None for that of the signature.
    step
        bp between tiles, at most `width`, which is the default.
    contigs
        Names of the contigs to predict; the others are not on the result's axis.
    out
        Store to write, as `ga.to_zarr` does: a directory or a URL. None: nothing is computed now.
    overlap
        Where tiles overlap: "center" takes for each bin the tile whose center is nearest (of two,
        the first); "mean" averages all tiles that cover it.
    targets
        Names of the outputs to keep; None for all.
    inputs
        Names of the input variables, in the order of the model's inputs; None: the names of these.
    batch_size
        Windows per step.
    both_strands
        "mean": the average with the prediction for the reverse complement, turned back.
    check
        Compare windows, width and assembly with what the model was made for (`model.signature`).
    client
        A `distributed.Client` that computes the parts; its workers must see `out`, the model and
        what `examples` reads. None takes the current client, if there is one.
    scheduler, workers
        Without a client: "threads" or "processes", and how many. One thread predicts at a time,
        while others cut windows and write.
    overwrite
        What to do with a store at `out` that was made of something else, or otherwise: as
        `ga.to_zarr`. The same store is left as it is; one that was interrupted goes on.
    chunk, shard, pyramid, progress, storage_options
        As for `ga.to_zarr`.
    memory
        Budget of the windows of a part, see `ga.batches`.

    Returns
    -------
    xr.Dataset or xr.DataTree
        The opened store, or the same lazily. Variables are named as the targets, (position, then
        the target's dims without offsets) float32. One value per window gives bins of `step` bp;
        a profile gives bins of its own size. Outputs of several bin sizes are nodes of a DataTree.
        Attributes tell the model and its digest, its signature, what the inputs were made of and a
        digest of them, and all options.

    Raises
    ------
    RegionError
        When width, inputs, labels or letters are not those of training, `examples` gives other
        windows than it was asked for, or the bins of an output do not lie on one grid; when there
        is nothing to predict.
    AssemblyError
        When the genome is not that of training.
    ContigError
        For a contig that is not there.
    StoreError
        When there is no model, or another store or an unfinished write of something else is at
        `out`; lists what differs.
    GenomeError
        For NaN in inputs or predictions, naming the first place; for unknown words and outputs.

    Notes
    -----
    With `out` inputs are made at the ends of all contigs first, and a digest of these tells whether
    the inputs changed when the same call comes again; then each tile is predicted once, whatever
    the number of outputs. A lazy array predicts when it is computed, for each output again.

    Examples
    --------
    >>> import genoarrays as ga, tempfile
    >>> coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 90, "chr2": 30}))
    >>> codes = np.tile(np.arange(4, dtype="int8"), 30)
    >>> ds = xr.Dataset({"dna": ("position", codes, {"alphabet": "ACGT"})}, coords)
    >>> def examples(regions):
    ...     return ga.windows(ds, regions, width=20, flank=10)
    >>> x = examples(ga.tile_regions(ds, 20)).assign(bound=("window", np.zeros(7, "float32")))
    >>> model = ga.models.classifier(x, "dna", "bound")
    >>> with tempfile.TemporaryDirectory() as there:
    ...     y = ga.predict_genome(model, examples, like=ds, width=20, out=f"{there}/y.zarr")
    ...     y.bound.sel(contig="chr1").position.values.tolist()
    [0, 20, 40, 60, 80]
    """
    if overlap not in OVERLAPS:
        raise GenomeError(f"overlap={overlap!r} is not known; say {' or '.join(OVERLAPS)}")
    path = model if isinstance(model, str | os.PathLike) else None
    if path is not None:
        model = load_model(path)
    examples = examples_of(model, examples, like, check=check)
    width, step = _sizes(model, width, step, check)
    names = [tensor.name for tensor in model.inputs] if inputs is None else names_of(inputs)
    strides = strides_of(_axis(like), step, None if contigs is None else names_of(contigs))
    tiling = Tiling(strides, width, overlap, _outputs(model, targets, width, step))
    predictor = Predictor(model, path, examples, tiling, names, batch_size, both_strands, memory)
    x = predictor.windows(tiling.sample(1))
    check_inputs(model, x, names, check)
    edges = _edges(tiling, input_bytes(x, names), batch_size)
    attrs = _told(predictor, x)
    if out is None:
        return _joined(_lazily(predictor, attrs, int(edges[1])))
    attrs |= {"inputs_digest": digest_of_inputs(predictor)}
    build = site_of(out, storage_options).build
    nodes: dict[str, dict[str, xr.Variable]] = {}
    for number, (name, output) in enumerate(tiling.outputs.items()):
        stitched = Stitched(build, number, tiling.place(name, edges), output.shape)
        variable = as_variable(stitched, ("position", *output.dims), None, name="", attrs=attrs)
        nodes.setdefault(f"{output.bin_size}bp", {})[name] = variable
    known = {"chunk": chunk, "shard": shard, "pyramid": pyramid}
    base = plan(_datasets(tiling, nodes), out, storage_options=storage_options, **known)
    job = PredictionPlan(
        base.site, base.nodes, base.layouts, base.kind, base.rungs, predictor,
        tuple(edges.tolist()), in_processes(client, scheduler),
    )  # fmt: skip
    if job.is_due(overwrite):
        write(job, client, scheduler, workers, overwrite is True, progress, "predicting")
    if len(nodes) == 1:
        return open_zarr(out, next(iter(nodes)), storage_options=storage_options)
    return open_datatree(out, storage_options=storage_options)


def _sizes(model: Any, width: int | None, step: int | None, check: bool) -> tuple[int, int]:
    """Sizes, in bp: of a tile, and between tiles."""
    signature = getattr(model, "signature", None)
    trained = None if signature is None else signature.width
    if width is None and trained is None:
        raise RegionError("how wide are the windows? the model does not say; give width=, in bp")
    width = trained if width is None else int(width)
    if check and trained is not None and width != trained:
        raise RegionError(
            f"width={width:,} bp, and the model was trained on windows of {trained:,} bp; leave "
            "width= out, or say check=False if that is meant"
        )
    assert width is not None
    step = width if step is None else int(step)
    if width < 1 or not 1 <= step <= width:
        raise RegionError(
            f"step={step:,} bp is not possible for tiles of {width:,} bp; give 1 to {width:,}: "
            "between tiles that lie apart nothing would be predicted"
        )
    return width, step


def _outputs(model: Any, targets: Any, width: int, step: int) -> dict[str, Output]:
    """Outputs by name, in the order of the model."""
    there = outputs_of(model, getattr(model, "signature", None))
    wanted = list(there) if targets is None else names_of(targets)
    if unknown := [name for name in wanted if name not in there]:
        raise GenomeError(
            f"the model has no output {unknown[0]!r}; it has {', '.join(map(repr, there))}"
        )
    return {n: output_of(n, s, width, step) for n, s in there.items() if n in wanted}


def _axis(like: Any) -> GenomeAxis:
    """What is there to predict: an axis of any bin size."""
    if isinstance(like, xr.DataTree):
        nodes = without_levels(like)
        like = next((ds for ds in nodes.values() if "position" in ds.dims), like)
    if isinstance(like, xr.Dataset | xr.DataArray) and "position" in like.dims:
        return axis_of(like)
    return GenomeAxis(assembly_like(like))


def _edges(tiling: Tiling, row: int, batch_size: int) -> Any:
    """First stride of each part, and the end: whole batches; `row` bytes of inputs per window."""
    given = max(sum(4 * int(np.prod(o.signature.shape)) for o in tiling.outputs.values()), 1)
    size = tiling.strides.size
    most = min(_TILES, _BYTES // max(row, given, 1), -(-size // _PARTS))
    count = max(-(-most // batch_size), 1) * batch_size
    return np.minimum(np.arange(0, size + count, count), size)


def _told(predictor: Predictor, x: xr.Dataset) -> dict[str, Any]:
    """All that decides predictions, as attributes."""
    signature = predictor.signature
    return {
        "model": predictor.path or "not saved",
        "model_digest": predictor.digest,
        "signature": None if signature is None else signature.to_json(),
        "inputs": {name: plain(x[name].attrs) for name in predictor.inputs},
        "width": predictor.tiling.width,
        "step": predictor.tiling.step,
        "overlap": predictor.tiling.overlap,
        "both_strands": predictor.both_strands or "forward",
        "batch_size": predictor.batch_size,
        "versions": {"genoarrays": __version__, "keras": keras.__version__},
    }


def _lazily(predictor: Predictor, attrs: Mapping[str, Any], strides: int) -> dict[str, xr.Dataset]:
    """Datasets by node that predict when they are computed."""
    nodes: dict[str, dict[str, xr.Variable]] = {}
    # functions have no digest that is the same in every process: a name of its own each time
    mine = uuid.uuid4().hex[:12]
    for name, output in predictor.tiling.outputs.items():
        ratio = predictor.tiling.step // output.bin_size
        variable = as_variable(
            Predicted(predictor, name), ("position", *output.dims), strides * ratio,
            name=f"predict-{name}-{mine}", attrs=attrs,
        )  # fmt: skip
        nodes.setdefault(f"{output.bin_size}bp", {})[name] = variable
    return _datasets(predictor.tiling, nodes)


def _datasets(
    tiling: Tiling, nodes: Mapping[str, Mapping[str, xr.Variable]]
) -> dict[str, xr.Dataset]:
    """Datasets of variables by node, labelled."""
    found = {}
    for node, variables in nodes.items():
        ds = xr.Dataset(variables, genome_coords(tiling.axes[next(iter(variables))]))
        for name in variables:
            ds = ds.assign_coords(tiling.outputs[name].coords)
        found[node] = ds
    return found


def _joined(nodes: dict[str, xr.Dataset]) -> xr.Dataset | xr.DataTree:
    return next(iter(nodes.values())) if len(nodes) == 1 else xr.DataTree.from_dict(nodes)
