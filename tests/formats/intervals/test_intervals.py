import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import genoarrays as ga
from genoarrays.errors import GenomeError, InputError
from tests.formats.files import LENGTHS, TOY, write_text


def brute(rows, mode, bin_size, min_overlap=None, fill=0.0):
    """Bins of all contigs, end to end, base by base."""
    out = []
    for contig, length in LENGTHS.items():
        covered = np.zeros(length, bool)
        best = np.full(length, -np.inf)
        for name, start, end, value in rows:
            if name == contig:
                covered[start:end] = True
                best[start:end] = np.maximum(best[start:end], value)
        for at in range(0, length, bin_size):
            some = covered[at : at + bin_size]
            enough = some.any() if min_overlap is None else some.mean() >= min_overlap
            if mode == "fraction":
                out.append(some.mean() if some.any() else fill)
            elif mode == "presence":
                out.append(1 if enough else fill)
            else:
                out.append(best[at : at + bin_size].max() if enough else fill)
    return np.array(out)


SPANS = st.lists(
    st.sampled_from(sorted(LENGTHS)).flatmap(
        lambda c: st.tuples(
            st.just(c), st.integers(0, LENGTHS[c]), st.integers(0, 80), st.integers(-9, 9)
        )
    ),
    min_size=1,
    max_size=25,
)


@given(
    SPANS,
    st.sampled_from(["presence", "fraction", "value"]),
    st.sampled_from([1, 7, 50, 2000]),
    st.sampled_from([None, 0.5, 1.0]),
    st.sampled_from([0, -1.5]),
    st.sampled_from(["auto", 13, None]),
)
def test_open_intervals__equals_brute_force(
    tmp_path_factory, spans, mode, bin_size, overlap, fill, chunks
):
    rows = [(c, s, min(s + n, LENGTHS[c]), v) for c, s, n, v in spans]
    path = write_text(tmp_path_factory.mktemp("x") / "x.bedGraph", *rows)
    overlap = None if mode == "fraction" else overlap
    ds = ga.open_intervals(path, like=TOY, mode=mode, bin_size=bin_size, min_overlap=overlap,
                           fill=fill, chunks=chunks)  # fmt: skip
    np.testing.assert_allclose(
        ds.label.values, brute(rows, mode, bin_size, overlap, fill), rtol=1e-6
    )


def test_open_intervals__types_follow_mode_and_fill(tmp_path):
    path = write_text(tmp_path / "x.bed", ("chr1", 1, 5, "a", 2.5, "+"))
    for mode, fill, dtype in [
        ("presence", 0, np.uint8),
        ("presence", 255, np.uint8),
        ("presence", np.nan, np.float32),
        ("presence", -1, np.float32),
        ("score", 0, np.float32),
        ("fraction", 0, np.float32),
    ]:
        x = ga.open_intervals(path, like=TOY, mode=mode, fill=fill).label
        assert x.dtype == dtype == x.values.dtype
        assert x.values[1] == (2.5 if mode == "score" else 1)
        np.testing.assert_equal(x.values[0], dtype(fill))


def test_open_intervals__marks_summits_and_signal(tmp_path):
    rows = [("chr1", 10, 30, ".", 0, ".", 4, 1, 1, 15), ("chr1", 20, 40, ".", 0, ".", 9, 1, 1, 0)]
    path = write_text(tmp_path / "x.narrowPeak", *rows)
    summit = ga.open_intervals(path, like=TOY, mode="summit").label
    assert np.flatnonzero(summit.values).tolist() == [20, 25]
    signal = ga.open_intervals(path, like=TOY, mode="signal", bin_size=10).label
    assert signal.values[:5].tolist() == [0, 4, 9, 9, 0]
    write_text(path, ("chr1", 10, 30, ".", 0, ".", 4, 1, 1, -1))
    with pytest.raises(InputError, match=r"x\.narrowPeak, line 1: there is no summit"):
        ga.open_intervals(path, like=TOY, mode="summit")


def test_open_intervals__stacks_files_as_tracks(tmp_path):
    one = write_text(tmp_path / "one.bed", ("chr1", 0, 5), ("chrU", 0, 5))
    two = write_text(tmp_path / "two.bed", ("chr2", 0, 3))
    ds = ga.open_intervals([one, two], like=TOY, bin_size=5)
    assert ds.label.dims == ("position", "track")
    assert ds.label.chunks[1] == (1, 1)
    assert ds.label.sum("position").to_series().to_dict() == {"one": 1, "two": 1}
    assert ds.label.attrs["contigs_dropped"] == ["chrU"]
    assert ds.label.attrs["rows_dropped"] == 1
    named = ga.open_intervals({"a": one, "b": two}, like=TOY, bin_size=5, name="peaks")
    assert named.peaks.sel(track="b", position="chr2:0-5").values.tolist() == [1]
    lengths = [len(pickle.dumps(x)) for x in (ds, named)]
    assert max(lengths) < 10_000


STATES = st.lists(
    st.sampled_from(sorted(LENGTHS)).flatmap(
        lambda c: st.tuples(
            st.just(c), st.integers(0, LENGTHS[c]), st.integers(0, 80), st.sampled_from("abc")
        )
    ),
    min_size=1,
    max_size=25,
)


@settings(max_examples=50)
@given(
    STATES,
    st.sampled_from([1, 7, 50]),
    st.sampled_from([None, 0.5]),
    st.booleans(),
    st.sampled_from(["auto", 13, None]),
)
def test_open_intervals__categories_equal_presence_of_each(
    tmp_path_factory, spans, bin_size, overlap, stacked, chunks
):
    rows = [(c, s, min(s + n, LENGTHS[c]), name) for c, s, n, name in spans]
    path = write_text(tmp_path_factory.mktemp("x") / "x.bed", *rows)
    found = sorted({row[3] for row in rows})
    asked = {"categories": ["c", "a", "x", "b"]} if stacked else {}
    ds = ga.open_intervals(
        [path] if stacked else path, like=TOY, mode="category", bin_size=bin_size,
        min_overlap=overlap, chunks=chunks, **asked,
    )  # fmt: skip
    assert ds.label.dims == ("position", *["track"] * stacked, "category")
    assert ds.label.dtype == np.uint8
    assert ds.category.values.tolist() == asked.get("categories", found)
    for name in ds.category.values.tolist():
        some = [(c, s, e, 1) for c, s, e, n in rows if n == name]
        want = brute(some, "presence", bin_size, overlap)
        np.testing.assert_array_equal(ds.label.sel(category=name).values.reshape(-1), want)
    part = ds.label.isel(position=[3, 1], category=0)
    np.testing.assert_array_equal(part.values, ds.label.values[[3, 1]][..., 0])
    np.testing.assert_array_equal(ds.label.isel(position=2).values, ds.label.values[2])


def test_open_intervals__categories_of_several_files_need_a_list(tmp_path):
    rows = [("chr1", 0, 5, "x", 10), ("chr1", 3, 9, "y", 2.5), ("chr2", 0, 1, "x", 10)]
    one, two = (write_text(tmp_path / f"{n}.bed", *rows[i:]) for i, n in enumerate(["one", "two"]))
    with pytest.raises(GenomeError, match="2 files may hold different categories; give categories"):
        ga.open_intervals([one, two], like=TOY, mode="category")
    x = ga.open_intervals([one, two], like=TOY, mode="category", categories=["y", "x"]).label
    assert x.dims == ("position", "track", "category")
    assert x.shape[1:] == (2, 2)
    assert x.chunks[1:] == ((1, 1), (2,))
    assert x.sum("position").values.tolist() == [[6, 6], [6, 1]]
    assert x.isel(track=1).sel(position="chr2:0-1").values.tolist() == [[0, 1]]
    assert x.isel(track=[1, 0], category=0).sum("position").values.tolist() == [6, 6]
    with pytest.raises(
        InputError, match=r"one\.bed, line 1: name is 'x', which is none of the 1 cat"
    ):
        ga.open_intervals([one, two], like=TOY, mode="category", categories=["y"])
    scores = ga.open_intervals(one, like=TOY, mode="category", by="score").label
    assert scores.category.values.tolist() == ["2.5", "10"]
    assert scores.sum("position").values.tolist() == [6, 6]
    asked = ga.open_intervals(one, like=TOY, mode="category", by="score", categories=[10, 2.5, 3])
    assert asked.label.sum("position").values.tolist() == [6, 6, 0]
    for options, message in [
        ({"mode": "category", "categories": ["x", "x"]}, "names 'x' twice"),
        ({"mode": "category", "categories": "xy"}, "is one text; give a list"),
        ({"mode": "presence", "by": "name"}, "by= and categories= are for mode='category'"),
        ({"mode": "category", "by": "kind"}, "has 5 columns, and none for kind"),
    ]:
        with pytest.raises(GenomeError, match=message):
            ga.open_intervals(one, like=TOY, **options)


def test_open_intervals__categories_go_to_stores_and_windows(tmp_path):
    rows = [("chr1", 0, 5, "x"), ("chr1", 3, 9, "y"), ("chr2", 0, 1, "x")]
    one, two = (write_text(tmp_path / f"{n}.bed", *rows[i:]) for i, n in enumerate(["one", "two"]))
    ds = ga.open_intervals([one, two], like=TOY, mode="category", categories=["y", "x"])
    ga.to_zarr(ds, tmp_path / "x.zarr")
    stored = ga.open_zarr(tmp_path / "x.zarr").label
    assert stored.dims == ds.label.dims
    np.testing.assert_array_equal(stored.values, ds.label.values)
    assert stored.category.values.tolist() == ["y", "x"]
    x = ga.windows(ds, ["chr1:0-8:-", "chr2:0-8"], 8, reduce="sum").label
    by_name = x.transpose("window", "track", "category").values
    assert by_name.tolist() == [[[5, 5], [5, 0]], [[0, 1], [0, 1]]]


def test_open_intervals__labels_blocks_of_bed12(tmp_path):
    row = ("chr1", 10, 90, "g", 7, "-", 12, 80, "0", 2, "20,30,", "0,50,")
    path = write_text(tmp_path / "x.bed", row, ("chr2", 5, 9, "h", 3, "+", 5, 5, "0", 1, "4", "0"))
    span = ga.open_intervals(path, like=TOY).label
    assert int(span.sum()) == 84
    exons = ga.open_intervals(path, like=TOY, blocks=True).label
    want = [*range(10, 30), *range(60, 90), *range(1042, 1046)]
    assert np.flatnonzero(exons.values).tolist() == want
    scores = ga.open_intervals(path, like=TOY, blocks=True, mode="score").label
    assert scores.values[want].tolist() == [7] * 50 + [3] * 4
    plain = write_text(tmp_path / "plain.bed", ("chr1", 1, 2))
    with pytest.raises(InputError, match="3 columns, and none for block_sizes"):
        ga.open_intervals(plain, like=TOY, blocks=True)
    with pytest.raises(
        GenomeError, match=r"blocks=True is for BED of 12 columns, not for bedGraph"
    ):
        ga.open_intervals(plain, like=TOY, blocks=True, format="bedGraph")


def test_open_intervals__mode_and_columns_must_fit(tmp_path):
    bed = write_text(tmp_path / "x.bed", ("chr1", 0, 5))
    graph = write_text(tmp_path / "x.bedGraph", ("chr1", 0, 5, 1.5))
    for path, mode in [(bed, "score"), (bed, "value"), (bed, "category"), (graph, "score")]:
        with pytest.raises(
            InputError, match=rf"{path.name}, line 1: the bed\w* file has \d columns"
        ):
            ga.open_intervals(path, like=TOY, mode=mode)


def test_open_intervals__negative_values_survive_overlaps(tmp_path):
    rows = [("chr1", 0, 10, -3), ("chr1", 5, 15, -1), ("chr1", 8, 12, -2.5)]
    path = write_text(tmp_path / "x.bedGraph", *rows)
    x = ga.open_intervals(path, like=TOY, mode="value", bin_size=5).label
    assert x.values[:4].tolist() == [-3, -1, -1, 0]
    x = ga.open_intervals(path, like=TOY, mode="value", bin_size=5, fill=-9).label
    assert x.values[:4].tolist() == [-3, -1, -1, -9]


def test_open_intervals__finds_long_intervals_from_any_start(tmp_path):
    rows = [("chr1", 3, 900), *(("chr1", at, at + 2) for at in range(10, 1000, 20))]
    path = write_text(tmp_path / "x.bed", *rows)
    whole = brute([(*row, 1) for row in rows], "presence", 1)
    x = ga.open_intervals(path, like=TOY, chunks=None).label
    for start in range(0, 1030, 7):
        part = x.isel(position=slice(start, start + 5)).values
        np.testing.assert_array_equal(part, whole[start : start + 5])


def test_open_intervals__contigs_of_the_file_are_laid_on_like(tmp_path):
    """Order is free, missing contigs have no data, others are dropped, named and counted."""
    rows = [("chrU", 0, 99999), ("chr3", 1, 3), ("chrU", 2, 3), ("chrV", 2, 3), ("chr1", 0, 2)]
    path = write_text(tmp_path / "x.bed", *rows)
    for like in (TOY, ga.Assembly("toy", dict(reversed(LENGTHS.items())))):
        x = ga.open_intervals(path, like=like).label
        assert {c: int(x.sel(contig=c).sum()) for c in LENGTHS} == {"chr1": 2, "chr2": 0, "chr3": 2}
        assert x.attrs["contigs_dropped"] == ["chrU", "chrV"]
        assert x.attrs["rows_dropped"] == 3
    other = write_text(tmp_path / "other.bed", ("1", 0, 2), ("3", 1, 3))
    with pytest.raises(ga.ContigError, match=r"other\.bed: none of its contigs .*'1': 'chr1'"):
        ga.open_intervals(other, like=TOY)
    both = ga.open_intervals([path, other], like=TOY, rename_contigs="match").label
    assert both.sum("position").values.tolist() == [4, 4]
    assert both.attrs["contigs_renamed"] == {"1": "chr1", "3": "chr3"}
    # a name in common: nothing is renamed unless asked
    mixed = write_text(tmp_path / "mixed.bed", ("chr1", 0, 2), ("3", 1, 3))
    x = ga.open_intervals(mixed, like=TOY).label
    assert (int(x.sum()), x.attrs["contigs_dropped"]) == (2, ["3"])


def test_open_intervals__options_are_part_of_the_name(tmp_path):
    path = write_text(tmp_path / "x.bed", ("1", 0, 5, "a", 3), ("chr1", 9, 10, "b", 4))
    options = [
        {},
        {"mode": "fraction"},
        {"bin_size": 2},
        {"fill": 2},
        {"rename_contigs": {"1": "chr2"}},
        {"rename_contigs": {"1": "chr3"}},
        {"mode": "category"},
        {"mode": "category", "by": "score"},
        {"mode": "category", "categories": ["b", "a"]},
    ]
    names = {ga.open_intervals(path, like=TOY, **some).label.data.name for some in options}
    assert len(names) == len(options)


def test_open_intervals__refuses_what_it_cannot_label(tmp_path):
    path = write_text(tmp_path / "x.bed", ("chr1", 1, 5, "a", "."), ("chr3", 80, 95, "b", 1))
    with pytest.raises(InputError, match=r"x\.bed, line 2: end 95 lies past the end of chr3"):
        ga.open_intervals(path, like=TOY)
    clipped = ga.open_intervals(path, like=TOY, out_of_bounds="clip").label
    assert clipped.sel(contig="chr3").values.sum() == 11
    with pytest.raises(InputError, match="line 1: there is no score"):
        ga.open_intervals(path, like=TOY, out_of_bounds="drop", mode="score")
    with pytest.raises(InputError, match="has 5 columns, and none for signal; use mode='presence'"):
        ga.open_intervals(path, like=TOY, mode="signal")
    with pytest.raises(GenomeError, match="give like="):
        ga.open_intervals(path, like=None)
    with pytest.raises(GenomeError, match="mode='any' is not known; known are presence"):
        ga.open_intervals(path, like=TOY, mode="any")
    with pytest.raises(GenomeError, match=r"min_overlap=1\.5 is not possible"):
        ga.open_intervals(path, like=TOY, min_overlap=1.5)
    with pytest.raises(GenomeError, match="for regions; say 'error', 'clip' or 'drop'"):
        ga.open_intervals(path, like=TOY, out_of_bounds="pad")


def test_open_intervals__reads_long_contigs(tmp_path):
    long = ga.Assembly("long", {"c": 2**31 + 10})
    path = write_text(tmp_path / "x.bed", ("c", 2**31, 2**31 + 5))
    x = ga.open_intervals(path, like=long, chunks=None)
    assert (
        x.sel(position=f"c:{2**31 - 2}-{2**31 + 10}").label.values.tolist()
        == [0] * 2 + [1] * 5 + [0] * 5
    )
