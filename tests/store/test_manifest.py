import google_crc32c
import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

import genoarrays as ga
from genoarrays.store.manifest import Fault, faults, load, manifest_dtype
from genoarrays.store.marker import read_marker
from genoarrays.store.place import Folder
from genoarrays.store.shard import compressors
from tests.store.stores import SHARD, files, index_of, record_of, write


def shard_bytes(folder, values, chunk):
    """A shard as zarr-python writes it; None when it writes no file."""
    with zarr.config.set({"codec_pipeline.path": "zarr.core.codec_pipeline.BatchedCodecPipeline"}):
        array = zarr.create_array(
            folder / "x",
            shape=values.shape,
            dtype=values.dtype,
            chunks=(chunk,),
            shards=values.shape,
            compressors=compressors(values.dtype),
            fill_value=0,
            overwrite=True,
        )
        array[:] = values
    file = folder / "x" / "c" / "0"
    return file.read_bytes() if file.exists() else None


@pytest.mark.parametrize("inner", [1, 3, 512])
def test_manifest_dtype__is_a_packed_record(inner):
    dtype = manifest_dtype(inner)
    assert dtype.itemsize == 16 + 4 * inner
    assert dtype.names == ("length", "crc", "index", "chunks")


@settings(max_examples=20)
@given(st.lists(st.booleans(), min_size=1, max_size=6), st.integers(0, 9))
def test_record_of__holds_what_zarr_wrote(tmp_path_factory, stored, seed):
    values = np.random.default_rng(seed).integers(1, 100, (len(stored), 50)).astype("i4")
    values[~np.array(stored)] = 0
    content = shard_bytes(tmp_path_factory.mktemp("shard"), values.reshape(-1), 50)
    record = record_of(content, len(stored))
    assert record.shape == ()
    assert record.dtype == manifest_dtype(len(stored))
    if not any(stored):
        assert content is None
        assert int(record["length"]) == -1
        assert not record["chunks"].any()
        return
    assert int(record["length"]) == len(content)
    assert int(record["crc"]) == google_crc32c.value(content)
    assert record["index"].tobytes() == content[-4:]
    index = np.frombuffer(content[-4 - 16 * len(stored) : -4], "<u8").reshape(-1, 2).tolist()
    for number, (start, size) in enumerate(index):
        if not stored[number]:
            assert record["chunks"][number] == 0
            continue
        chunk = content[start : start + size]
        assert record["chunks"][number].tobytes() == chunk[-4:]
        assert int(record["chunks"][number]) == google_crc32c.value(chunk[:-4])


def test_load__gives_a_record_for_each_shard_of_a_store(tmp_path):
    path = write(tmp_path / "a.zarr")
    for name, grid in {"signal": (2, 4), "reads": (1, 4), "dna": (4,), "label": (4,)}.items():
        records = load(path, f"1bp/{name}")
        assert records.tobytes() == load(Folder(path), f"1bp/{name}").tobytes()
        assert len(records) == np.prod(grid)
        for record, where in zip(records, np.ndindex(*grid), strict=True):
            file = path.joinpath("1bp", name, "c", *map(str, where))
            content = file.read_bytes() if file.exists() else None
            assert record == record_of(content, 3)
    assert load(path, "1bp/label")["length"][0] == -1


@pytest.mark.parametrize("content", [b"", b"PK\3\4", b"\x93NUMPY\1\0\1\0{", b"x" * 99])
def test_load__refuses_what_is_no_manifest(tmp_path, content):
    path = write(tmp_path / "a.zarr")
    file = path / "1bp" / "dna" / "manifest.npy"
    file.write_bytes(content)
    with pytest.raises(ga.StoreError, match=r"dna/manifest.npy: this is no manifest .*ga.verify\("):
        load(path, "1bp/dna")
    np.save(file, np.zeros(3))
    with pytest.raises(ga.StoreError, match="this is no manifest"):
        load(path, "1bp/dna")
    file.unlink()
    with pytest.raises(ga.StoreError, match="No such file"):
        load(path, "1bp/dna")


@pytest.fixture(scope="module")
def shard(tmp_path_factory):
    """Content of a shard with three inner chunks."""
    path = write(tmp_path_factory.mktemp("shard") / "a.zarr")
    return (path / "1bp" / "dna" / "c" / "1").read_bytes()


def found(folder, content, record, chunks=None, **how):
    file = folder / "s"
    file.unlink(missing_ok=True)
    if content is not None:
        file.write_bytes(content)
    return list(faults(Folder(folder), "s", record, chunks, **how))


def test_faults__of_a_shard_that_is_whole_are_none(tmp_path, shard):
    assert found(tmp_path, shard, record_of(shard, 3)) == []
    assert found(tmp_path, shard, record_of(shard, 3), [0, 1, 2]) == []
    assert found(tmp_path, shard, record_of(shard, 3), [0, 2], by_tail=True) == []
    assert found(tmp_path, None, record_of(None, 3)) == []
    assert list(faults(Folder(tmp_path), "s", None, inner=3)) == []


@settings(max_examples=100)
@given(st.data())
def test_faults__name_the_chunk_of_any_flipped_bit(tmp_path_factory, shard, data):
    folder = tmp_path_factory.getbasetemp()
    bit = data.draw(st.integers(0, 8 * len(shard) - 1))
    damaged = bytearray(shard)
    damaged[bit // 8] ^= 1 << bit % 8
    (fault,) = found(folder, bytes(damaged), record_of(shard, 3))
    expected = [
        number
        for number, (start, size) in enumerate(index_of(shard))
        if start <= bit // 8 < start + size
    ]
    assert [fault.chunk] == (expected or [None])
    (alone,) = faults(Folder(folder), "s", None, inner=3)
    assert alone == fault
    others = sorted({0, 1, 2} - set(expected))
    for how in ({}, {"by_tail": True}):
        some = found(folder, bytes(damaged), record_of(shard, 3), others, **how)
        assert some == ([] if expected else [fault])
    assert found(folder, bytes(damaged), record_of(shard, 3), [0, 1, 2]) == [fault]
    some = found(folder, bytes(damaged), record_of(shard, 3), [0, 1, 2], by_tail=True)
    in_checksum = expected and bit // 8 >= sum(index_of(shard)[expected[0]]) - 4
    assert [f.chunk for f in some] == ([] if expected and not in_checksum else [fault.chunk])


def test_faults__of_a_shard_as_a_whole(tmp_path, shard):
    record = record_of(shard, 3)
    for chunks in (None, [1]):
        assert "the file is missing" in found(tmp_path, None, record, chunks)[0].problem
        assert "had" in found(tmp_path, shard[:-1], record, chunks)[0].problem
        assert "had" in found(tmp_path, b"", record, chunks)[0].problem
        none = found(tmp_path, shard, record_of(None, 3), chunks)
        assert none == [Fault(None, "there is a file where none was written")]
    place = Folder(tmp_path)
    (tmp_path / "folder" / "s").mkdir(parents=True)
    size = place.size("folder/s")
    record["length"] = size
    (fault,) = faults(place, "folder/s", record)
    assert fault.problem.startswith("the file cannot be read (")


def test_faults__tell_another_shard_of_the_same_layout(tmp_path):
    values = np.random.default_rng(0).integers(0, 2**31, (2, SHARD)).astype("i4")
    one, other = (shard_bytes(tmp_path, row, 100) for row in values)
    assert one[-4:] == other[-4:]  # incompressible: the index is the same
    assert found(tmp_path, other, record_of(one, 3)) == [
        Fault(None, "whole, but not what was written: this is another shard")
    ]
    for how in ({}, {"by_tail": True}):
        some = found(tmp_path, other, record_of(one, 3), [0, 2], **how)
        assert [fault.chunk for fault in some] == [0, 2]
    half = values[0].copy()
    half[100:200] = values[1, 100:200]
    mixed = shard_bytes(tmp_path, half, 100)
    assert found(tmp_path, mixed, record_of(one, 3)) == [
        Fault(1, "whole, but not what was written")
    ]


def test_faults__see_bytes_that_belong_to_no_chunk(tmp_path, shard):
    packed = bytearray(shard[-52:])
    index = np.frombuffer(packed[:48], "<u8").reshape(3, 2).copy()
    index[:, 0] += 7  # seven bytes before the first chunk, as the format allows
    raw = index.tobytes()
    gap = b"padding" + shard[:-52] + raw + google_crc32c.value(raw).to_bytes(4, "little")
    assert found(tmp_path, gap, record_of(gap, 3)) == []
    (fault,) = found(tmp_path, b"Padding" + gap[7:], record_of(gap, 3))
    assert fault == Fault(None, "bytes between the inner chunks are not those that were written")


def test_every_file__is_in_the_marker_or_a_manifest(tmp_path):
    path = write(tmp_path / "a.zarr")
    listed = set(read_marker(path)["files"]) | {"genoarrays.json"}
    shards = {
        f
        for f in files(path)
        if "/c/" in f and f.split("/")[1] in ("dna", "label", "signal", "reads")
    }
    assert set(files(path)) == listed | shards
    assert not listed & shards
