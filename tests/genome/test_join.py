import numpy as np
import pytest

import genoarrays as ga

LIKE = ga.Assembly("toy", {"chr1": 100, "chr2": 50})


def table(rows, **columns):
    regions = ga.read_regions(rows, like=LIKE)
    return regions.assign({name: ("region", np.asarray(a)) for name, a in columns.items()})


def test_concat_regions__keeps_rows_columns_and_assembly():
    first = table(["chr2:5-9:-", "chr1:0-4"], score=[1, 2], kind=np.array(["a", "b"]))
    second = table(["chr1:50-60"], depth=[7])
    both = ga.concat_regions([first, second], label="of")
    assert both.region.values.tolist() == ["chr2:5-9:-", "chr1:0-4:.", "chr1:50-60:."]
    assert both.strand.values.tolist() == ["-", ".", "."]
    np.testing.assert_array_equal(both.score, [1, 2, np.nan])
    np.testing.assert_array_equal(both.depth, [np.nan, np.nan, 7])
    assert both.kind.values.tolist() == ["a", "b", "."]
    assert both.of.values.tolist() == [0, 0, 1]
    assert ga.windows(ga.testing.random_genome({"chr1": 100, "chr2": 50}), both, 4,
                      anchor="start").sizes["window"] == 3  # fmt: skip


def test_concat_regions__keys_become_labels_of_windows():
    ds = ga.testing.random_genome({"chr1": 200})
    sites = ga.read_regions(["chr1:10-20", "chr1:40-50:-"], like=ds)
    background = ga.sample_background(sites, ds, ratio=2, seed=0)
    regions = ga.concat_regions({1: sites, 0: background}, label="bound")
    x = ga.windows(ds, regions)
    assert x.bound.dims == ("window",)
    assert x.bound.values.tolist() == [1, 1, 0, 0, 0, 0]


def test_concat_regions__refuses():
    one = table(["chr1:0-4"], score=[1])
    with pytest.raises(ga.RegionError, match="'score' holds text in one table"):
        ga.concat_regions([one, table(["chr1:0-4"], score=np.array(["x"]))])
    with pytest.raises(ga.RegionError, match="there are no tables"):
        ga.concat_regions([])
    with pytest.raises(ga.RegionError, match="label='score' is a column already"):
        ga.concat_regions([one, one], label="score")
    other = ga.read_regions(["chr1:0-4"], like=ga.Assembly("other", {"chr1": 99}))
    with pytest.raises(ga.AssemblyError, match="cannot concatenate regions"):
        ga.concat_regions([one, other])
    with pytest.raises(ga.RegionError, match="no table of regions"):
        ga.concat_regions([one.drop_vars("contig")])
