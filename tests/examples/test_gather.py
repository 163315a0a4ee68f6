import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import genoarrays as ga
from genoarrays.genome.regions import regions_dataset

COMPLEMENT = np.array([3, 2, 1, 0, 4])


def brute(values, lengths, contig, start, width, flank, strand, fill):
    """One window of one array, base by base."""
    upstream, downstream = flank
    left, right = (downstream, upstream) if strand == "-" else (upstream, downstream)
    offset = sum(lengths[c] for c in list(lengths)[: list(lengths).index(contig)])
    rows = [
        values[offset + at] if 0 <= at < lengths[contig] else np.full(values.shape[1:], fill)
        for at in range(start - left, start + width + right)
    ]
    rows = np.array(rows)
    return rows[::-1] if strand == "-" else rows


@st.composite
def cases(draw):
    lengths = {f"chr{i}": draw(st.integers(8, 25)) for i in range(draw(st.integers(1, 3)))}
    width = draw(st.integers(1, 8))
    regions = []
    for _ in range(draw(st.integers(1, 6))):
        contig = draw(st.sampled_from(list(lengths)))
        start = draw(st.integers(0, lengths[contig] - 1))
        regions.append((contig, start, draw(st.sampled_from("+-."))))
    flank = (draw(st.integers(0, 6)), draw(st.integers(0, 6)))
    return lengths, width, regions, flank, draw(st.integers(1, 30)), draw(st.integers(1, 4))


@settings(max_examples=150)
@given(cases(), st.sampled_from(["numpy", "dask"]))
def test_windows__equal_brute_force(case, kind):
    lengths, width, regions, flank, chunk, block = case
    ds = ga.testing.random_genome(lengths)
    source = ds.chunk(position=chunk) if kind == "dask" else ds
    contigs, starts, strands = zip(*regions, strict=True)
    table = regions_dataset(contigs, starts, np.array(starts) + width, strands)
    x = ga.windows(source, table, width, flank=flank, block=block).compute()
    for row, (contig, start, strand) in enumerate(regions):

        def expected(name, fill, contig=contig, start=start, strand=strand):
            return brute(ds[name].values, lengths, contig, start, width, flank, strand, fill)

        dna = expected("dna", 4)
        np.testing.assert_array_equal(x.dna[row], COMPLEMENT[dna] if strand == "-" else dna)
        np.testing.assert_array_equal(x.signal[row], expected("signal", np.nan))
        reads = expected("reads", 0)
        np.testing.assert_array_equal(x.reads[row], reads[:, ::-1] if strand == "-" else reads)
        np.testing.assert_array_equal(x.label[row], expected("label", 0))
    assert x.offset.values.tolist() == list(range(-flank[0], width + flank[1]))
    assert x.contig.values.tolist() == list(contigs)
    assert x.orientation.values.tolist() == list(strands)


@settings(max_examples=100)
@given(cases(), st.sampled_from(["mean", "sum", "max", "min"]), st.integers(1, 9))
def test_windows__reduced_equal_brute_force(case, how, bin_size):
    lengths, width, regions, _, _, block = case
    ds = ga.testing.random_genome(lengths).drop_vars("dna")
    contigs, starts, strands = zip(*regions, strict=True)
    table = regions_dataset(contigs, starts, np.array(starts) + width, strands)
    binned = ga.windows(ds, table, width, reduce=how, bin_size=bin_size, block=block).compute()
    whole = ga.windows(ds, table, width, reduce=how, block=block).compute()
    assert "offset" not in whole.dims
    function = getattr(np, f"nan{how}")
    for name, missing in (("signal", np.nan), ("reads", 0), ("label", 0)):
        for row, (contig, start, strand) in enumerate(regions):
            values = brute(ds[name].values.astype(float), lengths, contig, start, width, (0, 0),
                           "+", np.nan)  # fmt: skip

            def one(part, missing=missing):
                part = part.reshape(len(part), -1)
                found = [c[~np.isnan(c)] for c in part.T]
                return [function(c) if len(c) else missing for c in found]

            bins = [one(values[at : at + bin_size]) for at in range(0, width, bin_size)]
            bins = np.array(bins).reshape(-1, *ds[name].shape[1:])
            total = np.array(one(values)).reshape(ds[name].shape[1:])
            if strand == "-":
                bins = bins[::-1, ::-1] if name == "reads" else bins[::-1]
                total = total[::-1] if name == "reads" else total
            np.testing.assert_allclose(binned[name][row], bins, rtol=1e-6)
            np.testing.assert_allclose(whole[name][row], total, rtol=1e-6)


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
    ],
)
def test_windows__refuses(options, message):
    with pytest.raises(ga.GenomeError, match=message):
        ga.windows(toy(), ["chr1:6-10"], **options)


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
