import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import genoarrays as ga
from tests.formats.files import TOY, write_text

ROWS = [("chr2", 5, 20, "a", 7.5, "+"), ("chr1", 0, 300, "b", 1, "-"), ("chr1", 1, 2, "c", 0, ".")]


@pytest.fixture
def regions(tmp_path):
    return ga.read_regions(write_text(tmp_path / "x.bed", *ROWS), TOY)


def test_to_pandas__is_undone_by_read_regions(regions):
    frame = ga.to_pandas(regions)
    assert list(frame.itertuples(index=False, name=None)) == [
        (c, s, e, way, name, score) for c, s, e, name, score, way in ROWS
    ]
    assert list(frame) == ["contig", "start", "end", "strand", "name", "score"]
    again = ga.read_regions(frame, TOY)
    xr.testing.assert_identical(again.drop_attrs(), regions.drop_attrs())
    empty = ga.to_pandas(regions.isel(region=slice(0)))
    assert empty.empty
    assert list(empty) == list(frame)


def test_to_pyranges__is_undone_by_read_regions(regions):
    pytest.importorskip("pyranges")
    stranded = regions.isel(region=slice(2))
    ranges = ga.to_pyranges(stranded)
    assert ranges.stranded
    assert list(ranges.columns) == ["Chromosome", "Start", "End", "Strand", "name", "score"]
    again = ga.to_pandas(ga.read_regions(ranges, TOY)).sort_values("start", ignore_index=True)
    want = ga.to_pandas(stranded).sort_values("start", ignore_index=True)
    pd.testing.assert_frame_equal(again, want)
    assert len(ga.to_pyranges(regions)) == 3


def test_to_pandas__gives_predictions_with_their_places(regions):
    ds = ga.merge(ga.open_intervals(regions.attrs["source"], like=TOY))
    x = ga.windows(ds, regions.isel(region=slice(2)), 4, anchor="start")
    y = x.label.mean("offset").rename("mean")
    frame = ga.to_pandas(y)
    assert list(frame) == ["contig", "start", "end", "strand", "mean"]
    assert frame["strand"].tolist() == ["+", "-"]
    np.testing.assert_array_equal(frame["mean"], y.values)
    with pytest.raises(ga.RegionError, match=r"'label' has dimensions \(window, offset\)"):
        ga.to_pandas(x)
    with pytest.raises(ga.RegionError, match="no regions or windows"):
        ga.to_pandas(ds)


def test_to_pandas__gives_tracks_as_columns(regions):
    values = np.arange(regions.sizes["region"] * 2.0).reshape(-1, 2)
    y = regions.drop_vars(list(regions.data_vars)).assign(
        mean=(("track", "region"), values.T), n=("region", values[:, 0])
    )
    y = y.assign_coords(track=["a", "b"])
    frame = ga.to_pandas(y)
    assert list(frame)[4:] == ["mean_a", "mean_b", "n"]
    np.testing.assert_array_equal(frame[["mean_a", "mean_b"]], values)
    np.testing.assert_array_equal(ga.to_pandas(y["mean"])[["a", "b"]], values)
    with pytest.raises(ga.RegionError, match="one for each label"):
        ga.to_pandas(y.drop_vars("track"))


def test_to_pyranges__is_imported_on_use():
    code = "import sys, genoarrays.formats.intervals.frames; assert 'pyranges' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
