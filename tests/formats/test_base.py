import gc
import pickle
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import genoarrays as ga
from genoarrays.errors import GenomeError, InputError
from genoarrays.formats import lazy
from genoarrays.formats.base import FileArray, file_dataset
from genoarrays.formats.files import Handles, Stamp
from genoarrays.formats.lazy import as_variable, origin
from genoarrays.genome.axis import GenomeAxis
from tests.formats.files import TOY


@dataclass(frozen=True)
class Counting:
    """Values that tell where they stand: contig number * 10,000 + first base of the bin."""

    bin_size: int = 1
    shape: tuple = ()
    add: int = 0
    stamp = Stamp("/nowhere", 1, 1)
    kind = "counting"
    dtype = np.dtype(np.int64)
    fill = -1
    reads: ClassVar[list] = []

    @property
    def token(self):
        return self.bin_size, self.shape, self.add

    def read(self, contig, start, end):
        self.reads.append((contig, start, end))
        assert start % self.bin_size == 0
        if contig == "chr3":  # the file lacks it
            values = np.full(-(-(end - start) // self.bin_size), self.fill)
        else:
            values = TOY.code(contig) * 10_000 + np.arange(start, end, self.bin_size) + self.add
        return values.reshape(-1, *[1] * len(self.shape)) + np.arange(
            int(np.prod(self.shape))
        ).reshape(self.shape)


def dense(axis, add=0):
    code, bins = axis.at(np.arange(axis.size))
    return np.where(code == 2, -1, code * 10_000 + bins * axis.bin_size + add)


AXES = st.sampled_from(
    [
        GenomeAxis(TOY),
        GenomeAxis(TOY, 7),
        GenomeAxis(TOY, 7)[::3],
        GenomeAxis(TOY)[::-5],
        GenomeAxis(TOY, 10)[np.array([3, 4, 5, 120, 119, 0])],
    ]
)
KEYS = st.one_of(
    st.slices(60),
    st.integers(0, 5),
    st.lists(st.integers(-6, 5), min_size=1, max_size=9).map(np.array),
)


@given(AXES, KEYS)
def test_file_array__equals_slicing_the_dense_array(axis, key):
    array = FileArray(axis, [Counting(axis.bin_size)], [{}], stacked=False)
    np.testing.assert_array_equal(array[key], dense(axis)[key])


@given(st.tuples(KEYS, st.sampled_from([0, slice(None), slice(1, 2), np.array([1, 0])]),
                 st.sampled_from([1, slice(None), slice(0, 0), np.array([2, 0, 2])])))  # fmt: skip
def test_file_array__indexes_each_dimension_by_itself(key):
    axis = GenomeAxis(TOY, 100)
    sources = [Counting(100, (2,), add=add) for add in (0, 1000, 2000)]
    array = FileArray(axis, sources, [{}] * 3, stacked=True)
    assert array.shape == (axis.size, 2, 3)
    full = np.stack(
        [np.stack([dense(axis, add), dense(axis, add) + 1], -1) for add in (0, 1000, 2000)], -1
    )
    full[axis.at(np.arange(axis.size))[0] == 2] = np.array([-1, 0])[:, None]
    for dim in (2, 1, 0):
        full = full[(slice(None),) * dim + (key[dim],)]
    np.testing.assert_array_equal(array[key], full)


def test_file_array__reads_bounded_parts_and_only_what_is_asked(monkeypatch):
    monkeypatch.setattr("genoarrays.formats.base._BLOCK", 100)
    array = FileArray(GenomeAxis(TOY), [Counting()], [{}], stacked=False)
    Counting.reads.clear()
    array[950:1100]
    assert Counting.reads == [("chr1", 950, 1037), ("chr2", 0, 63)]
    Counting.reads.clear()
    assert array[:1037:50].tolist() == list(range(0, 1037, 50))
    assert max(end - start for _, start, end in Counting.reads) <= 100


def test_file_array__renames_and_leaves_out_contigs():
    names = {"chr1": "chr2", "chr2": None}
    array = FileArray(GenomeAxis(TOY, 500), [Counting(500)], [names], stacked=False)
    assert array[:].tolist() == [10_000, 10_500, 11_000, -1, -1]


def test_file_array__refuses_positions_outside():
    array = FileArray(GenomeAxis(TOY), [Counting()], [{}], stacked=False)
    with pytest.raises(IndexError, match="1,628 positions"):
        array[np.array([0, 1628])]
    with pytest.raises(IndexError):
        array[-1629]


def lay(chunks, stacked=False, **options):
    axis = GenomeAxis(TOY, 10)
    sources = [Counting(10, (2,), add=add) for add in range(3 if stacked else 1)]
    array = FileArray(axis, sources, [{}] * len(sources), stacked=stacked)
    coords = {"strand": ["+", "-"]} | ({"track": ["a", "b", "c"]} if stacked else {})
    return file_dataset({"x": array}, coords, chunks, {"x": {"source": "nowhere"}})


def test_file_dataset__is_labelled_lazy_and_small_to_pickle():
    Counting.reads.clear()
    ds = lay("auto", stacked=True)
    assert ds.x.dims == ("position", "strand", "track")
    assert ds.x.data.chunks == ((164,), (2,), (1, 1, 1))
    assert ds.x.attrs == {"source": "nowhere"}
    packed = pickle.dumps(ds)
    assert len(packed) < 10_000
    assert Counting.reads == []
    got = pickle.loads(packed).sel(position="chr2:20-40", strand="-", track="b").x
    assert got.values.tolist() == [10_022, 10_032]


@pytest.mark.parametrize("chunks", ["auto", None, 7, {"position": 50}, {}, {"position": -1}])
def test_file_dataset__gives_the_same_values_in_any_chunks(chunks):
    values = lay(chunks, stacked=True).x.transpose("track", "strand", "position")
    np.testing.assert_array_equal(values.values, lay("auto", stacked=True).x.values.T)


def test_file_dataset__without_dask_reads_what_is_selected():
    Counting.reads.clear()
    ds = lay(None)
    part = ds.sel(position="chr1:100-120", strand="+")
    assert Counting.reads == []
    assert part.x.values.tolist() == [100, 110]
    assert Counting.reads == [("chr1", 100, 120)]
    assert pickle.loads(pickle.dumps(part)).x.values.tolist() == [100, 110]


def test_as_variable__chunks_by_bytes_in_whole_multiples():
    array = FileArray(GenomeAxis(TOY), [Counting(1, (2,))], [{}], stacked=False)
    with ga.set_options(chunk_bytes=16 * 250):
        variable = as_variable(array, ("position", "strand"), name="n", multiple=100)
    assert variable.chunks == ((200,) * 8 + (28,), (2,))
    assert variable.encoding["preferred_chunks"] == {"position": 200, "strand": 2}


@pytest.mark.parametrize("chunks", ["big", {"base": 3}, True, 2.5])
def test_as_variable__refuses_other_chunks(chunks):
    with pytest.raises(GenomeError, match=r"lengths by dimension such as \{'position': 164"):
        lay(chunks)


def test_dask_names__depend_on_what_decides_the_values():
    assert lay("auto").x.data.name == lay("auto").x.data.name
    assert lay("auto").x.data.name != lay(7).x.data.name
    assert lay("auto", stacked=True).x.data.name != lay("auto").x.data.name


def test_origin__leads_back_to_an_untouched_array():
    for chunks in ("auto", None):
        ds = lay(chunks)
        found = origin(ds.x)
        assert isinstance(found, FileArray)
        assert found[3, 1] == 31
        assert origin(ds.x.variable) is found
        for changed in (ds.x[1:], ds.x + 1, ds.x.T[:, 5:], ds.x.isel(strand=0)):
            assert origin(changed) is None
    assert origin(xr.DataArray([1])) is None


def test_origin__does_not_keep_arrays_alive():
    ds = lay(77)
    name = ds.x.data.name
    assert name in lazy._sources
    del ds
    gc.collect()
    assert name not in lazy._sources


def test_stamp__refuses_what_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match=r"none\.bw: cannot be read \(No such file"):
        Stamp.of(tmp_path / "none.bw")
    with pytest.raises(InputError, match="folder"):
        Stamp.of(tmp_path)
    (tmp_path / "empty").touch()
    with pytest.raises(InputError, match="the file is empty"):
        Stamp.of(tmp_path / "empty")


def test_handles__are_opened_once_per_thread_and_checked(tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    path = tmp_path / "a"
    path.write_text("1")
    opened = []
    handles = Handles(lambda stamp: opened.append(stamp) or object(), most=2)
    stamp = Stamp.of(path)
    assert handles(stamp) is handles(stamp)
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(handles, stamp).result() is not handles(stamp)
    assert len(opened) == 2
    path.write_text("22")
    with pytest.raises(InputError, match="changed after it was opened"):
        Handles(lambda stamp: stamp)(stamp)
