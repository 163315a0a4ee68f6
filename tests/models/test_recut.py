"""Are windows that a signature makes again those of the training, wherever these were cut?"""

import json
from dataclasses import replace

import cloudpickle
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import genoarrays as ga
from genoarrays.models.probe import probe_of
from genoarrays.models.recut import variables_of
from genoarrays.models.signature import Signature

TOY = ga.Assembly("toy", {"chr1": 403, "chr2": 200, "chr3": 61})


def genome(seed=0, dtype="int64", assembly=TOY):
    rng = np.random.default_rng(seed)
    coords = ga.genome_coords(assembly)
    size = coords["position"].size
    reads = rng.integers(0, 9, (size, 3, 2)).astype(dtype)
    return xr.Dataset(
        {
            "dna": ("position", rng.integers(0, 5, size).astype("int8"), {"alphabet": "ACGT"}),
            "reads": (("position", "sample", "strand"), reads),
            "signal": ("position", rng.random(size).astype("float32")),
            "bound": ("position", rng.random(size) < 0.1),
        },
        coords,
    ).assign_coords(sample=["a", "b", "c"], strand=["+", "-"])


def signed(x, inputs=("dna", "reads"), targets="bound"):
    """Signature as a loaded model has it."""
    found = replace(Signature.of(x, inputs, targets), probe=probe_of(x, [*inputs, targets]))
    return Signature.from_json(json.loads(json.dumps(found.to_json())))


def again(x, regions, obj, **options):
    """Windows that the signature of `x` makes."""
    signature = signed(x, **options)
    names = [*signature.inputs, *signature.targets]
    made = signature.examples(obj, targets=True)(regions)
    xr.testing.assert_identical(made.compute(), x[names].compute())
    return made


REGIONS = ["chr1:0-40:+", "chr1:363-403:-", "chr3:21-61", "chr2:100-140:-", "chr1:101-141:+"]


@settings(max_examples=40, deadline=None)
@given(
    width=st.integers(1, 6),
    flank=st.sampled_from([0, 5, (5, 10), {"reads": 10}, {"dna": (3, 1), "reads": (0, 5)}]),
    how=st.sampled_from([None, "sum", "mean", "max", "min"]),
    binned=st.booleans(),
    seed=st.integers(0, 99),
    kind=st.sampled_from(["int64", "float32", "uint8"]),
)
def test_examples__are_the_training_windows(width, flank, how, binned, seed, kind):
    rng = np.random.default_rng(seed)
    ds = genome(seed, kind).fillna(0)
    if kind == "float32":
        ds["reads"] = ds.reads.where(rng.random(ds.reads.shape) < 0.9)
    width *= 5
    starts = rng.integers(0, 61 - width, 6)
    regions = [
        f"{contig}:{start}-{start + width}:{sign}"
        for contig, start, sign in zip(
            rng.choice(TOY.names, 6), starts, rng.choice(["+", "-", "."], 6), strict=True
        )
    ]
    reduce = {"bound": "max"} | ({"reads": how} if how else {})
    bins = {"reads": 5} if how and binned else None
    x = ga.windows(ds, regions, width, flank=flank, reduce=reduce, bin_size=bins)
    again(x, regions, ds)


@pytest.mark.parametrize("step", [17, 40, 50])
@pytest.mark.parametrize("partial", ["pad", "drop"])
def test_examples__of_tiles_are_padded_at_the_ends_of_contigs(step, partial):
    ds = genome()
    tiles = ga.tile_regions(ds, 40, step=step, partial=partial)
    again(ga.windows(ds, tiles, 40, flank=10, reduce={"bound": "max"}), tiles, ds)


def test_examples__keep_fill_anchor_and_snap():
    ds = genome(dtype="float32")
    regions = ["chr1:3-9:-", "chr1:390-403", "chr2:50-80:+"]
    options = {"fill": {"reads": -1.0, "dna": 0}, "reduce": {"bound": "max"}}
    for anchor in ("center", "start", "five_prime"):
        again(ga.windows(ds, regions, 40, anchor=anchor, flank=5, **options), regions, ds)
    table = ga.read_regions(regions, like=ds)
    table["summit"] = "region", np.array([5, 395, 60])
    x = ga.windows(ds, table, 20, anchor="summit", reduce={"bound": "max"})
    again(x, table, ds)
    # places of their own, of the width already
    signed(x).examples(ds)(["chr1:0-20"])
    coarse = ga.coarsen(ds[["reads"]], 5, "sum").assign(bound=ga.coarsen(ds.bound, 5, "max"))
    regions = ["chr1:13-33:-", "chr2:51-71"]
    x = ga.windows(coarse, regions, 20, snap="down", reduce={"bound": "max"})
    again(x, regions, coarse, inputs=["reads"])


def test_examples__of_counts_are_filled_with_0_where_floats_are_given():
    ds = genome()
    regions = ["chr1:380-400:+", "chr1:0-20"]
    x = ga.windows(ds, regions, flank=10, reduce={"bound": "max"})
    made = signed(x).examples(ds.assign(reads=ds.reads.astype("float64")))(regions)
    xr.testing.assert_equal(made.reads.astype("int64").compute(), x.reads.compute())


def test_examples__are_of_regions_of_any_length_where_windows_are():
    ds = genome()
    regions = ["chr1:0-40:+", "chr2:0-200", "chr3:0-10:-"]
    x = ga.windows(ds[["reads", "bound"]], regions, reduce="max")
    made = again(x, regions, ds, inputs=["reads"])
    assert made.reads.dims == ("window", "sample", "strand")


def test_examples__of_several_nodes():
    ds = genome()
    coarse = ga.coarsen(ds[["reads"]], 5, "sum").rename(reads="depth")
    fine = ds[["dna", "bound"]]
    tree = xr.DataTree.from_dict({"1bp": fine, "5bp": coarse})
    tiles = ga.tile_regions(ds, 40, step=20)
    x = ga.windows(tree, tiles, 40, flank=10, reduce={"bound": "max"})
    assert set(x.dims) >= {"offset_dna", "offset_depth"}
    again(x, tiles, tree, inputs=["dna", "depth"])
    # where all lie in one node now, the dimensions are those of the training
    flat = xr.DataTree.from_dict({"x": fine, "y": ds[["signal"]]})
    x = ga.windows(flat, tiles, 40, reduce={"bound": "max"})
    again(x, tiles, ds, inputs=["dna", "signal"])
    x = ga.windows(ds[["dna", "signal", "bound"]], tiles, 40, reduce={"bound": "max"})
    assert "offset" in x.dims
    again(x, tiles, flat, inputs=["dna", "signal"])


def test_examples__take_labels_by_name_in_any_order():
    ds = genome()
    x = ga.windows(ds, REGIONS, reduce={"bound": "max"})
    kept = x.sel(sample=["c", "a"])
    again(kept, REGIONS, ds)
    again(kept, REGIONS, ds.sel(sample=["b", "a", "c"]))
    one = signed(x.sel(sample="b")).examples(ds)(REGIONS)
    np.testing.assert_array_equal(one.reads, x.reads.sel(sample="b"))
    before = ga.windows(ds.sel(sample="b", strand="-"), REGIONS, reduce={"bound": "max"})
    made = signed(before).examples(ds)(REGIONS)
    np.testing.assert_array_equal(made.reads, before.reads)
    # a strand that is chosen of windows is that of the window, not of the genome
    after = x.sel(strand="-")
    assert not np.array_equal(after.reads.sel(sample="b"), before.reads)
    np.testing.assert_array_equal(signed(after).examples(ds)(REGIONS).reads, after.reads)


def test_examples__follow_other_names_dimensions_and_offsets():
    ds = genome()
    x = ga.windows(ds, REGIONS, flank={"dna": 10}, reduce={"bound": "max"})
    x = x.rename(dna="sequence", offset_reads="offset_here").isel(offset_here=slice(0, 7))
    x = x.isel(offset_dna=slice(3, 50)).transpose("window", "strand", "sample", ...)
    made = again(x, REGIONS, ds, inputs=["sequence", "reads"])
    assert made.reads.dims == ("window", "strand", "sample", "offset_here")


def test_examples__cut_one_variable_twice():
    ds = genome()
    near = ga.windows(ds[["dna", "bound"]], REGIONS, reduce={"bound": "max"})
    far = ga.windows(ds[["dna"]], REGIONS, flank=30).rename(dna="far", offset="offset_far")
    again(near.assign(far=far.far), REGIONS, ds, inputs=["dna", "far"])


@pytest.mark.parametrize("method", ["log1p", "zscore", "zscore_log", "bpm", "per_length", "clip"])
def test_examples__are_normalized_as_in_training(method):
    ds = genome(dtype="float32")
    options = {"reduce": {"bound": "max", "reads": "mean"}, "bin_size": {"reads": 10}}
    x = ga.windows(ds, REGIONS, **options)
    over = "position" if method == "bpm" else "window"
    stats = ga.fit_normalizer(ds.reads if method == "bpm" else x.reads, method, over=over)
    again(x.assign(reads=ga.normalize(x.reads, stats)), REGIONS, ds)
    chosen = x.sel(sample=["c", "b"])
    again(chosen.assign(reads=ga.normalize(chosen.reads, stats)), REGIONS, ds)


def test_examples__are_normalized_where_and_as_often_as_in_training():
    ds = genome(dtype="float32")
    scaled = ds.assign(reads=ga.normalize(ds.reads, ga.fit_normalizer(ds.reads, "bpm")))
    options = {"flank": {"reads": 10}, "reduce": {"bound": "max"}, "fill": {"reads": 3.0}}
    x = ga.windows(scaled, REGIONS, **options)
    logs = x.assign(reads=ga.normalize(x.reads, ga.fit_normalizer(x.reads, "log1p")))
    assert [told["method"] for told in logs.reads.attrs["normalizer"]] == ["bpm", "log1p"]
    for obj in (ds, scaled):
        again(logs, REGIONS, obj)
    other = ds.assign(reads=ga.normalize(ds.reads, ga.fit_normalizer(ds.reads, "log1p")))
    with pytest.raises(ga.GenomeError, match=r"'reads' was normalized by log1p, and .* by bpm"):
        signed(logs).examples(other)
    with pytest.raises(ga.GenomeError, match=r"'reads' was normalized by bpm, and .* not at all"):
        signed(ga.windows(ds, REGIONS, reduce={"bound": "max"})).examples(scaled)


def test_examples__leave_the_jitter_out():
    ds = genome()
    options = {"width": 40, "flank": 10, "reduce": {"bound": "max"}}
    x = ga.windows(ds, REGIONS, jitter=5, **options)
    made = signed(x).examples(ds, targets=True)(REGIONS)
    xr.testing.assert_identical(
        made[["dna", "reads", "bound"]].compute(),
        ga.windows(ds, REGIONS, **options)[["dna", "reads", "bound"]].compute(),
    )


def test_examples__hold_inputs_only_unless_targets_are_asked_for():
    ds = genome()
    x = ga.windows(ds, REGIONS, reduce={"bound": "max"})
    made = signed(x).examples(ds[["dna", "reads"]])(REGIONS)
    assert list(made.data_vars) == ["dna", "reads"]
    with pytest.raises(ga.GenomeError, match="no variable 'bound'; it has dna, reads"):
        signed(x).examples(ds[["dna", "reads"]], targets=True)


def test_examples__are_lazy_and_travel():
    ds = genome().chunk(position=50)
    x = ga.windows(ds, REGIONS, reduce={"bound": "max"})
    make = cloudpickle.loads(cloudpickle.dumps(signed(x).examples(ds)))
    made = make(REGIONS)
    assert all(v.chunks is not None for v in made.data_vars.values())
    np.testing.assert_array_equal(made.reads, x.reads)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: x.assign(reads=x.reads.drop_attrs()), "make 'reads' again: it was not cut"),
        (
            lambda x: x.assign(
                reads=ga.normalize(x.reads, ga.fit_normalizer(x.reads, "quantile", over="window"))
            ),
            "make 'reads' again: .* does not hold the numbers of method='quantile'",
        ),
        (
            lambda x: x.assign(
                reads=ga.normalize(x.reads, ga.fit_normalizer(x.reads, "log1p")).assign_attrs(
                    windows=json.dumps({"of": "reads", "normalizer": {"method": "zscore"}})
                )
            ),
            "its attribute `normalizer` was changed",
        ),
    ],
)
def test_examples__say_what_cannot_be_made_again(change, message):
    ds = genome()
    x = change(ga.windows(ds, REGIONS, reduce={"bound": "max"}))
    with pytest.raises(ga.GenomeError, match=message) as caught:
        signed(x).examples(ds)
    assert "give examples=" in str(caught.value)


def test_examples__of_sequences_without_places_cannot_be_made_again():
    dna = xr.DataArray(np.zeros((5, 8), "int8"), dims=("sequence", "offset"))
    x = xr.Dataset({"dna": dna, "bound": ("sequence", np.zeros(5))})
    assert probe_of(x, ["dna"]) == []
    with pytest.raises(ga.GenomeError, match="make 'dna' again"):
        Signature.of(x, "dna", "bound").examples(genome())


def test_examples__refuse_other_labels_and_genomes():
    ds = genome()
    x = ga.windows(ds, REGIONS, reduce={"bound": "max"})
    signature = signed(x)
    other = ds.assign_coords(sample=["a", "b", "d"])
    with pytest.raises(ga.RegionError, match=r"'reads' was trained on sample 'c', and .* has 'a'"):
        signature.examples(other)
    assert signature.examples(other, check=False)(REGIONS).sample.values.tolist() == ["a", "b", "d"]
    with pytest.raises(ga.RegionError, match=r"trained on sample 'b', and .* is of 'a'"):
        signed(x.sel(sample="b")).examples(ds.sel(sample="a"))
    with pytest.raises(ga.AssemblyError, match="lies on assembly 'other'"):
        signature.examples(genome(assembly=ga.Assembly("other", {"chr1": 664})))
    with pytest.raises(ga.RegionError, match="where should the window sit"):
        signature.examples(ds)(["chr1:0-50"])


def test_variables_of__names_nodes_that_share_a_name():
    tree = xr.DataTree.from_dict({"a": genome(), "b": genome()[["dna"]]})
    assert variables_of(tree, ["reads"])["reads"][0] == "a"
    with pytest.raises(ga.GenomeError, match="'dna' is in the nodes 'a' and 'b'"):
        variables_of(tree, ["dna"])
