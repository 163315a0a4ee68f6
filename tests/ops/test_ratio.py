"""Is the log-ratio that of plain NumPy, sample by sample, and high where peaks are?"""

import dask.array as da
import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import genoarrays as ga
from tests.ops.counted import Counted

TEXT = np.dtypes.StringDType()


def counts(samples, seed, name, lengths=None, **attrs):
    """Reads (position, strand, sample) of a small genome, with the numbers kept."""
    lengths = lengths or {"chr1": 40, "chr2": 15}
    coords = ga.genome_coords(ga.Assembly("toy", lengths))
    rng = np.random.default_rng(seed)
    values = rng.poisson(2, (sum(lengths.values()), 2, len(samples))).astype("u4")
    kept = {label: {"kept": 100 * (seed + n + 1), "low_mapq": 7} for n, label in enumerate(samples)}
    x = xr.DataArray(values, coords, ["position", "strand", "sample"], name=name)
    x = x.assign_coords(sample=np.array(samples, TEXT), strand=np.array(["+", "-"], TEXT))
    return x.assign_attrs(reads=kept, count="five_prime", source=f"{name}.bam", **attrs)


def brute(a, b, fa, fb, pseudocount=1):
    return np.log2((a * np.asarray(fa) + pseudocount) / (b * np.asarray(fb) + pseudocount))


def test_log2_ratio__scales_the_larger_library_down_sample_by_sample():
    chip, control = counts(["x", "y"], 0, "chip"), counts(["y", "z", "x"], 1, "control")
    # kept: chip x 100, y 200; control y 200, z 300, x 400
    for a, b in ((chip, control), (chip.chunk(position=20, sample=1), control.chunk(position=15))):
        found = ga.log2_ratio(a, b)
        expected = brute(chip.values, control.values[..., [2, 0]], [1, 1], [0.25, 1])
        np.testing.assert_allclose(found, expected, rtol=1e-5)
        assert found.dims == chip.dims
        assert found.dtype == np.float32
        assert found["sample"].values.tolist() == ["x", "y"]
        assert ga.axis_of(found) == ga.axis_of(chip)
        told = found.attrs["log2_ratio"]
        assert told["factors"] == {"x": [1.0, 0.25], "y": [1.0, 1.0]}
        assert (told["of"], told["over"], told["scale"]) == ("chip", "control", "reads")
        assert found.attrs["source"] == ["chip.bam", "control.bam"]
        assert "reads" not in found.attrs


def test_log2_ratio__a_control_without_samples_serves_all():
    chip = counts(["x", "y"], 3, "chip")  # 400, 500
    for control in (
        counts(["i"], 0, "control").isel(sample=0),  # 100, with the label as a scalar
        counts(["i"], 0, "control").isel(sample=0, drop=True).assign_attrs(reads={"kept": 100}),
    ):
        found = ga.log2_ratio(chip, control.transpose())
        expected = brute(chip.values, control.values[..., None], [0.25, 0.2], 1)
        np.testing.assert_allclose(found, expected, rtol=1e-5)
        assert found.attrs["log2_ratio"]["factors"] == {"x": [0.25, 1.0], "y": [0.2, 1.0]}
    turned = ga.log2_ratio(chip.transpose(), control)
    np.testing.assert_allclose(turned, found.transpose())


@given(
    st.sampled_from([0, 0.5, 1, 3]), st.sampled_from(["u4", "f4", "f8", "i2"]), st.booleans(),
    st.lists(st.sampled_from([0.0, 1, 5, np.nan, np.inf]), min_size=2, max_size=2),
)  # fmt: skip
def test_log2_ratio__equals_numpy(pseudocount, dtype, lazy, some):
    ds = ga.testing.random_genome({"chr1": 30, "chr2": 7})
    a = ds.signal.astype(dtype) if dtype[0] == "f" else ds.reads[:, 0].astype(dtype)
    b = ds.label.astype("f4")
    b[:2] = some
    found = ga.log2_ratio(a.chunk(position=8) if lazy else a, b, pseudocount=pseudocount,
                          scale=(2, 0.5))  # fmt: skip
    with np.errstate(all="ignore"):
        below = b.values if a.ndim == 1 else b.values[:, None]
        expected = brute(a.values.astype("f8"), below.astype("f8"), 2, 0.5, pseudocount)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    assert found.dtype == (np.float64 if dtype == "f8" else np.float32)
    assert found.attrs["log2_ratio"]["factors"] == [2.0, 0.5]


def test_log2_ratio__factors_are_given_by_label():
    chip, control = counts(["x", "y"], 0, "chip"), counts(["y", "x"], 1, "control")
    expected = brute(chip.values, control.values[..., ::-1], [2, 3], 0.5)
    spikes = xr.DataArray([3.0, 2.0], {"sample": ["y", "x"]}, "sample")
    for factor in ({"x": 2, "y": 3, "z": 9}, spikes):
        found = ga.log2_ratio(chip, control, scale=(factor, 0.5))
        np.testing.assert_allclose(found, expected, rtol=1e-5)
    none = ga.log2_ratio(chip, control, scale="none")
    np.testing.assert_allclose(none, brute(chip.values, control.values[..., ::-1], 1, 1), rtol=1e-5)


def test_log2_ratio__is_lazy_and_is_stored(tmp_path):
    chip, control = counts(["x", "y"], 0, "chip"), counts(["x", "y"], 1, "control")
    source = Counted(chip.values)
    lazy = chip.copy(data=da.from_array(source, chunks=(20, 1, 1)))
    with ga.testing.count_computes() as computed:
        found = ga.log2_ratio(lazy, control)
        assert not computed
        assert found.chunks is not None
    ga.to_zarr(found.to_dataset(), tmp_path / "x.zarr", progress=False)
    assert len(source.reads) == 3 * 2 * 2
    again = ga.open_zarr(tmp_path / "x.zarr").log2_ratio
    xr.testing.assert_equal(again.compute(), ga.log2_ratio(chip, control))
    assert again.attrs["log2_ratio"] == found.attrs["log2_ratio"]
    x = ga.windows(ga.merge(lazy.rename("a"), control.rename("b")), ["chr1:3-9:-", "chr2:0-6"])
    np.testing.assert_allclose(
        ga.log2_ratio(x.a, x.b),
        ga.windows(ga.log2_ratio(chip, control), ["chr1:3-9:-", "chr2:0-6"]).log2_ratio,
    )


def test_log2_ratio__refuses():
    chip, control = counts(["x", "y"], 0, "chip"), counts(["x", "y"], 1, "control")
    with pytest.raises(ga.GenomeError, match="pseudocount=-1 is not possible"):
        ga.log2_ratio(chip, control, pseudocount=-1)
    with pytest.raises(ga.GenomeError, match="has 'x' and no sample 'y'"):
        ga.log2_ratio(chip, control.isel(sample=[0]))
    with pytest.raises(ga.GenomeError, match=r"'chip' has strands.*chip.sum\('strand'"):
        ga.log2_ratio(chip, control.sum("strand"))
    with pytest.raises(ga.GenomeError, match="'control' has strands"):
        ga.log2_ratio(chip.sum("strand"), control)
    with pytest.raises(ga.GenomeError, match="which has the dimension 'sample' besides"):
        ga.log2_ratio(chip.isel(sample=0), control)
    for attrs, message in (
        ({}, r"do not tell how many reads were kept; open it with.*totals=True.*scale='none'"),
        ({"count": "five_prime"}, r"do not tell how many reads were kept; .*totals=True"),
        ({"reads": {"x": {"kept": 5}}}, "of sample 'y' were kept"),
        ({"reads": {"x": {"kept": 5}, "y": {"kept": 0}}}, "no reads were kept of 'control'"),
    ):
        bare = control.copy()
        bare.attrs = attrs
        with pytest.raises(ga.GenomeError, match=message):
            ga.log2_ratio(chip, bare)
    for scale in ("depth", (1, 2, 3), 2.0):
        with pytest.raises(ga.GenomeError, match="say 'reads', 'none', or two factors"):
            ga.log2_ratio(chip, control, scale=scale)
    for factor in (0, -1, np.nan, {"x": 1, "y": np.inf}):
        with pytest.raises(ga.GenomeError, match="give finite numbers above 0"):
            ga.log2_ratio(chip, control, scale=(factor, 1))
    with pytest.raises(ga.GenomeError, match="no factor for the sample 'y'"):
        ga.log2_ratio(chip, control, scale=({"x": 1}, 1))
    with pytest.raises(ga.GenomeError, match=r"dimensions \('q',\) cannot be laid on 'chip'"):
        ga.log2_ratio(chip, control, scale=(xr.DataArray([1.0, 2], dims="q"), 1))
    with pytest.raises(ga.GenomeError, match="no factor for the label of 'chip'"):
        ga.log2_ratio(chip.isel(sample=0), control.isel(sample=0), scale=({"x": 1}, 1))
    other = counts(["x", "y"], 0, "control", {"chr1": 55})
    with pytest.raises(ga.AssemblyError, match="cannot divide arrays on 'toy'"):
        ga.log2_ratio(chip, other)
    binned = ga.coarsen(control, 5, "sum")
    with pytest.raises(ga.GenomeError, match=r"bins of 1 bp, the other of 5 bp;.*ga.regrid"):
        ga.log2_ratio(chip, binned)
    with pytest.raises(ga.GenomeError, match="they hold other regions"):
        ga.log2_ratio(chip, control.sel(contig="chr1"))
    dna = ga.testing.random_genome({"chr1": 40, "chr2": 15}).dna
    with pytest.raises(ga.GenomeError, match="'dna' holds codes of letters"):
        ga.log2_ratio(chip, dna)


@pytest.mark.parametrize(("kind", "suffix", "least"), [("PE", "bedpe", 0.92), ("SE", "bed", 0.98)])
def test_log2_ratio__of_real_chip_is_high_in_peaks(shared_data, tmp_path, kind, suffix, least):
    from sklearn.metrics import roc_auc_score

    folder = shared_data / "human_chr22_ctcf_chip"
    hg19 = ga.Assembly("hg19", {"chr22": 51_304_566})
    files = {n: folder / f"CTCF_{kind}_{n}_chr22_50k.{suffix}.gz" for n in ("ChIP", "CTRL")}
    opened = [
        ga.open_fragments(path, like=hg19, count="midpoint", bin_size=200, name=name)
        for name, path in files.items()
    ]
    with pytest.raises(ga.GenomeError, match="do not tell how many reads were kept"):
        ga.log2_ratio(opened[0].ChIP, opened[1].CTRL)
    ga.to_zarr(ga.merge(*opened), tmp_path / "chip.zarr", progress=False)
    ds = ga.open_zarr(tmp_path / "chip.zarr")
    found = ga.log2_ratio(ds.ChIP, ds.CTRL)

    def by_bin(path):
        rows = np.loadtxt(path, usecols=(1, 2), dtype=int)
        return np.bincount(rows.sum(1) // 2 // 200, minlength=found.size), len(rows)

    (chip, n), (control, m) = by_bin(files["ChIP"]), by_bin(files["CTRL"])
    factors = [min(n, m) / n, min(n, m) / m]
    assert found.attrs["log2_ratio"]["factors"] == factors
    np.testing.assert_allclose(found, brute(chip, control, *factors), rtol=1e-5, atol=1e-6)
    peaks = ga.open_intervals(
        folder / f"CTCF_{kind}_macs3_peaks.narrowPeak", like=hg19, bin_size=200
    ).label
    # all bins of 200 bp: 0.922 of pairs, 0.982 of single reads
    assert roc_auc_score(peaks.values > 0, found.values) > least
