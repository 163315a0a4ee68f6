import pickle

import numpy as np
import pytest
from hypothesis import given
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


def test_open_intervals__options_are_part_of_the_name(tmp_path):
    path = write_text(tmp_path / "x.bed", ("1", 0, 5, "a", 3), ("chr1", 9, 10, "b", 4))
    options = [
        {},
        {"mode": "fraction"},
        {"bin_size": 2},
        {"fill": 2},
        {"rename_contigs": {"1": "chr2"}},
        {"rename_contigs": {"1": "chr3"}},
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
