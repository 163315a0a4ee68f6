"""Known answers on small real files kept beside the repository.

Each test has the number of its case in its name; every number in it was known beforehand.
"""

import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
import xarray as xr

import genoarrays as ga

GENOME = ga.Assembly("sample", {"chr1": 30_000, "chr2": 30_000})


@pytest.fixture(scope="module")
def files(shared_data):
    return shared_data / "janggu_samples"


@pytest.fixture(scope="module")
def roi(files):
    """chr1:15000-25000 + and chr2:15000-25000 -."""
    return ga.read_regions(files / "sample.bed", like=GENOME)


@pytest.fixture(scope="module")
def tiles(roi):
    """100 tiles of 200 bp: 50 of chr1 (+), then 50 of chr2 (-)."""
    return ga.tile_regions(roi, 200)


@pytest.fixture(scope="module")
def dna(files):
    return ga.open_fasta(files / "sample_genome.fa", like=GENOME)


@pytest.fixture(scope="module")
def reads(files):
    return ga.open_bam(files / "sample.bam", like=GENOME)


@pytest.fixture(scope="module")
def signal(files):
    return ga.open_bigwig(files / "sample.bw", like=GENOME)


def spans(regions):
    return list(zip(regions.start.values.tolist(), regions.end.values.tolist(), strict=True))


def letters(hot):
    return "".join(hot.channel.values[hot.values.argmax(axis=-1)])


# ---- regions and windows


def test_case_1__tiles_of_200_bp(tiles):
    assert tiles.sizes == {"region": 100}
    assert tiles.contig.values.tolist() == ["chr1"] * 50 + ["chr2"] * 50


def test_case_3__tiles_with_a_remainder(roi):
    tiles = ga.tile_regions(roi, 3000, 3000)
    assert tiles.sizes == {"region": 8}
    names = tiles.region.values
    assert (names[0], names[-1]) == ("chr1:15000-18000:+", "chr2:24000-25000:-")


def test_case_5__overlapping_tiles_of_four_regions(files):
    regions = ga.read_regions(files / "sample_equalsize.bed", like=GENOME)
    assert ga.tile_regions(regions, 180, 20).sizes == {"region": 8}


def test_case_8__tiles_with_gaps(roi):
    tiles = ga.tile_regions(roi, 200, 400)
    assert tiles.sizes == {"region": 50}
    assert set((tiles.end - tiles.start).values.tolist()) == {200}


def test_case_10__tiles_of_300_bp(files):
    tiles = ga.tile_regions(ga.read_regions(files / "10regions.bed", like=GENOME), 300)
    want = [(600, 900), (900, 1200), (1200, 1500), (1500, 1800), (1800, 2000)]
    assert spans(tiles) == want


@pytest.mark.parametrize(
    ("start", "end", "want"),
    [
        (5, 10, [(4, 6), (6, 8), (8, 10)]),
        (5, 11, [(4, 6), (6, 8), (8, 10), (10, 12)]),
        (6, 10, [(6, 8), (8, 10)]),
        (6, 11, [(6, 8), (8, 10), (10, 12)]),
        (20, 30, []),
    ],
)
def test_case_12__tiles_that_overlap(files, start, end, want):
    tiles = ga.tile_regions(ga.read_regions(files / "bed_test.bed", like=GENOME), 2)
    kept = tiles.isel(region=((tiles.end > start) & (tiles.start < end)).values)
    assert spans(kept) == want
    asked = ga.read_regions([("chr1", start, end)], like=GENOME)
    cut = [(max(a, start), min(b, end)) for a, b in want]
    assert spans(ga.intersect_regions(tiles, asked)) == cut


def test_case_14__sizes_must_be_positive(roi, tiles, dna):
    with pytest.raises(ga.GenomeError, match="width=0"):
        ga.tile_regions(roi, 0)
    with pytest.raises(ga.GenomeError, match="step=0"):
        ga.tile_regions(roi, 200, 0)
    with pytest.raises(ga.GenomeError, match="flank"):
        ga.windows(dna, tiles, 200, flank=-1)


def test_case_16__last_tile_is_short():
    regions = ga.read_regions([("chr1", 0, 100)], like=GENOME)
    want = [(0, 30), (20, 50), (40, 70), (60, 90), (80, 100)]
    assert spans(ga.tile_regions(regions, 30, 20)) == want


def test_case_18__file_table_and_list_give_the_same_data(roi, signal):
    want = ga.windows(signal, ga.tile_regions(roi, 200), 200).compute()
    texts = roi.region.values.tolist()
    for source in (texts, ga.to_pandas(roi), ga.to_pyranges(roi)):
        tiles = ga.tile_regions(ga.read_regions(source, like=GENOME), 200)
        x = ga.windows(signal, tiles, 200)
        assert x.window.values.tolist() == want.window.values.tolist()
        np.testing.assert_array_equal(x.signal.values, want.signal.values)


def test_case_104__contigs_held_out(tiles, signal):
    train, test = ga.split_regions(tiles, test="chr2")
    assert (train.sizes["region"], test.sizes["region"]) == (50, 50)
    assert set(train.contig.values) == {"chr1"}
    assert set(test.contig.values) == {"chr2"}
    for part in ga.split_regions(tiles, test=["chr2"]):
        x = ga.windows(signal, part, 200).assign(sums=lambda x: x.signal.sum("offset"))
        both = next(iter(ga.batches(x, inputs=["signal"], targets="sums", batch_size=50)))
        assert both[0]["signal"].shape == (50, 200)
        np.testing.assert_array_equal(both[0]["signal"].sum(axis=1), both[1])


@pytest.mark.parametrize(
    ("rows", "number"),
    [(slice(-3, None), 3), (slice(97, None), 3), (slice(None, 200), 100), ([5, 0, 5], 3)],
)
def test_case_106__rows_as_in_numpy(tiles, signal, rows, number):
    x = ga.windows(signal, tiles, 200)
    some = x.isel(window=np.array(rows) if isinstance(rows, list) else rows)
    assert some.sizes["window"] == number
    np.testing.assert_array_equal(some.signal.values, x.signal.values[rows])


def test_regions__gtf_equals_bed(files):
    bed, gtf = (ga.read_regions(files / name, like=GENOME) for name in ("sample.bed", "sample.gtf"))
    assert bed.region.values.tolist() == gtf.region.values.tolist() == [
        "chr1:15000-25000:+", "chr2:15000-25000:-",
    ]  # fmt: skip


# ---- sequence


def test_case_20__one_hot_of_tiles(tiles, dna):
    hot = ga.one_hot(ga.windows(dna, tiles, 200).dna)
    assert hot.shape == (100, 200, 4)
    assert float(hot.sum()) == 20_000
    assert letters(hot[0, :10]) == "ATTGTGGTGA"
    assert letters(hot[50, -10:]) == "TTGCTTCCCC"


def test_case_23__letters_of_all_tiles(tiles, dna):
    hot = ga.one_hot(ga.windows(dna, tiles, 200).dna)
    assert hot.sum(("window", "offset")).values.tolist() == [5710, 4319, 3804, 6167]


def test_case_25__codes_of_both_strands(dna):
    regions = ga.read_regions(["chr1:15000-15010:+", "chr1:15000-15010:-"], like=GENOME)
    x = ga.windows(dna, regions, 10).dna.values
    assert x[0].tolist() == [0, 3, 3, 2, 3, 2, 2, 3, 2, 0]
    assert x[1].tolist() == [3, 1, 0, 1, 1, 0, 1, 0, 0, 3]


def test_case_27__reverse_complement_of_kmers(tiles, dna):
    pairs = [a + b for a in "ACGT" for b in "ACGT"]
    hot = ga.one_hot(ga.from_sequences(pairs).dna, order=2)
    assert hot.channel.values.tolist() == pairs
    turned = ga.reverse_complement(hot).values[:, 0].argmax(axis=-1)
    assert turned.tolist() == [15, 11, 7, 3, 14, 10, 6, 2, 13, 9, 5, 1, 12, 8, 4, 0]
    codes = ga.windows(dna, tiles, 200).dna
    for order in (1, 2, 3):
        hot = ga.one_hot(codes, order=order)
        once = ga.reverse_complement(hot)
        assert not np.array_equal(once.values, hot.values)
        np.testing.assert_array_equal(ga.reverse_complement(once).values, hot.values)


def test_case_30__sequences_without_coordinates(files):
    hot = ga.one_hot(ga.open_sequences(files / "sample.fa").dna)
    assert hot.shape == (3897, 200, 4)
    assert letters(hot[0, :10]) == "CACAGCAGAG"
    totals = hot.sum(("sequence", "offset")).values.tolist()
    assert totals == [210607, 178552, 179650, 210591]


def test_case_32__sequences_of_a_fixed_length(files):
    hot = ga.one_hot(ga.open_sequences(files / "sample.fa", length=205).dna)
    assert hot.shape == (3897, 205, 4)
    assert hot[0, 199].values.tolist() == [1, 0, 0, 0]
    assert not hot[:, 200:].any()


def test_case_34__proteins(files):
    x = ga.open_sequences(files / "sample_protein.fa", alphabet="protein", length=1000)
    hot = ga.one_hot(x.protein)
    assert hot.shape == (3, 1000, 20)
    assert hot.sum(("offset", "channel")).values.tolist() == [256, 320, 458]
    assert hot[0, :4].values.argmax(axis=-1).tolist() == [10, 0, 4, 15]
    assert letters(hot[0, :4]) == "MAFS"
    assert not hot[0, -2:].any()
    with pytest.raises(ga.InputError, match=r"position 2: 'F' is no letter of DNA.*protein"):
        ga.open_sequences(files / "sample_protein.fa", length=1000)


@pytest.mark.parametrize(("order", "width"), [(1, 500), (2, 499)])
def test_case_36__flanks(tiles, dna, order, width):
    hot = ga.one_hot(ga.windows(dna, tiles, 200, flank=150).dna, order=order)
    assert hot.shape == (100, width, 4**order)


def test_case_38__past_the_end_of_a_contig(dna):
    regions = ga.read_regions(["chr1:29990-30010"], like=GENOME, out_of_bounds="pad")
    filled = ga.one_hot(ga.windows(dna, regions, 20).dna)[0].sum("channel")
    assert filled.values.tolist() == [1] * 10 + [0] * 10


# ---- reads


@pytest.mark.parametrize("bin_size", [1, 10, 50, 200, None])
def test_case_40__reads_at_any_resolution(tiles, reads, bin_size):
    if bin_size is None:
        x = ga.windows(reads, tiles, reduce="sum").reads
        assert x.shape == (100, 2)
    else:
        x = ga.windows(reads, tiles, 200, bin_size=bin_size, reduce="sum").reads
        assert x.shape == (100, 200 // bin_size, 2)
    strands = x.sum([dim for dim in x.dims if dim != "strand"])
    assert strands.values.tolist() == [16, 13]


@pytest.mark.parametrize(("bin_size", "first", "second"), [(1, [162, 178], [178]),
                                                            (10, [16, 17], [17])])  # fmt: skip
def test_cases_42_and_44__places_of_reads(tiles, reads, bin_size, first, second):
    x = ga.windows(reads, tiles, 200, bin_size=bin_size, reduce="sum").reads.values
    x = x.reshape(100, 200 // bin_size, 2)
    assert np.argwhere(x[13]).tolist() == [[place, 0] for place in first]
    assert np.argwhere(x[4]).tolist() == [[place, 1] for place in second]


def test_case_46__overlapping_windows_count_reads_again(roi, reads):
    assert ga.windows(reads, ga.tile_regions(roi, 200, 50), 200).reads.values.sum() == 116


@pytest.mark.parametrize(("options", "want"), [
    ({"proper_pairs": True}, ["ref:6", "ref:32", "ref:36", "ref:44"]),
    ({}, ["ref:6", "ref:8", "ref:32", "ref:36", "ref:44", "ref2:44"]),
])  # fmt: skip
def test_case_49__five_prime_ends_of_pairs(files, options, want):
    ds = ga.open_bam(files / "sample2.bam", min_mapq=30, stranded=False, **options)
    found = ds.reads.values
    assert set(found[found > 0]) == {1}
    assert places(ds, found) == want


def test_case_51__midpoints_of_pairs(files):
    ds = ga.open_bam(files / "sample2.bam", min_mapq=30, count="midpoint", stranded=False,
                     proper_pairs=True)  # fmt: skip
    assert ds.reads.values.sum() == 2
    assert [place.split(":")[1] for place in places(ds, ds.reads.values)] == ["25", "34"]


def places(ds, values):
    labels = zip(ds.contig.values, ds.position.values, strict=True)
    return [f"{c}:{p}" for (c, p), value in zip(labels, values, strict=True) if value]


def test_case_53__windows_past_the_end_hold_no_reads(reads):
    regions = ga.read_regions([("chr1", 29_900, 30_100), ("chr1", 30_100, 30_300)], like=GENOME,
                              out_of_bounds="pad")  # fmt: skip
    x = ga.windows(reads, regions, 200).reads
    assert x.shape == (2, 200, 2)
    assert not x.values.any()


def test_case_55__a_region_listed_twice(reads):
    regions = ga.read_regions(["chr1:15800-16000:+"] * 2, like=GENOME)
    x = ga.windows(reads, regions, 200).reads.values
    assert x[0].any()
    np.testing.assert_array_equal(x[0], x[1])


# ---- signal


def test_case_56__signal_at_1_bp(tiles, signal):
    x = ga.windows(signal, tiles, 200).signal.values
    assert x.sum() == 1044
    assert np.flatnonzero(x[4] == 1).tolist() == [*range(143, 179)]
    assert x[4].sum() == 36
    assert np.flatnonzero(x[52] == 1).tolist() == [*range(10, 46), *range(90, 126)]
    assert x[52].sum() == 72


@pytest.mark.parametrize(("how", "total", "region_4"), [
    ("mean", 20.88, [0, 0, 0.14, 0.58]),
    ("sum", 1044, [0, 0, 7, 29]),
    ("max", 52, [0, 0, 1, 1]),
])  # fmt: skip
def test_case_58__signal_in_bins(files, tiles, signal, how, total, region_4):
    binned = ga.open_bigwig(files / "sample.bw", like=GENOME, bin_size=50, how=how)
    for x in (
        ga.windows(binned, tiles, 200).signal,
        ga.windows(signal, tiles, 200, bin_size=50, reduce=how).signal,
    ):
        assert x.shape == (100, 4)
        np.testing.assert_allclose(float(x.sum()), total, rtol=1e-6)
        np.testing.assert_allclose(x.values[4], region_4, rtol=1e-6)


def test_case_60__signal_of_overlapping_windows(roi, signal):
    x = ga.windows(signal, ga.tile_regions(roi, 200, 50), 200, bin_size=50, reduce="mean").signal
    assert x.shape == (394, 4)
    np.testing.assert_array_equal(x.values[1, :3], x.values[0, 1:])


def test_case_63__stores_of_the_genome_and_of_regions(tmp_path, roi, tiles, signal):
    ga.to_zarr(signal, tmp_path / "all.zarr", progress=False)
    ga.to_zarr(signal.sel(position=roi.region), tmp_path / "some.zarr", progress=False)
    stores = [ga.open_zarr(tmp_path / name) for name in ("all.zarr", "some.zarr")]
    assert [ds.sizes["position"] for ds in stores] == [60_000, 20_000]
    found = [ga.windows(ds, tiles, 200).signal.values for ds in stores]
    assert found[0].sum() == 1044
    np.testing.assert_array_equal(found[0], found[1])


@pytest.mark.parametrize("how", ["sum", "mean", "max"])
def test_case_107__one_value_per_region(files, tiles, signal, how):
    paths = {"a": files / "sample.bw", "b": files / "sample.bw"}
    ds = ga.open_bigwig(paths, like=GENOME)
    x = ga.windows(ds, tiles, reduce=how).signal
    assert x.shape == (100, 2)
    want = getattr(ga.windows(signal, tiles, 200).signal.values, how)(axis=1)
    np.testing.assert_allclose(x.values, np.stack([want] * 2, axis=1), rtol=1e-6)
    with pytest.raises(ga.GenomeError, match="'middle'"):
        ga.windows(ds, tiles, reduce="middle")


# ---- labels


def label(files, name, regions, like=GENOME, reduce=None, **options):
    """One value per window of labels at 1 bp, or all of them."""
    ds = ga.open_intervals(files / name, like=like, **options)
    return ga.windows(ds, regions, 200, reduce=reduce and {"label": reduce}).label


def test_case_68__scored_states(files, tiles):
    binary = label(files, "scored_sample.bed", tiles, reduce="max")
    assert binary.values.sum() == 4
    scores = label(files, "scored_sample.bed", tiles, reduce="max", mode="score")
    assert scores.values.sum() == 12
    assert scores.values[[3, 4, 53, 54]].tolist() == [1, 5, 2, 4]


def test_case_71__categories_of_two_files_must_be_listed(files):
    paths = {"a": files / "scored_sample.bed", "b": files / "sample.bed"}
    with pytest.raises(ga.GenomeError, match="give categories="):
        ga.open_intervals(paths, like=GENOME, mode="category", by="score")
    x = ga.open_intervals(
        paths, like=GENOME, mode="category", by="score", categories=[1, 2, 4, 5], bin_size=200
    ).label
    assert x.dims == ("position", "track", "category")
    assert x.sum("position").values.tolist() == [[1, 1, 1, 1], [100, 0, 0, 0]]


def test_case_73__bedgraph_values(files, tiles):
    values = label(files, "sample.bedgraph", tiles, reduce="max", mode="value")
    assert values.values[4] == 0.5
    assert values.values[0] == 0


@pytest.mark.parametrize(("resolution", "total"), [(200, 1), (50, 1), (1, 49)])
def test_case_75__any_overlap_at_three_resolutions(files, resolution, total):
    regions = ga.read_regions(files / "positive.bed", like=GENOME)
    ds = ga.open_intervals(files / "positive_shift.bed", like=GENOME)
    x = ga.windows(ds, regions, 200, bin_size=resolution, reduce="max")
    assert x.label.values.sum() == total


def test_case_77__any_overlap_and_half_of_the_bin(files):
    regions = ga.read_regions(files / "positive.bed", like=GENOME)
    assert label(files, "positive_gap.bed", regions, reduce="max").values.sum() == 5
    assert (label(files, "positive_gap.bed", regions, reduce="mean").values >= 0.5).sum() == 0
    # the same at 50 bp, where all these windows are on the grid of the bins
    half = ga.open_intervals(files / "positive_gap.bed", like=GENOME, bin_size=50, min_overlap=0.5)
    assert ga.windows(half, regions, 200).label.values.max(axis=1).sum() == 5
    full = ga.open_intervals(files / "positive_shift.bed", like=GENOME, bin_size=50, min_overlap=1)
    assert ga.windows(full, regions, 200).label.values.sum() == 0
    some = ga.open_intervals(
        files / "positive_shift.bed", like=GENOME, bin_size=50, min_overlap=49 / 50
    )
    assert ga.windows(some, regions, 200).label.values.sum() == 1


@pytest.mark.parametrize(("how", "value"), [("mean", 0.245), ("sum", 49)])
def test_case_79__parts_of_a_bin(files, how, value):
    regions = ga.tile_regions(ga.read_regions(files / "10regions.bed", like=GENOME), 200)
    x = label(files, "positive_shift.bed", regions, reduce=how)
    want = np.zeros(7)
    want[4] = value
    np.testing.assert_allclose(x.values.reshape(-1), want, rtol=1e-6)


def test_case_82__contigs_without_rows_are_zero(files):
    like = ga.Assembly("three", {"chr1": 30_000, "chr2": 30_000, "chr3": 30_000})
    regions = ga.read_regions(files / "sample_fulltile2.bed", like=like)
    tiles = ga.tile_regions(regions, 200)
    assert tiles.sizes == {"region": 450}
    x = label(files, "sample.bed", tiles, like=like)
    assert x.values.sum() == 20_000
    assert x.values[(tiles.contig == "chr3").values].sum() == 0


def test_case_84__score_of_three_columns_names_the_file(files):
    with pytest.raises(ga.InputError, match=r"positive\.bed, line 1: the bed file has 3 columns"):
        ga.open_intervals(files / "positive.bed", like=GENOME, mode="score")


# ---- normalizers, fitted on the windows that are listed


def test_case_86__tpm_of_two_conditions(files, roi):
    samples = {"one": files / "sample.bam", "two": files / "sample.bam"}
    x = ga.windows(ga.open_bam(samples, like=GENOME), ga.tile_regions(roi, 200), reduce="sum").reads
    found = ga.normalize(x, ga.fit_normalizer(x, "tpm"))
    np.testing.assert_allclose(found.sum(("window", "strand")), [1e6, 1e6], rtol=1e-6)
    one_read = found.values[x.values == 1]
    np.testing.assert_allclose(one_read, 34482.76, rtol=1e-6)


def test_case_89__zscore_at_1_bp(roi, tiles, signal):
    stats = ga.fit_normalizer(signal.signal, "zscore", regions=roi)
    x = ga.windows(signal, tiles, 200).signal
    for fitted in (stats, ga.fit_normalizer(x, "zscore")):
        found = ga.normalize(x, fitted).values
        np.testing.assert_allclose(found[x.values == 0], -0.220236, rtol=1e-5)
        np.testing.assert_allclose(found[x.values == 1], 3.998837, rtol=1e-5)


def test_case_91__clip_at_a_percentile(roi, tiles, signal):
    x = ga.windows(signal, tiles, 200).signal
    for stats in (
        ga.fit_normalizer(signal.signal, "clip", q=0.99, regions=roi),
        ga.fit_normalizer(x, "clip", q=0.99),
    ):
        found = ga.normalize(x, stats).values
        assert found.max() == 1
        assert found.sum() == 977


def test_case_93__zscore_of_two_levels():
    values = np.concatenate([np.ones(150), -np.ones(300)])
    coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 450}))
    x = xr.DataArray(values, coords, ["position"])
    found = ga.normalize(x, ga.fit_normalizer(x, "zscore")).values
    np.testing.assert_allclose(found[[0, -1]], [1.412641, -0.706321], rtol=1e-5)


# ---- arrays and exports


def test_case_96__predictions_become_a_track(roi):
    regions = ga.tile_regions(roi, 5000)
    values = np.arange(12.0).reshape(4, 3)
    ds = ga.from_array(values, regions, name="predicted")
    back = ga.windows(ds, regions, reduce="mean").predicted
    assert back.shape == (4, 3)
    np.testing.assert_array_equal(back.values, values)
    assert back.values.sum() == 66


def test_case_99__one_row_per_region(tiles):
    with pytest.raises(ga.GenomeError, match=r"99.*100|100.*99"):
        ga.from_array(np.zeros(99), tiles)


@pytest.mark.parametrize(("bin_size", "total"), [(1, 1044), (50, 20.88)])
def test_case_101__export_and_read_again(tmp_path, files, tiles, bin_size, total):
    ds = ga.open_bigwig(files / "sample.bw", like=GENOME, bin_size=bin_size)
    ga.to_bigwig(ga.windows(ds, tiles, 200).signal, tmp_path / "x.bw")
    again = ga.open_bigwig(tmp_path / "x.bw", like=GENOME, bin_size=bin_size)
    x = ga.windows(again, tiles, 200).signal
    np.testing.assert_allclose(float(x.sum()), total, rtol=1e-6)


@pytest.mark.parametrize(("values", "entries"), [(1, 7), (4, 28)])
def test_case_120__export_of_predictions(tmp_path, files, values, entries):
    pyBigWig = pytest.importorskip("pyBigWig")
    regions = ga.tile_regions(ga.read_regions(files / "10regions.bed", like=GENOME), 200)
    assert regions.sizes == {"region": 7}
    predicted = np.random.default_rng(0).random((7, values)).astype("float32")
    ds = ga.from_array(predicted[:, :, None], regions, name="predicted").isel(track=0)
    ga.to_bigwig(ds.predicted, tmp_path / "x.bw")
    with pyBigWig.open(str(tmp_path / "x.bw")) as file:
        found = file.intervals("chr1")
        assert len(found) == entries
        for row, (start, end) in zip(predicted, spans(regions), strict=True):
            mean = file.stats("chr1", start, end, exact=True)[0]
            np.testing.assert_allclose(mean, row.mean(), rtol=1e-6)
    y = ga.windows(ds, regions, 200).predicted  # each bin is a line
    ga.to_bed(y, tmp_path / "x.bed")
    table = ga.read_regions(tmp_path / "x.bed", like=GENOME)
    assert table.sizes["region"] == entries
    np.testing.assert_allclose(table.score, predicted.reshape(-1), rtol=1e-6)
    ga.to_bedgraph(ds.predicted, tmp_path / "x.bedgraph")
    table = ga.read_regions(tmp_path / "x.bedgraph", like=GENOME)
    assert table.sizes["region"] == entries
    np.testing.assert_allclose(table.value, predicted.reshape(-1), rtol=1e-6)


# ---- streams


def test_case_110__random_orientation_of_reads(tiles, reads):
    x = ga.windows(reads, tiles, 200).compute()
    x = x.isel(window=x.reads.any(("offset", "strand")).values)
    stream = ga.batches(x, inputs="reads", batch_size=4, shuffle=False,
                        augment=ga.Augment(reverse_complement=True))  # fmt: skip
    turned = 0
    for _ in range(20):
        found = np.concatenate(list(stream))
        assert found.sum() == x.reads.values.sum() == 29
        for one, plain in zip(found, x.reads.values, strict=True):
            if not np.array_equal(one, plain):
                np.testing.assert_array_equal(one, plain[::-1, ::-1])
                turned += 1
    share = turned / (20 * x.sizes["window"])
    assert 0.4 < share < 0.6


def test_case_124__pickling_and_worker_processes(tiles, dna, reads, signal):
    for ds in (dna, reads, signal):
        x = ga.windows(ds, tiles, 200)
        want = x.compute()
        again = pickle.loads(pickle.dumps(x))
        assert again.window.values.tolist() == x.window.values.tolist()
        for name in x.data_vars:
            np.testing.assert_array_equal(again[name].values, want[name].values)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        assert pool.submit(total, ga.windows(reads, tiles, 200)).result() == 29


def total(x):
    return int(x.reads.sum())


def test_case_126__a_batch_of_one_keeps_its_axis(tiles, signal):
    x = ga.windows(signal, tiles, 200)
    one = next(iter(ga.batches(x, inputs="signal", batch_size=1)))
    assert one.shape == (1, 200)
    assert x.isel(window=[0]).signal.squeeze("window", drop=True).shape == (200,)
    assert x.isel(window=[0]).signal.shape == (1, 200)
