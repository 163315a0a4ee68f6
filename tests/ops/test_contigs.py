import numpy as np
import pytest

import genoarrays as ga


def test_map_contigs__never_crosses_an_end():
    ds = ga.testing.random_genome({"chr1": 30, "chr2": 20}).chunk(position=7)
    smooth = ga.map_contigs(ds.signal, lambda part: part.rolling(position=5, min_periods=1).mean())
    for contig in ("chr1", "chr2"):
        alone = ds.signal.sel(contig=contig).compute().rolling(position=5, min_periods=1).mean()
        np.testing.assert_allclose(smooth.sel(contig=contig), alone, rtol=1e-5)
    assert ga.axis_of(smooth) == ga.axis_of(ds)
    shifted = ga.map_contigs(ds[["label"]], lambda part: part.shift(position=1, fill_value=9))
    assert shifted.label.values[[0, 30]].tolist() == [9, 9]
    parts = ga.map_contigs(ds.sel(position=["chr1:0-5", "chr1:10-15"]).label,
                           lambda part: part.isel(position=slice(1, None)))  # fmt: skip
    assert parts.position.values.tolist() == [1, 2, 3, 4, 11, 12, 13, 14]
    with pytest.raises(ga.RegionError, match="lost the dimension `position`"):
        ga.map_contigs(ds.label, lambda part: part.sum("position"))
    with pytest.raises(ga.RegionError, match="no positions"):
        ga.map_contigs(ds.isel(position=slice(0)), lambda part: part)


def test_map_contigs__of_many_scaffolds_in_a_store(tmp_path):
    ds = ga.testing.random_genome({f"s{n}": n % 7 + 2 for n in range(100)})[["signal", "label"]]
    ga.to_zarr(ds, tmp_path / "x.zarr", chunk=50, shard=200, progress=False)
    lazy = ga.open_zarr(tmp_path / "x.zarr", chunks=100)
    with ga.testing.count_computes() as computed:
        turned = ga.map_contigs(lazy, lambda part: part.shift(position=1))
    assert not computed
    expected = ga.map_contigs(ds, lambda part: part.shift(position=1))
    np.testing.assert_array_equal(turned.signal, expected.signal)
    starts = ga.axis_of(ds).edges[:-1]
    assert np.isnan(turned.label.values[starts]).all()
