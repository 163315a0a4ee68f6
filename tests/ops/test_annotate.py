"""Has each variant what the genome has at its base?"""

import dask.array as da
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import genoarrays as ga
from tests.ops.counted import Counted

LENGTHS = {"chr1": 40, "chr2": 15, "chr3": 23}


def table(sites, style, assembly=None):
    """Variants as read_variants has them, or as sgkit has them; contig and base of each."""
    if style == "sgkit":
        names = [*LENGTHS, "other"]
        return xr.Dataset(
            {
                "variant_contig": ("variants", np.array([names.index(c) for c, _ in sites], int)),
                "variant_position": ("variants", np.array([b + 1 for _, b in sites], "i4")),
                "contig_id": ("contigs", names),
            }
        )
    columns = {
        "contig": ("variant", np.array([c for c, _ in sites], np.dtypes.StringDType())),
        "start": ("variant", np.array([b for _, b in sites], "i8")),
    }
    return xr.Dataset(columns)


def brute(array, axis, sites, fill):
    """One variant after the other."""
    flat = array.transpose("position", ...).values.astype(float)
    code, bins = axis.at(np.arange(axis.size))
    places = {
        (axis.assembly.names[c], int(b)): n for n, (c, b) in enumerate(zip(code, bins, strict=True))
    }
    length = dict(zip(axis.assembly.names, axis.assembly.lengths.tolist(), strict=True))
    found = np.full((len(sites), *flat.shape[1:]), float(fill))
    for row, (contig, base) in enumerate(sites):
        n = places.get((contig, base // axis.bin_size))
        if n is not None and 0 <= base < length[contig]:
            found[row] = flat[n]
    return found


@settings(max_examples=80)
@given(
    bin_size=st.sampled_from([1, 4]), style=st.sampled_from(["sgkit", "vcf"]),
    part=st.sampled_from(["whole", "regions", "reversed", "scattered"]), chunk=st.integers(0, 9),
    sites=st.lists(
        st.tuples(st.sampled_from([*LENGTHS, "other"]), st.integers(-1, 45)), max_size=12
    ),
    ordered=st.booleans(),
)  # fmt: skip
def test_annotate_variants__equals_brute_force(bin_size, style, part, chunk, sites, ordered):
    ds = ga.testing.random_genome(LENGTHS, bin_size=bin_size)
    if part == "regions":
        ds = ds.sel(position=["chr3:3-9", "chr1:8-20", "chr1:30-40"])
    elif part == "reversed":
        ds = ds.isel(position=slice(None, None, -1))
    elif part == "scattered":
        ds = ds.isel(position=[7, 3, 5, 1])
    if ordered:
        sites = sorted(sites)
    axis = ga.axis_of(ds)
    lazy = ds.chunk(position=chunk, track=1) if chunk else ds
    variants = table([("chr1", 2), *sites], style)
    with ga.testing.count_computes() as computed:
        found = ga.annotate_variants(variants, lazy)
    assert not computed
    dim = "variant" if style == "vcf" else "variants"
    off = 0
    for name in ds.data_vars:
        fill = 4 if name == "dna" else np.nan
        expected = brute(ds[name], axis, [("chr1", 2), *sites], fill)
        assert found[name].dims == (dim, *(d for d in ds[name].dims if d != "position"))
        assert (found[name].chunks is not None) == bool(chunk)
        values = found[name].compute(scheduler="synchronous")
        np.testing.assert_array_equal(values.astype(float), expected, err_msg=name)
        if name == "reads":
            off = int(np.isnan(expected[:, 0]).sum())
            assert values.dtype == ("f8" if off else "u4")
    assert found.attrs["variants_off_axis"] == off
    assert found.drop_vars([*ds.data_vars, "track", "strand"]).identical(
        variants.assign_attrs(variants_off_axis=off)
    )
    assert found.track.values.tolist() == ["a", "b"]


def test_annotate_variants__of_a_vcf(tmp_path):
    ds = ga.testing.random_genome(LENGTHS)
    head = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    rows = "chr2\t5\t.\tA\tG,T\t.\tPASS\t.\nchr1\t40\t.\tAC\tA\t.\tPASS\t.\n"
    (tmp_path / "x.vcf").write_text(head + rows + "chr1\t1\t.\tC\tT\t9\tPASS\t.\n")
    like = ga.axis_of(ds).assembly
    variants = ga.read_variants(tmp_path / "x.vcf", like)
    assert variants.sizes["variant"] == 3  # the deletion ends past chr1
    found = ga.annotate_variants(variants, ds[["signal", "dna"]])
    np.testing.assert_array_equal(found.signal, ds.signal.values[[44, 44, 0]])
    assert found.ref.values.tolist() == ["A", "A", "C"]
    assert found.dna.dtype == np.int8
    assert found["variant"].values.tolist() == variants["variant"].values.tolist()
    assert found.attrs["variants"] == variants.attrs["variants"]
    named = ga.annotate_variants(variants, ds.label.rename("peak"))
    assert named.peak.dtype == np.uint8
    away = ga.annotate_variants(variants, ds.label.rename("peak").sel(contig="chr2"))
    assert away.peak.dtype == np.float32
    assert away.peak.values.tolist() == [
        *[float(ds.label[44])] * 2,
        pytest.approx(np.nan, nan_ok=True),
    ]
    assert away.attrs["variants_off_axis"] == 1


def test_annotate_variants__reads_few_stretches(tmp_path):
    ds = ga.testing.random_genome({"chr1": 10_000, "chr2": 500})
    source = Counted(ds.label.values)
    lazy = ds.label.copy(data=da.from_array(source, chunks=(1_000,))).rename("peak")
    sites = [("chr1", 9_990), ("chr2", 3), ("chr1", 10), ("chr1", 9_002), ("chr1", 500)]
    names = ["chr1", "chr2"]
    variants = xr.Dataset(
        {
            "variant_contig": ("variants", [names.index(c) for c, _ in sites]),
            "variant_position": ("variants", [b + 1 for _, b in sites]),
        },
        attrs={"contigs": names},
    )
    found = ga.annotate_variants(variants, lazy)
    assert not source.reads
    expected = [float(ds.label.sel(position=f"{c}:{b}-{b + 1}")[0]) for c, b in sites]
    assert found.peak.values.tolist() == expected
    reads = sorted((key[0].start, key[0].stop) for key in source.reads)
    assert reads == [(10, 501), (9_002, 9_991), (10_003, 10_004)]
    ga.to_zarr(ds, tmp_path / "x.zarr", progress=False)
    for chunks in (None, "auto"):
        stored = ga.open_zarr(tmp_path / "x.zarr", chunks=chunks)
        found = ga.annotate_variants(variants, stored)
        assert found.label.chunks is not None
        assert found.label.values.tolist() == expected
        assert found.signal.chunks[1] == ((1, 1) if chunks else (2,))


def test_annotate_variants__refuses():
    ds = ga.testing.random_genome(LENGTHS)
    variants = table([("chr1", 2)], "vcf")
    calls = table([("chr1", 2)], "sgkit")
    with pytest.raises(ga.GenomeError, match="no name for its variable"):
        ga.annotate_variants(variants, ds.label.rename(None))
    with pytest.raises(ga.GenomeError, match="nothing to add"):
        ga.annotate_variants(variants, ds[["track"]])
    with pytest.raises(ga.GenomeError, match=r"no table of variants; give what ga.read_v"):
        ga.annotate_variants(ds, ds)
    with pytest.raises(ga.GenomeError, match=r"ds.assign\(contig_id="):
        ga.annotate_variants(calls.drop_vars("contig_id"), ds)
    with pytest.raises(ga.GenomeError, match="variable 'contig_id' already; rename one"):
        ga.annotate_variants(calls, ds.label.rename("contig_id"))
    with pytest.raises(ga.GenomeError, match=r"have 'track', and so has 'signal'.*my_track"):
        ga.annotate_variants(variants.assign_coords(track=["x", "y"]), ds)
    same = ga.annotate_variants(variants.assign_coords(track=ds.track), ds[["signal"]])
    assert same.signal.dims == ("variant", "track")
    unlabelled = ds[["signal"]].drop_vars("track").rename(track="contigs")
    with pytest.raises(ga.GenomeError, match="have 'contigs', and so has 'signal'"):
        ga.annotate_variants(calls, unlabelled)
    with pytest.raises(ga.GenomeError, match="only numbers are added"):
        ga.annotate_variants(variants, ds.label.astype(str).rename("x"))
    other = ga.rename_contigs(ds, {"chr1": "1", "chr2": "2", "chr3": "3"})
    for some in (variants, calls.assign(contig_id=("contigs", [b"chr1", b"chr2", b"chr3", b"z"]))):
        with pytest.raises(
            ga.ContigError, match=r"none of the contigs .*ga.rename_contigs\(obj, \{'1': 'chr1'"
        ):
            ga.annotate_variants(some, other)
    renamed = ga.rename_contigs(other, {"1": "chr1"})
    assert ga.annotate_variants(variants, renamed).label == ds.label[2]
    strange = ga.rename_contigs(ds, {"chr1": "a", "chr2": "b", "chr3": "c"})
    with pytest.raises(ga.ContigError, match=r"its name.: .name of the variants"):
        ga.annotate_variants(variants, strange)
    lengths = calls.assign(contig_length=("contigs", [40, 16, 23, 5]))
    with pytest.raises(ga.AssemblyError, match="'chr2' has 16 bp where these variants lie and 15"):
        ga.annotate_variants(lengths, ds)
    elsewhere = ga.testing.random_genome({"chr1": 40})
    with pytest.raises(ga.AssemblyError, match=r"lie on 'random' .*drop_vars\('assembly'\)"):
        ga.annotate_variants(variants.assign_coords(assembly=elsewhere.assembly), ds)
    mixed = table([("chr3", 5), ("chr1", 2)], "vcf")
    lazy = ds.chunk(position=10)
    with ga.set_options(byte_limit=10), pytest.raises(ga.GenomeError, match="sort them first"):
        ga.annotate_variants(mixed, lazy)
