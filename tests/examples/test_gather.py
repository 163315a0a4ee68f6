import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import genoarrays as ga
from genoarrays.genome.regions import regions_dataset
from tests.examples import brute
from tests.examples.brute import COMPLEMENT

GENOMES = brute.GENOMES
BINS = st.sampled_from([1, 2, 3])


@st.composite
def cases(draw, grid):
    """A genome, tiles of one width or shorter, and flanks, reductions, fills by variable."""
    number = draw(st.integers(0, len(GENOMES) - 1))
    lengths = GENOMES[number]
    width = draw(st.integers(1, 8)) * grid
    rows = draw(brute.rows(lengths, width, grid=grid))
    names = list((brute.fine if grid == 1 else brute.coarse)({"chr1": 5}).data_vars)
    side = st.integers(0, 6).map(lambda n: n * grid)
    flank = {name: draw(st.one_of(side, st.tuples(side, side))) for name in names}
    reduce, bin_size, fill = {}, {}, {}
    for name in names:
        if draw(st.booleans()):
            fill[name] = draw(st.integers(0, 1))
        if name == "dna" or draw(st.booleans()):
            continue
        reduce[name] = draw(st.sampled_from(["mean", "sum", "max", "min"]))
        if draw(st.booleans()):
            bin_size[name] = bins = draw(BINS) * grid
            flank[name] = 0 if width % bins else (flank_of(draw, bins), flank_of(draw, bins))
    options = {"flank": flank, "reduce": reduce, "bin_size": bin_size, "fill": fill}
    return number, rows, width, options, draw(st.integers(1, 4))


def flank_of(draw, bins):
    return draw(st.integers(0, 2)) * bins


@pytest.mark.parametrize("kind", brute.KINDS)
@pytest.mark.parametrize("node", ["1bp", "5bp"])
@settings(max_examples=12)
@given(data=st.data())
def test_windows__equal_brute_force(genomes, node, kind, data):
    number, rows, width, options, block = data.draw(cases(1 if node == "1bp" else brute.BIN))
    _, nodes, sources, _ = genomes[number]
    regions = brute.tiles(rows, width, nodes[node])
    x = ga.windows(sources[node][kind], regions, width, valid=True, block=block, **options)
    expected, masks = brute.brute(nodes[node], rows, width, **options)
    x = x.compute(scheduler="synchronous")
    brute.check(x, expected, rows)
    for name, mask in masks.items():
        np.testing.assert_array_equal(x[f"valid_{name}"], mask)
    assert x.contig.values.tolist() == [row[0] for row in rows]
    assert x.orientation.values.tolist() == [row[3] for row in rows]


@settings(max_examples=20)
@given(data=st.data(), kind=st.sampled_from(brute.KINDS))
def test_windows__of_a_tree_equal_brute_force(genomes, data, kind):
    number, rows, width, options, block = data.draw(cases(brute.BIN))
    _, nodes, _, trees = genomes[number]
    options["flank"] |= {"dna": (10, 5), "signal": 3}
    x = ga.windows(
        trees[kind], brute.tiles(rows, width, nodes["1bp"]), width, block=block, **options
    )
    x = x.compute(scheduler="synchronous")
    for ds in nodes.values():
        expected, _ = brute.brute(ds, rows, width, **options)
        brute.check(x, expected, rows)


@settings(max_examples=25)
@given(data=st.data(), flank=st.tuples(st.integers(0, 3), st.integers(0, 3)))
def test_windows__of_some_regions_equal_brute_force_or_are_refused(some_regions, data, flank):
    ds, part, kept = some_regions
    rows = data.draw(brute.rows({"chr1": 61}, 5))
    regions = brute.tiles(rows, 5, ds)

    def needed(row):
        """Bases on the contig; past the end of a short tile only where a flank follows."""
        _, start, end, strand = row
        left, right = flank if strand != "-" else flank[::-1]
        stop = start + 5 + right if right else end
        return set(range(max(start - left, 0), min(stop, 61)))

    if all(needed(row) <= kept for row in rows):
        expected, _ = brute.brute(ds, rows, 5, flank=flank)
        brute.check(ga.windows(part, regions, 5, flank=flank).compute(), expected, rows)
    else:
        with pytest.raises(ga.RegionError, match="does not hold all of chr1:"):
            ga.windows(part, regions, 5, flank=flank)


@pytest.fixture(scope="module")
def some_regions(tmp_path_factory):
    """A genome, a store of two of its regions, and the bases in these."""
    ds = brute.fine({"chr1": 61})
    path = tmp_path_factory.mktemp("some") / "some.zarr"
    ga.to_zarr(ds.sel(position=["chr1:2-30", "chr1:40-61"]), path, progress=False)
    return ds, ga.open_zarr(path), {*range(2, 30), *range(40, 61)}


LAYOUTS = {
    "strided": lambda ds: xr.concat([ds, ds], "twice").transpose("position", ...).isel(twice=0),
    "transposed": lambda ds: ds.transpose("sample", "strand", "track", "position"),
    "chunked along tracks": lambda ds: ds.transpose("track", ...).chunk(position=7, track=1),
    "computed": lambda ds: ds.chunk(position=9).map(lambda v: v.copy(), keep_attrs=True),
    "other byte order": lambda ds: ds.map(lambda v: v.astype(v.dtype.newbyteorder(">"))),
    "turned twice": lambda ds: ds.isel(position=slice(None, None, -1)).isel(
        position=slice(None, None, -1)
    ),
    "contigs in another order": lambda ds: xr.concat(
        [ds.sel(contig=c) for c in ("chr2", "chr1")], "position"
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_windows__of_any_layout(layout):
    ds = brute.fine({"chr1": 40, "chr2": 23})
    same = LAYOUTS[layout](ds)
    rows = [("chr2", 3, 9, "-"), ("chr1", 33, 39, "+"), ("chr1", 0, 6, "-"), ("chr2", 3, 9, "-")]
    for options in ({}, {"reduce": dict.fromkeys(set(ds.data_vars) - {"dna"}, "mean")}):
        expected, _ = brute.brute(ds, rows, flank=(2, 3), **options)
        x = ga.windows(same, brute.table(rows), flank=(2, 3), **options).compute()
        dims = [d for d in ("window", "offset", "track", "strand", "sample") if d in x.dims]
        brute.check(x.transpose(*dims), expected, rows)


@pytest.mark.parametrize(
    "positions", [[0, 2, 1, 3], [0, 1, 5, 3], slice(None, None, -1), slice(None, None, 2)]
)
def test_windows__of_an_axis_in_another_order_are_refused(positions):
    part = toy().isel(position=positions)
    with pytest.raises(ga.RegionError, match=r"does not hold all of chr1:0-4.*base after base"):
        ga.windows(part, ["chr1:0-4"])
    one = ga.windows(part, ["chr1:0-1"])
    assert one.dna.values[0, 0] == toy().dna.values[0]


@pytest.mark.parametrize("kind", ["pandas", "pyranges", "list"])
def test_windows__at_regions_of_any_kind(kind):
    frame = pd.DataFrame(
        {"Chromosome": ["chr2", "chr1"], "Start": [3, 5], "End": [9, 11], "Strand": ["-", "+"]}
    )
    regions = {"pandas": lambda: frame, "list": lambda: ["chr2:3-9:-", "chr1:5-11:+"]}
    if kind == "pyranges":
        pyranges = pytest.importorskip("pyranges")
        regions["pyranges"] = lambda: pyranges.PyRanges(frame)
    x = ga.windows(toy(), regions[kind](), flank=2)
    rows = [("chr2", 3, 9, "-"), ("chr1", 5, 11, "+")]
    order = [x.contig.values.tolist().index(contig) for contig in ("chr2", "chr1")]
    expected, _ = brute.brute(toy(), rows, flank=2)
    brute.check(x.isel(window=order), expected)


def test_windows__off_the_contig_hold_nothing():
    rows = [("chr1", 38, 50, "+"), ("chr1", 60, 72, "-"), ("chr2", 20, 32, "-")]
    ds = brute.fine({"chr1": 40, "chr2": 23})
    expected, masks = brute.brute(ds, rows)
    x = ga.windows(ds, brute.table(rows, like=ds), valid=True)
    brute.check(x.compute(), expected, rows)
    np.testing.assert_array_equal(x.valid, masks["dna"])
    assert not x.valid[1].any()


def test_windows__of_numbers_only():
    ds = toy()
    half = ga.windows(ds[["signal"]].astype("float16"), ["chr1:0-4"])
    assert half.signal.dtype == np.float32
    np.testing.assert_allclose(half.signal[0], ds.signal[:4], rtol=1e-3)
    for dtype in ("complex64", "datetime64[s]"):
        with pytest.raises(ga.GenomeError, match=r"cut from numbers.*drop_vars\('label'\)"):
            ga.windows(ds[["label"]].astype(dtype), ["chr1:0-4"])


def test_windows__of_nodes_with_other_labels_are_refused():
    ds, bins = toy()[["signal"]], _bins(5).rename(strand="track")
    tree = xr.DataTree.from_dict({"a": ds, "b": bins})
    with pytest.raises(ga.GenomeError, match=r"'track' of 'reads' has other labels.*nodes apart"):
        ga.windows(tree, ["chr1:5-10"])


def toy():
    return ga.testing.random_genome({"chr1": 40, "chr2": 20})


def test_windows__reduced_dtypes():
    x = ga.windows(toy()[["reads", "signal"]], ["chr1:0-4"], reduce="sum")
    assert (x.reads.dtype, x.signal.dtype) == (np.int64, np.float32)
    assert ga.windows(toy()[["reads"]], ["chr1:0-4"], reduce="mean").reads.dtype == np.float32
    assert ga.windows(toy()[["reads"]], ["chr1:0-4"], reduce="max").reads.dtype == np.uint32


def test_windows__offsets_are_named_by_the_call():
    ds = toy()
    shared = ga.windows(ds, ["chr1:5-9"], flank=2, reduce={"label": "max"})
    assert shared.dna.dims == ("window", "offset")
    assert shared.label.dims == ("window",)
    own = ga.windows(ds, ["chr1:5-9"], flank={"dna": 2})
    assert own.dna.dims == ("window", "offset_dna")
    assert own.reads.dims == ("window", "offset_reads", "strand")
    assert own.offset_dna.values.tolist() == [-2, -1, 0, 1, 2, 3, 4, 5]
    tree = xr.DataTree.from_dict({"1bp": ds[["dna"]], "5bp": _bins(5)})
    x = ga.windows(tree, ["chr1:5-15:-"], flank={"reads": 5})
    assert x.sizes == {"window": 1, "offset_dna": 10, "offset_reads": 4, "strand": 2}
    assert x.offset_reads.values.tolist() == [-5, 0, 5, 10]
    assert x.reads.values[0].tolist() == _bins(5).reads.values[0:4][::-1, ::-1].tolist()
    with pytest.raises(ga.GenomeError, match="'dna' is in several nodes"):
        ga.windows(xr.DataTree.from_dict({"a": ds[["dna"]], "b": ds[["dna"]]}), ["chr1:5-15"])


def _bins(size):
    return ga.testing.random_genome({"chr1": 40, "chr2": 20}, bin_size=size)[["reads"]]


def test_windows__on_bins_must_lie_on_the_grid():
    for regions, options, message in [
        (["chr1:3-8"], {}, r"chr1:3-8:. does not start on that grid.*align=5"),
        (["chr1:5-9"], {}, "width=4 is no multiple"),
        (["chr1:5-10"], {"flank": 3}, "flank=3 is no multiple"),
        (["chr1:5-10"], {"bin_size": 7, "reduce": "sum"}, "bin_size=7 of 'reads' is no multiple"),
    ]:
        with pytest.raises(ga.GenomeError, match=message):
            ga.windows(_bins(5), regions, **options)


def test_windows__partial_tiles_are_filled_past_their_end_but_flanks_are_real():
    ds = toy()
    tiles = ga.tile_regions(ga.read_regions(["chr1:10-18:+", "chr1:10-18:-"]), width=5)
    x = ga.windows(ds, tiles, 5, flank=2, valid=True).compute()
    dna = ds.dna.values
    assert x.dna.values[1].tolist() == [*dna[13:18], 4, 4, *dna[20:22]]
    assert x.dna.values[3].tolist() == COMPLEMENT[[*dna[13:18], 4, 4, *dna[20:22]]][::-1].tolist()
    assert x.valid.values[1].tolist() == [True] * 5 + [False] * 2 + [True] * 2
    assert x.end.values.tolist() == [15, 18, 15, 18]


def test_windows__valid_marks_what_exists():
    x = ga.windows(toy(), ["chr2:0-4:+", "chr2:0-4:-"], flank=(2, 0), valid=True)
    assert x.valid.values.tolist() == [[False] * 2 + [True] * 4, [True] * 6]
    own = ga.windows(_bins(5), ["chr2:0-5"], flank={"reads": 5}, valid=True)
    assert own.valid_reads.values.tolist() == [[False, True, True]]


def test_windows__anchors():
    ds = toy()
    regions = ga.read_regions(["chr1:10-13:+", "chr1:10-13:-", "chr1:20-28:."])

    def starts(anchor):
        return ga.windows(ds, regions, 4, anchor=anchor).start.values.tolist()

    assert starts("center") == [9, 9, 22]
    assert starts("start") == [10, 10, 20]
    assert starts("five_prime") == [10, 9, 20]
    with pytest.raises(ga.RegionError, match=r'has 3 bp and width is 4.*anchor="center"'):
        ga.windows(ds, regions, 4)
    with pytest.raises(ga.RegionError, match="anchor='middle' is not known"):
        ga.windows(ds, regions, 4, anchor="middle")
    with pytest.raises(ga.RegionError, match="several lengths, and 'dna' is not reduced"):
        ga.windows(ds, regions)


def test_windows__of_a_part_of_the_genome_must_be_there():
    part = toy().sel(position=["chr1:5-20", "chr1:25-40"])
    x = ga.windows(part, ["chr1:6-10", "chr1:36-40"], flank=1)
    assert x.dna.values[0].tolist() == toy().dna.values[5:11].tolist()
    assert x.dna.values[1, -1] == 4
    with pytest.raises(ga.RegionError, match="does not hold all of chr1:18-26"):
        ga.windows(part, ["chr1:6-14", "chr1:18-26"])


def test_windows__read_nothing_before_they_are_computed():
    ds = toy().chunk(position=8)
    with ga.testing.count_computes() as computed:
        x = ga.windows(ds, ["chr1:6-10", "chr2:1-5"], flank=2, valid=True)
        y = np.log1p(x.signal.fillna(0)).mean("offset")
    assert not computed
    assert y.window.values.tolist() == ["chr1:6-10:.", "chr2:1-5:."]
    assert y.compute().shape == (2, 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"flank": {"x": 5}}, "flank= names 'x'; the variables are dna, signal, reads, label"),
        ({"flank": -1}, "flank=-1 of 'dna' is negative"),
        ({"reduce": "median"}, "reduce='median' is not known"),
        ({"reduce": "max"}, "'dna' holds codes of letters"),
        ({"bin_size": 2}, "bin_size=2 of 'dna' needs reduce="),
        ({"width": 0}, "width=0 is not possible"),
        ({"fill": 0.5}, "fill=0.5 does not fit 'dna'"),
        ({"fill": {"label": 300}}, "fill=300 does not fit 'label'"),
        ({"fill": {"reads": -1}}, "fill=-1 does not fit 'reads'"),
        ({"flank": 1.5}, "flank=1.5 is not possible"),
        ({"flank": (1, 2, 3)}, r"flank=\(1, 2, 3\) is not possible; give bp, or \(upstream"),
        ({"bin_size": 1.5, "reduce": "sum"}, "bin_size=1.5 is not possible"),
    ],
)
def test_windows__refuses(options, message):
    with pytest.raises(ga.GenomeError, match=message):
        ga.windows(toy(), ["chr1:6-10"], **options)


def test_windows__of_variants_are_refused_with_the_cure():
    row = {"contig": ["chr1"], "start": [2], "end": [3], "ref": ["A"], "alt": ["G"]}
    variants = xr.Dataset({n: ("variant", v) for n, v in row.items()}, {"variant": ["chr1:2:A>G"]})
    with pytest.raises(ga.RegionError, match=r"ga\.read_regions\(variants, like="):
        ga.windows(toy(), variants, 4, anchor="center")
    x = ga.windows(toy(), ga.read_regions(variants, like=toy()), 4, anchor="center")
    assert (x.start.values.tolist(), x.alt.values.tolist()) == ([0], ["G"])


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("start", {}),
        ("orientation", {}),
        ("valid", {"valid": True}),
        ("row_size", {"ragged": True}),
    ],
)
def test_windows__refuses_names_that_it_gives_itself(name, options):
    ds = toy().rename(label=name)
    with pytest.raises(ga.GenomeError, match=rf"'{name}' bears a name.*rename"):
        ga.windows(ds, ["chr1:6-10"], **options)


def test_windows__refuses_other_genomes():
    ds = toy()
    other = ga.read_regions(["chr1:6-10"], like=ga.Assembly("other", {"chr1": 41}))
    with pytest.raises(ga.AssemblyError, match="regions lie on"):
        ga.windows(ds, other)
    with pytest.raises(ga.GenomeError, match="chrX"):
        ga.windows(ds, regions_dataset(["chrX"], [1], [5]))
    with pytest.raises(ga.RegionError, match="no regions"):
        ga.windows(ds, regions_dataset([], [], []))
    with pytest.raises(ga.GenomeError, match="nothing to cut"):
        ga.windows(xr.Dataset(coords=ds.coords), ["chr1:6-10"])


@pytest.mark.parametrize(
    "rows", [slice(-3, None), slice(7, None), slice(None, 99), [5, 0, 5], [-1]]
)
def test_windows__rows_are_chosen_as_in_numpy(rows):
    ds = ga.testing.random_genome({"chr1": 100}).chunk(position=30)
    x = ga.windows(ds, ga.tile_regions(ds, 10), 10, block=4)
    some = x.isel(window=rows)
    np.testing.assert_array_equal(some.reads.values, x.reads.values[rows])
    assert some.window.values.tolist() == x.window.values[rows].tolist()


def test_windows__of_a_store_of_regions_equal_those_of_the_genome(tmp_path):
    ds = ga.testing.random_genome({"chr1": 300, "chr2": 150})
    wanted = ["chr1:40-140", "chr2:100-150"]
    ga.to_zarr(ds, tmp_path / "all.zarr", progress=False)
    ga.to_zarr(ds.sel(position=wanted), tmp_path / "some.zarr", progress=False)
    tiles = ga.tile_regions(ga.read_regions([f"{r}:-" for r in wanted], like=ds), 10)
    whole, part = (ga.open_zarr(tmp_path / name) for name in ("all.zarr", "some.zarr"))
    assert part.sizes["position"] == 150
    found = [ga.windows(one, tiles, 10).compute() for one in (whole, part)]
    for name in ds.data_vars:
        np.testing.assert_array_equal(found[0][name], found[1][name])


def test_windows__regions_past_their_contig_are_refused_however_they_were_read():
    ds = ga.testing.random_genome({"chr1": 100})
    for rows in (["chr1:200-210"], ["chr1:0-10", "chr1:95-105"]):
        with pytest.raises(ga.RegionError, match=r"ends past its contig, which has 100 bp \(1 of"):
            ga.windows(ds, ga.read_regions(rows))
    padded = ga.read_regions(["chr1:95-105"], like=ds, out_of_bounds="pad")
    assert ga.windows(ds, padded).dna.values[0, 5:].tolist() == [4] * 5


def test_windows__carry_the_columns_of_their_regions():
    ds = ga.testing.random_genome({"chr1": 100})
    regions = ga.read_regions(["chr1:0-10", "chr1:20-30:-"], like=ds)
    regions = regions.assign(score=("region", [0.5, 2]), label=("region", [1, 0]))
    x = ga.windows(ds, regions)
    assert x.score.values.tolist() == [0.5, 2]
    assert x.label.dims == ("window", "offset")  # a variable bears the name
    assert x.isel(window=[1]).score.values.tolist() == [2]
