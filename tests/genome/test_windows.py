import pickle
import time

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import genoarrays as ga
from genoarrays.genome.columns import Columns, make_columns
from genoarrays.genome.regions import (
    assembly_of,
    columns_dataset,
    region_columns,
    regions_dataset,
)
from genoarrays.genome.windows import count_by_contig, window_coords

TOY = ga.Assembly("toy", {"chr1": 100, "chr2": 50})


def table(assembly=TOY):
    return regions_dataset(
        ["chr1", "chr2", "chr1"], [0, 5, 7], [10, 9, 9], ["+", ".", "-"],
        assembly=assembly, extra={"score": [1.0, 2.0, 3.0]},
    )  # fmt: skip


def windows():
    x = xr.Dataset({"y": ("window", np.arange(3.0))}, window_coords(region_columns(table())))
    return x


def test_labels__name_contig_start_end_and_strand():
    assert table().region.values.tolist() == ["chr1:0-10:+", "chr2:5-9:.", "chr1:7-9:-"]
    assert windows().orientation.values.tolist() == ["+", ".", "-"]
    assert "WindowIndex" in repr(windows())


def test_sel__finds_windows_by_label():
    x = windows()
    assert x.sel(window="chr2:5-9").y.item() == 1
    assert x.sel(window=["chr1:7-9:-", "chr1:0-10"]).y.values.tolist() == [2, 0]
    for label in ("chr1:0-10:-", "chr1:0-11", "chr7:0-10", "chr1", ["chr2:5-9", "chr1:0-11"]):
        with pytest.raises(ga.RegionError, match="no window is"):
            x.sel(window=label)
    with pytest.raises(ga.RegionError, match="not by slice"):
        x.sel(window=slice("chr1:0-10", "chr2:5-9"))


def test_different_windows__never_combine():
    x = windows().y
    one, two = x.isel(window=[0, 1]), x.isel(window=[1, 2])
    with pytest.raises(ga.RegionError, match="two different sets of windows"):
        one - two
    with pytest.raises(ValueError, match="exact"):
        xr.align(one, two, join="exact")
    assert (one - one).values.tolist() == [0, 0]


def test_the_same_windows_in_another_order__are_told_and_put_in_order():
    x = windows()
    other = x.isel(window=[2, 0, 1])
    cure = r"give one the order of the other: other\.sel\(window=x\.window\.values\)"
    with pytest.raises(ga.RegionError, match=f"the same 3 windows in another order; {cure}"):
        x.y - other.y
    assert (x - other.sel(window=x.window.values)).y.values.tolist() == [0, 0, 0]
    assert (other - x.sel(window=other.window.values)).y.values.tolist() == [0, 0, 0]


def test_some_of_the_windows__are_told_and_selected():
    other = windows()
    x = other.isel(window=[2, 0])
    message = r"all 2 windows of one, x, are among the 3 of the other.*other\.sel\(window=x\.window"
    for one, two in [(x, other), (other, x)]:
        with pytest.raises(ga.RegionError, match=message):
            one.y - two.y
    assert (x - other.sel(window=x.window.values)).y.values.tolist() == [0, 0]
    renamed = table().rename(region="peak")
    with pytest.raises(ga.RegionError, match=r"other\.sel\(peak=x\.peak\.values\)"):
        renamed.score - renamed.score.isel(peak=[1])


@pytest.mark.parametrize("rows", [[0, 0, 2], [0, 1, 1], [0, 0, 1, 2]])
def test_windows_that_are_there_twice__get_no_cure_that_fails(rows):
    """A label finds both of them."""
    x, other = windows(), windows().isel(window=rows)
    with pytest.raises(ga.RegionError) as error:
        x.y - other.y
    if "other.sel" in str(error.value):  # then x is the one that repeats
        assert (other - x.sel(window=other.window.values)).y.values.tolist() == [0, 0, 0]
        assert "in another order" not in str(error.value)


@given(st.data())
def test_sel__of_labels_equals_brute_force(data):
    place = st.tuples(
        st.sampled_from(["chr1", "chr2"]), st.integers(0, 2), st.integers(3, 4),
        st.sampled_from("+-."),
    )  # fmt: skip
    here = data.draw(st.lists(place, min_size=1, max_size=12))
    columns = make_columns(*zip(*here, strict=True), TOY)
    x = xr.Dataset({"y": ("window", np.arange(len(here)))}, window_coords(columns))
    asked = data.draw(st.lists(st.sampled_from(here), max_size=5))
    expected = [
        row
        for *where, strand in asked
        for row, one in enumerate(here)
        if list(one[:3]) == where and strand in (".", one[3])
    ]
    labels = [f"{contig}:{start}-{end}:{strand}" for contig, start, end, strand in asked]
    assert x.sel(window=labels).y.values.tolist() == expected


def test_sel__of_many_labels_is_no_search_for_each():
    size = 20_000
    start = np.arange(size)[::-1] * 10
    columns = make_columns(["chr1"] * size, start, start + 50)
    x = xr.Dataset({"y": ("window", np.arange(size))}, window_coords(columns))
    began = time.perf_counter()
    assert x.isel(window=slice(None, None, -1)).sel(window=x.window.values).y.equals(x.y)
    assert time.perf_counter() - began < 5  # a guard against quadratic time, no measurement


def test_windows__keep_their_index_through_xarray():
    x = windows()
    x["z"] = x.y * 2
    assert pickle.loads(pickle.dumps(x)).identical(x)
    both = xr.concat([x, x.isel(window=[1])], "window")
    assert both.sel(window="chr2:5-9").z.values.tolist() == [2, 2]
    assert x.groupby("contig").mean().y.values.tolist() == [1, 1]
    assert x.to_dataframe().loc["chr2:5-9:.", "y"] == 1


def test_region_columns__reads_the_variables_not_the_labels():
    moved = table().assign(start=("region", [1, 6, 8]))
    assert region_columns(moved).start.tolist() == [1, 6, 8]
    assert region_columns(moved).assembly == TOY
    with pytest.raises(ga.RegionError, match="lacks end"):
        region_columns(table().drop_vars("end"))


def test_make_columns__refuses_nonsense():
    with pytest.raises(ga.RegionError, match=r"region 1 is chr2:9-5; 0 <= start <= end"):
        make_columns(["chr1", "chr2"], [0, 9], [10, 5])
    with pytest.raises(ga.RegionError, match="region 0 is chr1:-1-5"):
        make_columns(["chr1"], [-1], [5])
    with pytest.raises(ga.RegionError, match=r"strand 'x'; known"):
        make_columns(["chr1"], [0], [5], ["x"])
    with pytest.raises(ga.ContigError, match="contig 'chr3'"):
        make_columns(["chr3"], [0], [5], assembly=TOY)


def test_concat__of_tables_on_two_assemblies_is_refused():
    other = ga.Assembly("other", {"chr1": 100, "chr2": 51})
    with pytest.raises(ga.AssemblyError, match="chr2 has 50 bp here and 51 there"):
        xr.concat([table(), table(other)], "region", coords="minimal", compat="override")
    mixed = xr.concat([table(), table(None).drop_vars("assembly", errors="ignore")], "region")
    assert assembly_of(mixed) == TOY


def test_assembly_of__needs_one():
    assert assembly_of(table()) == TOY
    assert assembly_of(xr.Dataset(coords=ga.genome_coords(TOY))) == TOY
    for obj, cure in [
        (table(None), r"ga\.read_regions\(table, like=\.\.\.\)"),
        (["chr1:0-5"], r"ga\.read_regions\(list, like=\.\.\.\)"),
        (xr.DataArray([1, 2]), r"assign_coords\(ga\.genome_coords"),
    ]:
        with pytest.raises(ga.AssemblyError, match=f"does not know its assembly; .*{cure}"):
            assembly_of(obj)
    assert assembly_of(ga.read_regions(table(None), like=TOY)) == TOY


def test_region_columns__of_a_table_made_of_columns_may_begin_before_the_contig():
    columns = Columns(
        TOY.names, np.int32([0, 1]), np.int64([-3, 2]), np.int64([5, 9]), np.int8([1, -1]), TOY
    )
    own = columns_dataset(columns)
    assert region_columns(own) is columns
    with pytest.raises(ga.RegionError, match="0 <= start <= end must hold"):
        region_columns(own.assign(end=own.end + 1))
    moved = region_columns(own.assign(start=own.start + 3))
    assert moved.start.tolist() == [0, 5]


def test_count_by_contig__counts_windows_and_regions():
    assert count_by_contig(table()) == {"chr1": 2, "chr2": 1}
    assert count_by_contig(windows().y.isel(window=[1])) == {"chr2": 1}
    assert count_by_contig(windows().isel(window=[])) == {}
    assert count_by_contig(windows(), most=1) == {"chr1": 2, "1 others": 1}
    assert count_by_contig(xr.Dataset({"y": ("window", [1, 2])})) == {}
