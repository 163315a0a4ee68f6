import pickle

import numpy as np
import pyBigWig
import pytest

import genoarrays as ga
from genoarrays.errors import AssemblyError, ContigError, GenomeError, InputError
from genoarrays.formats.lazy import origin
from tests.formats.files import LENGTHS, TOY, read_bigwig, write_bigwig


def random_entries(seed, sign=1):
    """Runs with gaps on chr1 and chr2; chr3 has no data."""
    rng = np.random.default_rng(seed)
    entries = []
    for contig in ("chr1", "chr2"):
        at = 0
        while at < LENGTHS[contig]:
            end = min(at + int(rng.integers(1, 40)), LENGTHS[contig])
            if rng.random() < 0.6:
                entries.append((contig, at, end, sign * np.float32(rng.normal() * 5)))
            at = end
    return entries


def brute(values, how, bin_size, fill=np.nan):
    out, at = [], 0
    for length in LENGTHS.values():
        for start in range(at, at + length, bin_size):
            some = values[start : min(start + bin_size, at + length)].astype(float)
            known = some[~np.isnan(some)]
            if not known.size:
                out.append(fill)
            elif how == "mean0":
                out.append(known.sum() / len(some))
            else:
                out.append(getattr(known, how)())
        at += length
    return np.array(out)


def test_open_bigwig__keeps_missing_apart_from_zero(tmp_path):
    path = write_bigwig(tmp_path / "x.bw", [("chr1", 2, 4, 0), ("chr2", 498, 500, 2.5)])
    for chunks in ("auto", 7, None):
        x = ga.open_bigwig(path, chunks=chunks).signal
        assert x.dtype == np.float32
        np.testing.assert_array_equal(x.values, read_bigwig(path))
        assert np.isnan(x.sel(contig="chr3").values).all()
    filled = ga.open_bigwig(path, fill=-1).signal.sel(position="chr1:0-5").values
    assert filled.tolist() == [-1, -1, 0, 0, -1]


@pytest.mark.parametrize("how", ["mean", "mean0", "sum", "max", "min"])
@pytest.mark.parametrize("bin_size", [1, 10, 37, 5000])
def test_open_bigwig__bins_equal_brute_force(tmp_path, how, bin_size):
    path = write_bigwig(tmp_path / "x.bw", random_entries(0))
    want = brute(read_bigwig(path), how, bin_size)
    for chunks in ("auto", 3, None):
        got = ga.open_bigwig(path, how=how, bin_size=bin_size, chunks=chunks).signal.values
        np.testing.assert_allclose(got, want, rtol=1e-6)
    filled = ga.open_bigwig(path, how=how, bin_size=bin_size, fill=0).signal.values
    np.testing.assert_allclose(filled, np.nan_to_num(want), rtol=1e-6)


def test_open_bigwig__stacks_tracks_and_strands(tmp_path):
    plus = write_bigwig(tmp_path / "a.bw", random_entries(1))
    minus = write_bigwig(
        tmp_path / "b.bw", [(c, s, e, -abs(v)) for c, s, e, v in random_entries(2)]
    )
    tracks = ga.open_bigwig([plus, minus])
    assert tracks.signal.dims == ("position", "track")
    assert tracks.track.values.tolist() == ["a", "b"]
    np.testing.assert_array_equal(tracks.signal.sel(track="b").values, read_bigwig(minus))
    pair = {"+": plus, "-": minus}
    alone = ga.open_bigwig(pair, chunks=100)
    assert alone.signal.dims == ("position", "strand")
    assert alone.signal.attrs["minus_negated"] is True
    want = np.stack([read_bigwig(plus), -read_bigwig(minus)], -1)
    np.testing.assert_array_equal(alone.signal.values, want)
    both = ga.open_bigwig({"s": pair, "t": {"+": minus, "-": plus}}, name="cage")
    assert both.cage.dims == ("position", "strand", "sample")
    assert both.cage.data.chunks[1:] == ((2,), (1, 1))
    assert both.cage.attrs["minus_negated"] == [True, False]
    np.testing.assert_array_equal(both.cage.sel(sample="s").values, want)
    got = both.cage.sel(sample="t", strand="-").values
    np.testing.assert_array_equal(got, read_bigwig(plus))
    raw = ga.open_bigwig(pair, negate_minus=False)
    np.testing.assert_array_equal(raw.signal.sel(strand="-").values, read_bigwig(minus))


def test_open_bigwig__negates_before_it_bins(tmp_path):
    plus = write_bigwig(tmp_path / "p.bw", [("chr1", 0, 1, 1)])
    minus = write_bigwig(tmp_path / "m.bw", [("chr1", 0, 5, -3), ("chr1", 5, 10, -1)])
    ds = ga.open_bigwig({"+": plus, "-": minus}, bin_size=10, how="max", fill=0)
    assert ds.signal[0].values.tolist() == [1, 3]


def test_open_bigwig__lies_on_another_genome(tmp_path):
    lengths = {"2": 500, "1": 1037, "GL": 9}
    path = write_bigwig(tmp_path / "x.bw", [("2", 0, 3, 5), ("GL", 0, 9, 1)], lengths)
    with pytest.raises(ContigError, match='rename_contigs="match"'):
        ga.open_bigwig(path, like=TOY)
    ds = ga.open_bigwig(path, like=TOY, rename_contigs="match", fill=0)
    assert np.flatnonzero(ds.signal.values).tolist() == [1037, 1038, 1039]
    assert ds.signal.attrs["contigs_dropped"] == ["GL"]
    pair = ga.open_bigwig({"+": path, "-": path}, like=TOY, rename_contigs="match", fill=0)
    assert np.flatnonzero(pair.signal[:, 1].values).tolist() == [1037, 1038, 1039]
    other = write_bigwig(tmp_path / "y.bw", [], {"chr1": 1000})
    with pytest.raises(AssemblyError, match="1,000 bp here and 1,037 bp in assembly 'toy'"):
        ga.open_bigwig(other, like=TOY)
    with pytest.raises(AssemblyError, match="give like="):
        ga.open_bigwig([path, other])


def test_open_bigwig__reads_a_file_without_entries(tmp_path):
    path = write_bigwig(tmp_path / "x.bw", [])
    assert np.isnan(ga.open_bigwig(path).signal.values).all()
    assert (ga.open_bigwig(path, bin_size=100, fill=0).signal.values == 0).all()


def test_open_bigwig__can_be_pickled_and_used_by_threads(tmp_path):
    path = write_bigwig(tmp_path / "x.bw", random_entries(3))
    ds = pickle.loads(pickle.dumps(ga.open_bigwig([path], chunks=50)))
    got = ds.signal.data.compute(scheduler="threads")[:, 0]
    np.testing.assert_array_equal(got, read_bigwig(path))


def test_open_bigwig__refuses_what_is_no_whole_bigwig(tmp_path, capfd):
    path = write_bigwig(tmp_path / "x.bw", random_entries(4))
    raw = path.read_bytes()
    for name, data, message in [
        ("text.bw", b"chr1\t0\t5\t1\n" * 9, "byte 0: it is no bigWig file; is it a wig"),
        ("short.bw", raw[:30], "byte 30: the file was cut off"),
        ("cut.bw", raw[: len(raw) // 2], r"byte \d+: the file was cut off"),
        ("empty.bw", b"", "the file is empty"),
    ]:
        (tmp_path / name).write_bytes(data)
        with pytest.raises(InputError, match=rf"{name}.*{message}"):
            ga.open_bigwig(tmp_path / name)
    with pytest.raises(InputError, match="No such file"):
        ga.open_bigwig(tmp_path / "none.bw")
    assert capfd.readouterr().err == ""


def test_open_bigwig__refuses_a_file_that_was_changed(tmp_path):
    path = write_bigwig(tmp_path / "x.bw", random_entries(5))
    other = write_bigwig(tmp_path / "y.bw", random_entries(5))
    ds = ga.open_bigwig({"+": path, "-": other})
    source = origin(ds.signal)
    assert [stamp.path for stamp in source.stamps] == [str(path), str(other)]
    write_bigwig(other, random_entries(6))
    with pytest.raises(InputError, match=r"y\.bw: the file was changed after it was opened"):
        ds.signal.values  # noqa: B018


def test_open_bigwig__refuses_options_it_does_not_know(tmp_path):
    path = write_bigwig(tmp_path / "x.bw", [])
    with pytest.raises(GenomeError, match="how='median' is not known; known are mean, mean0"):
        ga.open_bigwig(path, how="median")
    with pytest.raises(GenomeError, match="negate_minus='yes' is not known"):
        ga.open_bigwig(path, negate_minus="yes")
    with pytest.raises(
        GenomeError, match=r'the strands are \'\+\'; give \{"\+": path, "-": path\}'
    ):
        ga.open_bigwig({"+": path})
    with pytest.raises(GenomeError, match="some samples have strands"):
        ga.open_bigwig({"a": {"+": path, "-": path}, "b": path})


def test_open_bigwig__equals_pybigwig_on_real_tracks(shared_data):
    for path in sorted((shared_data / "yeast_sacCer3" / "bigwig").glob("*.bw")):
        ds = ga.open_bigwig(path)
        binned = ga.open_bigwig(path, bin_size=75, how="max")
        with pyBigWig.open(str(path)) as file:
            for contig, length in file.chroms().items():
                want = file.values(contig, 0, length, numpy=True)
                np.testing.assert_array_equal(ds.sel(contig=contig).signal.values, want)
                got = binned.sel(contig=contig).signal.values[:100]
                stats = file.stats(contig, 0, 7500, type="max", nBins=100, exact=True)
                np.testing.assert_array_equal(got, np.array(stats, dtype=np.float32))
