import shutil

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import genoarrays as ga
from genoarrays.store import stored
from tests.store.stores import (
    PIPELINES,
    exchange,
    files,
    flip,
    forget,
    genome,
    index_of,
    region,
    replace,
    span,
    write,
)

SHARDED = ("dna", "label", "reads", "signal")


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """Two nodes; each test has its copy."""
    path = tmp_path_factory.mktemp("store") / "a.zarr"
    coarse = ga.testing.random_genome({"chr1": 700, "chr2": 300, "chr3": 41}, bin_size=50)
    ga.to_zarr({"1bp": genome(), "50bp": coarse}, path, chunk=100, shard=300, progress=False)
    return path


@pytest.fixture
def path(tmp_path, original):
    return shutil.copytree(original, tmp_path / "a.zarr")


def is_shard(key):
    return "/c/" in key and key.split("/")[1] in SHARDED


def damages(path, **options):
    return [(d.file, d.region) for d in ga.verify(path, progress=False, **options)]


def test_verify__of_a_whole_store_is_empty(path, tmp_path):
    assert ga.verify(path) == []
    assert ga.verify(str(path), group="50bp", workers=1, progress=True) == []
    (path / "README.txt").write_text("mine")  # nobody reads it
    (path / "1bp" / ".hidden").write_text("")
    assert ga.verify(path) == []


@settings(max_examples=100)
@given(st.data())
def test_verify__lists_any_flipped_bit_at_its_chunk_and_no_wrong_number_is_read(
    tmp_path_factory, original, data
):
    copies = original.parent / "copies"
    if not copies.exists():
        shutil.copytree(original, copies)
    key = data.draw(st.sampled_from(files(copies)))
    content = (copies / key).read_bytes()
    bit = data.draw(st.integers(0, 8 * len(content) - 1))
    reader = data.draw(st.sampled_from(sorted(readers())))
    expected = ""
    bases = (0, 1)
    if is_shard(key) and key.startswith("1bp"):
        inside = [
            n
            for n, where in enumerate(index_of(content))
            if where and where[0] <= bit // 8 < sum(where)
        ]
        bases = span(key, *inside)
        expected = region(*bases)
    flip(copies / key, bit)
    try:
        if key == "genoarrays.json":
            with pytest.raises(ga.StoreError, match=r"genoarrays.json: |in version .* of the layo"):
                ga.verify(copies)
        else:
            (damage,) = ga.verify(copies, workers=2)
            assert damage.file == key
            assert damage.array == ("/".join(key.split("/")[:2]) if key.count("/") > 1 else "")
            assert damage.region == expected or key.startswith("50bp")
        read_all(copies, key, bases, reader)
    finally:
        replace(copies / key, content)


def readers():
    import importlib.util

    return {n: p for n, p in PIPELINES.items() if n == "zarr" or importlib.util.find_spec("zarrs")}


def read_all(path, damaged, bases, reader):
    """Read everything: equal numbers or an error, and an error exactly where the damage is."""
    forget()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stored, "reading_pipeline", lambda: PIPELINES[reader])
        try:
            ds = ga.open_zarr(path, group="1bp", chunks=None)
        except ga.StoreError:
            assert not is_shard(damaged)
            return
        for name, expected in genome().items():
            array, values = ds[name], expected.values
            inside, everything = slice(*bases), slice(None)
            parts = [everything]
            if is_shard(damaged):
                parts += [inside, slice(0, bases[0]), slice(bases[1], None)]
            for track in range(2) if values.ndim == 2 else (...,):
                file = f"1bp/{name}/c/{track}/" if name == "signal" else f"1bp/{name}/"
                for part in parts:
                    at = (part, track) if values.ndim == 2 else (part,)
                    hurt = damaged.startswith(file if is_shard(damaged) else f"1bp/{name}/")
                    hurt = hurt and part in (inside, everything)
                    if hurt:
                        with pytest.raises(ga.StoreError, match=rf"1bp/{name}"):
                            array[at].load()
                    else:
                        np.testing.assert_array_equal(array[at].values, values[at])
    forget()


@pytest.mark.parametrize("key", ["1bp/signal/c/1/1", "1bp/label/c/1", "1bp/reads/c/0/3"])
def test_verify__lists_a_deleted_or_truncated_shard_once(path, key):
    content = (path / key).read_bytes()
    array, where = "/".join(key.split("/")[:2]), region(*span(key))
    (path / key).unlink()
    (damage,) = ga.verify(path)
    problem = f"the file is missing, of {len(content):,} bytes"
    assert damage == (array, key, where, problem)
    assert str(damage) == f"{key}: {where}: {problem}"
    for length in (0, 1, 60, len(content) - 1):
        replace(path / key, content[:length])
        problem = f"the file has {length:,} bytes, and had {len(content):,}"
        assert ga.verify(path) == [(array, key, where, problem)]
    replace(path / key, content + b"\0")
    assert damages(path) == [(key, where)]


def test_verify__lists_both_of_two_swapped_shards(path):
    keys = ["1bp/signal/c/0/1", "1bp/signal/c/1/2"]
    exchange(*(path / key for key in keys))
    assert damages(path) == [(key, region(*span(key))) for key in keys]


def test_verify__lists_shards_swapped_between_stores_of_the_same_layout(tmp_path):
    coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 1000}))
    rng = np.random.default_rng(0)
    stores = [tmp_path / "one.zarr", tmp_path / "two.zarr"]
    for store in stores:
        ds = xr.Dataset({"x": ("position", rng.integers(0, 2**63, 1000))}, coords)
        ga.to_zarr(ds, store, chunk=100, shard=500)
    exchange(*(store / "1bp" / "x" / "c" / "1" for store in stores))
    for store in stores:
        (damage,) = ga.verify(store)
        assert damage[1:3] == ("1bp/x/c/1", "chr1:500-1,000")
        assert "this is another shard" in damage.problem


def test_verify__lists_files_that_nobody_wrote(path):
    shutil.copy(path / "1bp/label/c/1", path / "1bp/label/c/0")
    shutil.copy(path / "1bp/label/c/1", path / "1bp/label/c/4")
    shutil.copy(path / "1bp/strand/c/0", path / "1bp/strand/c/1")
    shutil.copytree(path / "1bp/label", path / "1bp/extra")
    found = ga.verify(path)
    assert found[-3].problem == "there is a file where none was written"
    assert [d.file for d in found] == [
        "1bp/extra/c/0",
        "1bp/extra/c/1",
        "1bp/extra/c/2",
        "1bp/extra/c/3",
        "1bp/extra/c/4",
        "1bp/extra/manifest.npy",
        "1bp/extra/zarr.json",
        "1bp/label/c/0",
        "1bp/label/c/4",
        "1bp/strand/c/1",
    ]


def test_verify__lists_all_of_several_damages_in_order(path):
    shard = path / "1bp/signal/c/0/0"
    (one, _), (two, _), (three, size) = index_of(shard.read_bytes())
    for at in (three + size - 1, one, two):
        flip(shard, 8 * at)
    (path / "1bp/dna/c/2").unlink()
    flip(path / "50bp/signal/c/0/0", 5)
    flip(path / "1bp/track/c/0", 5)
    expected = [
        ("1bp/dna/c/2", "chr1:600-700, chr2:0-200"),
        ("1bp/signal/c/0/0", "chr1:0-100"),
        ("1bp/signal/c/0/0", "chr1:100-200"),
        ("1bp/signal/c/0/0", "chr1:200-300"),
        ("1bp/track/c/0", ""),
    ]
    for workers in (1, 2, 7):
        assert damages(path, workers=workers) == [*expected, ("50bp/signal/c/0/0", "chr1:0-100")]
    assert damages(path, group="1bp") == expected
    assert damages(path, group="50bp") == [("50bp/signal/c/0/0", "chr1:0-100")]


def test_verify__goes_on_where_metadata_and_manifest_are_damaged(path):
    (path / "1bp/dna/c/2").unlink()
    flip(path / "1bp/signal/c/0/0", 8)
    flip(path / "1bp/signal/manifest.npy", 8 * 140)
    flip(path / "1bp/signal/zarr.json", 8 * 5)
    (path / "1bp/dna/zarr.json").unlink()
    chunk = [("1bp/dna/c/2", "chr1:600-700, chr2:0-200")]
    assert damages(path) == [
        *chunk,
        ("1bp/dna/zarr.json", ""),
        ("1bp/signal/c/0/0", "chr1:0-100"),
        ("1bp/signal/manifest.npy", ""),
        ("1bp/signal/zarr.json", ""),
    ]
    flip(path / "1bp/zarr.json", 800)
    assert ("1bp/signal/c/0/0", "chr1:0-100") in damages(path)  # by the copy in the root
    flip(path / "1bp/assembly/zarr.json", 800)
    flip(path / "zarr.json", 800)
    found = ga.verify(path)
    assert {d.file for d in found if "all copies" in d.problem} == {
        "1bp/dna/zarr.json",
        "1bp/signal/zarr.json",
    }
    flip(path / "1bp/label/c/1", 8)
    assert ("1bp/label/c/1", "positions 400-500") in damages(path)


def test_verify__refuses(path, tmp_path):
    with pytest.raises(ga.StoreError, match="there is no store"):
        ga.verify(tmp_path / "none.zarr")
    with pytest.raises(ga.StoreError, match="no node '7bp'; it has 1bp, 50bp"):
        ga.verify(path, group="7bp")
    (path / "genoarrays.json").unlink()
    with pytest.raises(ga.StoreError, match="not a complete genoarrays store"):
        ga.verify(path)


def test_verify__refuses_a_store_that_is_replaced_meanwhile(path, monkeypatch):
    from genoarrays.store import verify

    def strangers(*args):
        write(path, seed=1, overwrite=True)
        return []

    monkeypatch.setattr(verify, "_strangers", strangers)
    with pytest.raises(ga.StoreError, match="was replaced"):
        ga.verify(path)
