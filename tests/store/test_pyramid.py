"""Stores with a pyramid: written, grown, verified, opened."""

import os
import subprocess
import sys
import textwrap
import threading

import dask.array as da
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import genoarrays as ga
from genoarrays.genome.axis import GenomeAxis
from genoarrays.store.level_part import LevelPart
from genoarrays.store.part import KeptPart, Part
from tests.store.stores import LENGTHS, exchange, files, flip, forget
from tests.store.test_plan import counted, digests

SIZES = {"chunk": 50, "shard": 200, "progress": False}
LADDER = [4, 8, 24]
REDUCE = {"": np.nanmean, "_max": np.nanmax, "_min": np.nanmin}


def genome(lazy=True):
    ds = ga.testing.random_genome(LENGTHS)
    ds.label[:400] = 0
    ds["mask"] = ds.label > 0
    return ds.chunk(position=64) if lazy else ds


def write(path, ds=None, pyramid=LADDER, **options):
    ga.to_zarr(genome() if ds is None else ds, path, pyramid=pyramid, **{**SIZES, **options})
    return path


def brute(array, factor):
    """Mean, maximum and minimum of each bin, found by listing all labels: by suffix."""
    axis = ga.axis_of(array)
    code, bins = axis.at(np.arange(axis.size))
    held = {}
    for position, key in enumerate(zip(code.tolist(), (bins // factor).tolist(), strict=True)):
        held.setdefault(key, []).append(position)
    ends = -(-axis.assembly.lengths // axis.bin_size)
    last = axis.assembly.lengths % axis.bin_size / axis.bin_size
    weight = np.where((bins == ends[code] - 1) & (last[code] > 0), last[code], 1)
    values = array.transpose("position", ...).values
    found = {suffix: [] for suffix in REDUCE}
    for here in held.values():
        some, share = values[here], weight[here].reshape(-1, *(1,) * (values.ndim - 1))
        there = ~np.isnan(some)
        with np.errstate(invalid="ignore"):
            mean = np.where(there, some * share, 0).sum(0) / (there * share).sum(0)
        found[""].append(mean)
        for suffix, function in (("_max", np.fmax), ("_min", np.fmin)):
            found[suffix].append(function.reduce(some, axis=0))
    return {suffix: np.array(rows) for suffix, rows in found.items()}


def check(path, node="1bp", ladder=LADDER):
    """Every level is what its node comes to."""
    base, names = ga.open_zarr(path, node, chunks=None).load(), []
    for factor in ladder:
        level = ga.open_zarr(path, f"{node}_x{factor}").load()
        axis = ga.axis_of(base)
        assert ga.axis_of(level).bin_size == axis.bin_size * factor
        for name, array in base.data_vars.items():
            if "alphabet" in array.attrs:
                continue
            names += [name + suffix for suffix in REDUCE]
            for suffix, wanted in brute(array, factor).items():
                own = level[name + suffix]
                assert own.dims == array.dims
                own = own.transpose("position", ...).values
                np.testing.assert_allclose(own, wanted, rtol=1e-6 if not suffix else 0)
        assert set(level.data_vars) == set(names)
    assert ga.verify(path, progress=False) == []


# ---- what is in it


@settings(max_examples=6)
@given(
    st.lists(st.integers(1, 90), min_size=1, max_size=3), st.integers(1, 5),
    st.sampled_from([[2], [3, 6], [2, 4, 20], [7, 14, 28, 56]]), st.integers(10, 60),
    st.integers(1, 90), st.sampled_from([1, 2]),
)  # fmt: skip
def test_pyramid__is_what_the_node_comes_to(
    tmp_path_factory, lengths, bin_size, ladder, chunk, shard, track_chunk
):
    path = tmp_path_factory.mktemp("store") / "a.zarr"
    ds = ga.testing.random_genome({f"chr{n}": size for n, size in enumerate(lengths)},
                                  bin_size=bin_size)  # fmt: skip
    ds["exact"] = ds.signal.astype(float) ** 3 - 1e6
    write(path, ds, ladder, chunk=chunk, shard=max(chunk, shard), track_chunk=track_chunk)
    check(path, f"{bin_size}bp", ladder)


def test_pyramid__of_regions(tmp_path):
    some = ["chr2:100-200", "chr1:0-50", "chr1:72-75", "chr1:96-700", "chr3:24-41"]
    check(write(tmp_path / "a.zarr", genome().sel(position=some)))
    near = genome().sel(position=["chr1:0-50", "chr1:60-70"])
    with pytest.raises(ga.RegionError, match="two regions of this axis share a bin of 24 bp"):
        write(tmp_path / "b.zarr", near)
    assert os.listdir(tmp_path) == ["a.zarr"]


def test_pyramid__several_tracks_to_a_chunk(tmp_path):
    ds = ga.testing.random_genome(LENGTHS)[["signal"]]
    more = xr.concat([ds.assign_coords(track=[f"{n}a", f"{n}b"]) for n in range(3)], "track")
    more = more.isel(track=slice(5)).expand_dims(sample=["x", "y", "z"])
    for track_chunk in (2, 4):
        path = tmp_path / f"{track_chunk}.zarr"
        check(write(path, more, track_chunk=track_chunk, shard=500))


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i1", "i8", "u8", "bool", ">f4", ">i4"])
def test_pyramid__keeps_types(tmp_path, dtype):
    values = np.random.default_rng(0).integers(0, 120, 1041).astype(dtype)
    if values.dtype.kind == "f":
        values[::3], values[5], values[12:30] = np.nan, np.inf, np.nan
    coords = ga.genome_coords(ga.Assembly("toy", LENGTHS))
    ds = xr.Dataset({"x": ("position", values)}, coords)
    path = write(tmp_path / "a.zarr", ds)
    check(path)
    level = ga.open_zarr(path, "1bp_x8")
    assert level.x_max.dtype == np.dtype(dtype).newbyteorder("=")
    assert level.x.dtype == (np.float64 if dtype == "f8" else np.float32)


def test_pyramid__nothing_known_is_nan_and_not_stored(tmp_path):
    ds = genome(lazy=False)[["signal"]]
    ds.signal[:] = np.nan
    path = write(tmp_path / "a.zarr", ds)
    assert not [f for f in files(path) if "/c/" in f and "track" not in f]
    assert np.isnan(ga.open_zarr(path, "1bp_x4").signal_max).all()
    check(path)


def test_pyramid__of_several_nodes_and_none_of_small_ones(tmp_path):
    tree = {"1bp": genome()[["dna"]], "5bp": ga.coarsen(genome()[["signal"]], 5)}
    path = write(tmp_path / "a.zarr", tree, [4])
    assert list(ga.open_datatree(path).children) == ["1bp", "5bp", "5bp_x4"]
    check(path, "5bp", [4])
    path = write(tmp_path / "b.zarr", tree, True)
    assert list(ga.open_datatree(path).children) == ["1bp", "5bp"]


def test_pyramid__tells_what_its_node_tells(tmp_path):
    ds = genome()
    ds.signal.attrs = {"units": "reads", "genoarrays": {"shift": [4, -4]}}
    tree = ga.open_datatree(write(tmp_path / "a.zarr", ds))
    assert tree["1bp_x4"].signal_max.attrs == {
        **tree["1bp"].signal.attrs, "cell_methods": "position: maximum",
    }  # fmt: skip
    assert tree["1bp_x4"].track.values.tolist() == ["a", "b"]


def test_pyramid__files_tell_what_became_of_their_reads(tmp_path):
    from tests.formats.files import TOY, write_bam

    bam = write_bam(tmp_path / "a.bam", [{"contig": "chr1", "start": n} for n in (3, 5, 700)])
    path = write(tmp_path / "a.zarr", ga.open_bam([bam], like=TOY))
    tree = ga.open_datatree(path)
    told = tree["1bp_x8"].reads_max.attrs
    assert told.pop("cell_methods") == "position: maximum"
    assert told == tree["1bp"].reads.attrs
    assert {"reads", "source_digests"} <= set(told)


# ---- how it is written


@pytest.mark.parametrize("workers", [2, 7])
def test_pyramid__same_bytes_whoever_writes_it(tmp_path, workers):
    write(tmp_path / "one.zarr", workers=1)
    write(tmp_path / "many.zarr", workers=workers)
    assert digests(tmp_path / "one.zarr") == digests(tmp_path / "many.zarr")


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_pyramid__on_a_cluster_of_processes(tmp_path):
    from distributed import Client, LocalCluster

    write(tmp_path / "one.zarr")
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0"}
    with LocalCluster(**options) as cluster, Client(cluster) as client:
        write(tmp_path / "two.zarr", client=client)
    assert digests(tmp_path / "one.zarr") == digests(tmp_path / "two.zarr")


def test_pyramid__leaves_the_node_as_it_is_without_one(tmp_path):
    write(tmp_path / "with.zarr")
    write(tmp_path / "without.zarr", pyramid=None)
    both = [{f: d for f, d in digests(tmp_path / p).items() if f.startswith("1bp/")}
            for p in ("with.zarr", "without.zarr")]  # fmt: skip
    assert both[0] == both[1]


def test_pyramid__computes_each_source_chunk_once(tmp_path):
    seen, lock = [], threading.Lock()

    def record(block, block_info=None):
        with lock:
            seen.append(block_info[None]["chunk-location"])
        return block

    ds = genome(lazy=False)[["label"]]
    lazy = da.from_array(ds.label.values, chunks=100)
    lazy = lazy.map_blocks(record, dtype="u1", meta=np.zeros(0, "u1"))
    write(tmp_path / "a.zarr", ds.assign(label=("position", lazy)), shard=200)
    assert sorted(seen) == [(i,) for i in range(11)]
    check(tmp_path / "a.zarr")


def test_pyramid__unpacks_each_inner_chunk_once(tmp_path, monkeypatch):
    from numcodecs import blosc

    unpacked, decompress = [], blosc.decompress
    monkeypatch.setattr(blosc, "decompress", lambda *a: (unpacked.append(1), decompress(*a))[1])
    write(tmp_path / "a.zarr", genome()[["signal"]], shard=1100)  # one part for each track
    assert len(unpacked) == 2 * 21  # not for each level, nor for maximum and minimum


@pytest.mark.parametrize("after", [0, 7, 36, 50])
def test_pyramid__goes_on_after_a_failure(tmp_path, monkeypatch, after):
    write(tmp_path / "whole.zarr")
    run, left = Part.run, [after]

    def stop(part, *arguments):
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        run(part, *arguments)

    path = tmp_path / "a.zarr"
    monkeypatch.setattr(Part, "run", stop)
    with pytest.raises(KeyboardInterrupt):
        write(path, workers=1)
    monkeypatch.undo()
    assert not path.exists()
    done = counted(monkeypatch)
    write(path)
    job = ga.plan(genome(), path, pyramid=LADDER, chunk=50, shard=200)
    assert len(done) == len(job.parts) - after
    assert digests(path) == digests(tmp_path / "whole.zarr")
    assert sorted(os.listdir(tmp_path)) == ["a.zarr", "whole.zarr"]


def test_pyramid__goes_on_after_a_kill(tmp_path):
    script = textwrap.dedent(
        """
        import sys, time
        import genoarrays as ga
        from genoarrays.store.part import Part
        from tests.store.test_pyramid import write
        run = Part.run
        def slow(part, *arguments):
            run(part, *arguments)
            sys.stdout.write(str(part.number) + chr(10))
            sys.stdout.flush()
            time.sleep(0.05 if type(part).__name__ == "LevelPart" else 0)
        Part.run = slow
        write(sys.argv[1], workers=2)
        """
    )
    path = tmp_path / "a.zarr"
    child = subprocess.Popen([sys.executable, "-c", script, path], stdout=subprocess.PIPE)
    told = []
    while len(told) < 2 or max(told) < 40:
        told.append(int(child.stdout.readline()))
    child.kill()
    told += [int(line) for line in child.stdout.read().split()]
    child.wait()
    child.stdout.close()
    with pytest.MonkeyPatch.context() as patch:
        done = counted(patch)
        with pytest.warns(UserWarning, match="taking over from process"):
            write(path)
    assert set(done).isdisjoint(told)
    write(tmp_path / "whole.zarr")
    assert digests(path) == digests(tmp_path / "whole.zarr")


def test_pyramid__parts_by_hand_in_any_order(tmp_path):
    path = tmp_path / "a.zarr"
    job = ga.plan(genome(), path, pyramid=LADDER, chunk=50, shard=200)
    job.begin()
    for number in reversed(range(len(job.parts))):  # each does first what it is made of
        job.run(number)
    job.finish()
    write(tmp_path / "b.zarr")
    assert digests(path) == digests(tmp_path / "b.zarr")


def test_pyramid__a_part_whose_notes_were_lost_is_done_again(tmp_path, monkeypatch):
    path = tmp_path / "a.zarr"
    job = ga.plan(genome(), path, pyramid=LADDER, chunk=50, shard=200)
    job.begin()
    finest = [p.number for p in job.parts if isinstance(p, LevelPart) and p.upper is not None]
    for number in finest:
        job.run(number)
    (job.site.build.path / "notes" / f"{finest[2]}.npz").unlink()
    done = counted(monkeypatch)
    write(path)
    assert finest[2] in done
    assert not set(finest) & set(done) - {finest[2]}
    check(path)


@pytest.mark.parametrize("damage", ["flipped", "index", "cut", "swapped", "missing", "note"])
def test_pyramid__is_never_made_of_damaged_shards(tmp_path, damage):
    path = tmp_path / "a.zarr"
    ds = genome()[["signal"]]
    job = ga.plan(ds, path, pyramid=LADDER, chunk=50, shard=200)
    job.begin()
    first = next(p for p in job.parts if isinstance(p, LevelPart))
    for number in first.needs:
        job.run(number)
    shard = job.site.data.path / job.parts[first.needs[0]].keys[0]
    if damage == "flipped":
        flip(shard, 8 * 60)
    elif damage == "index":
        flip(shard, 8 * (shard.stat().st_size - 20))
    elif damage == "cut":
        shard.write_bytes(shard.read_bytes()[:-60])
    elif damage == "swapped":
        exchange(shard, job.site.data.path / job.parts[first.needs[1]].keys[0])
    elif damage == "missing":
        shard.unlink()
    digest, place = job.digest, (job.site.build, job.site.data)
    if damage == "note":
        job.run(first.number)
        coarser = next(p for p in job.parts if isinstance(p, LevelPart) and p.notes)
        (job.site.build.path / "notes" / f"{coarser.notes[0]}.npz").unlink()
        with pytest.raises(ga.StoreError, match=rf"run part {coarser.notes[0]} first"):
            coarser.run(*place, digest)
        return
    if damage == "missing":  # as it is known to be, it is made again
        job.run(first.number)
        assert shard.exists()
        return
    with pytest.raises(ga.StoreError, match=r"signal/c/0/0: .*delete this file, and write again"):
        first.run(*place, digest)
    for number in first.needs:
        (job.site.data.path / job.parts[number].keys[0]).unlink()
    write(path, ds)
    check(path)


def test_pyramid__is_not_made_of_what_is_not_written(tmp_path):
    job = ga.plan(genome()[["signal"]], tmp_path / "a.zarr", pyramid=LADDER, chunk=50, shard=200)
    job.begin()
    first = next(p for p in job.parts if isinstance(p, LevelPart))
    with pytest.raises(ga.StoreError, match="it is not written yet; run part 0 first"):
        first.run(job.site.build, job.site.data, job.digest)


def test_pyramid__is_planned(tmp_path):
    path = tmp_path / "a.zarr"
    job, bare = (ga.plan(genome(), path, pyramid=p, chunk=50, shard=200) for p in (LADDER, None))
    assert len(job.parts) > len(bare.parts)
    levels = sum(job.nodes[node][name].nbytes for node, name in job.rungs)
    assert job.nbytes == bare.nbytes + levels
    assert "  1bp_x8/signal, _max, _min  (track: 2, position: 132)  3.17 kB, parts 2" in repr(job)
    assert all(part.memory > 0 for part in job.parts)
    write(path)
    assert len(digests(path)) <= job.files
    number = next(p.number for p in job.parts if isinstance(p, LevelPart))
    assert job.region(number) == "chr1:0-chr2:100"


def test_pyramid__memory_does_not_grow_with_the_genome(tmp_path):
    coords = ga.genome_coords(ga.Assembly("big", {"chr1": 3_000_000_000}))
    huge = da.zeros((3_000_000_000, 2), chunks=(2**24, 1), dtype=np.float32)
    ds = xr.Dataset({"x": (("position", "track"), huge)}, coords)
    job = ga.plan(ds, tmp_path / "a.zarr", pyramid=8)
    assert len(job.nodes) == 8
    parts = [p for p in job.parts if isinstance(p, LevelPart)]
    assert max(part.memory for part in parts) < 200 * 2**20
    assert all(part.notes or len(part.below.parts) <= 6 for part in parts)


# ---- unchanged, changed, grown


def test_pyramid__unchanged_is_left_as_it_is(tmp_path, monkeypatch):
    path = write(tmp_path / "a.zarr")
    before, done = digests(path), counted(monkeypatch)
    write(path)
    assert not done
    for other in (None, False, [4, 8]):
        with pytest.raises(ga.StoreError, match=r"made of something else: .*1bp_x24 is gone"):
            write(path, pyramid=other)
    with pytest.raises(ga.StoreError, match=r"1bp_x48 is new; append=True adds them"):
        write(path, pyramid=[*LADDER, 48])
    write(path, pyramid=[5], overwrite="changed")
    check(path, ladder=[5])
    write(path, overwrite=True)
    assert digests(path) == before


def test_pyramid__restores_what_was_lost(tmp_path):
    path = write(tmp_path / "a.zarr")
    before = digests(path)
    (path / "1bp_x8" / "signal_max" / "c" / "1" / "0").unlink()
    write(path)
    assert digests(path) == before


def test_verify__finds_damage_in_levels(tmp_path):
    path = write(tmp_path / "a.zarr")
    flip(path / "1bp_x8" / "signal_max" / "c" / "1" / "0", 8 * 40)
    (damage,) = ga.verify(path, progress=False)
    assert (damage.array, damage.region) == ("1bp_x8/signal_max", "chr1:0-400")
    forget()
    with pytest.raises(ga.StoreError, match="1bp_x8/signal_max is damaged at chr1:0-400"):
        ga.open_zarr(path, "1bp_x8").signal_max.load()


def tracks(*labels):
    rng = np.random.default_rng(7)
    values = {label: rng.gamma(1, 2, 1041).astype("f4") for label in "abcdef"}
    stacked = np.stack([values[label] for label in labels], axis=1)
    ds = xr.Dataset({"x": (("position", "track"), stacked)}, {"track": list(labels)})
    return ds.assign_coords(ga.genome_coords(ga.Assembly("toy", LENGTHS)))


def bams(folder, labels):
    from tests.formats.files import TOY, write_bam

    paths = {}
    for label in labels:
        reads = [{"contig": "chr1", "start": 7 * n + ord(label)} for n in range(40)]
        paths[label] = folder / f"{label}.bam"
        if not paths[label].exists():
            write_bam(paths[label], reads)
    return ga.open_bam(paths, like=TOY)


@pytest.mark.parametrize("asked", [None, LADDER])
def test_append__a_pyramid_grows_with_its_node(tmp_path, monkeypatch, asked):
    path = tmp_path / "grown.zarr"
    write(path, bams(tmp_path, "ab"))
    shards = {f: os.stat(f).st_ino for f in path.rglob("c/*/*/*")}
    write(path, bams(tmp_path, "c"), asked, append=True)
    assert {f: os.stat(f).st_ino for f in shards} == shards  # not touched
    write(tmp_path / "once.zarr", bams(tmp_path, "abc"))
    assert digests(path) == digests(tmp_path / "once.zarr")
    done = counted(monkeypatch)
    write(path, bams(tmp_path, "c"), asked, append=True)
    assert not done
    check(path)


@pytest.mark.parametrize("gone", [False, True])
def test_append__adds_a_pyramid_without_reading_sources(tmp_path, monkeypatch, gone):
    path = tmp_path / "a.zarr"
    write(path, bams(tmp_path, "ab"), None)
    write(tmp_path / "once.zarr", bams(tmp_path, "ab"))
    if gone:
        for bam in tmp_path.glob("*.bam"):
            bam.unlink()
    ds = ga.open_zarr(path) if gone else bams(tmp_path, "ab")
    computed, write_part = [], Part._write

    def record(part, *arguments):
        if type(part) is Part:
            computed.append(part.number)
        write_part(part, *arguments)

    monkeypatch.setattr(Part, "_write", record)
    write(path, ds, append=True)
    assert not computed
    assert digests(path) == digests(tmp_path / "once.zarr")
    again = ga.open_datatree(path) if gone else ds
    for asked in (LADDER, None):  # it is there
        done = counted(monkeypatch)
        write(path, again, asked, append=True)
        assert not done
    assert gone or not ga.plan(ds, path, pyramid=LADDER, chunk=50, shard=200).is_due()


def test_append__new_variables_and_nodes_join_with_levels(tmp_path):
    path = tmp_path / "a.zarr"
    write(path, tracks("a", "b"))
    more = genome(lazy=False)[["label"]]
    more = more.assign_coords(ga.genome_coords(ga.Assembly("toy", LENGTHS)))
    write(path, {"1bp": more, "other": tracks("c")}, append=True)
    assert sorted(ga.open_datatree(path).children) == sorted(
        ["1bp", "other", *(f"{n}_x{f}" for n in ("1bp", "other") for f in LADDER)]
    )
    check(path)
    check(path, "other")
    write(path, {"third": tracks("d")}, None, append=True)
    assert "third_x4" not in ga.open_datatree(path).children
    write(path, tracks("e", "f"), None, append=True)
    check(path)


def test_append__goes_on_after_a_failure_with_a_pyramid(tmp_path, monkeypatch):
    path = tmp_path / "a.zarr"
    write(path, tracks("a"))
    write_part, left = LevelPart._write, [3]

    def stop(part, *arguments):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        write_part(part, *arguments)

    monkeypatch.setattr(LevelPart, "_write", stop)
    with pytest.raises(KeyboardInterrupt):
        write(path, tracks("b"), append=True, workers=1)
    monkeypatch.undo()
    assert ga.open_zarr(path).track.values.tolist() == ["a"]
    check(path)
    write(path, tracks("b"), append=True)
    check(path)
    assert ga.open_zarr(path, "1bp_x24").track.values.tolist() == ["a", "b"]


def test_append__refuses_another_pyramid(tmp_path):
    path = write(tmp_path / "a.zarr", tracks("a"))
    before = digests(path)
    for other in ([4], False, True):
        with pytest.raises(ga.StoreError, match=r"has a pyramid of \[4, 8, 24\], and .* was asked"):
            write(path, tracks("b"), other, append=True)
    assert digests(path) == before


# ---- who sees it


def test_open_zarr__levels_are_no_several_nodes(tmp_path):
    path = write(tmp_path / "a.zarr")
    assert ga.axis_of(ga.open_zarr(path)).bin_size == 1
    assert ga.axis_of(ga.open_zarr(path, group="1bp_x24")).bin_size == 24
    assert list(ga.open_datatree(path).children) == ["1bp", *(f"1bp_x{n}" for n in LADDER)]
    two = write(tmp_path / "b.zarr", {"1bp": genome(), "other": genome()})
    with pytest.raises(ga.StoreError, match=r"several nodes: 1bp, other; name one"):
        ga.open_zarr(two)


def test_to_zarr__makes_the_levels_of_a_tree_anew(tmp_path):
    path = write(tmp_path / "a.zarr")
    tree = ga.open_datatree(path)
    twice = (tree["1bp"].to_dataset()[["signal"]] * 2).assign_attrs(title="x")
    tree["1bp"] = xr.DataTree(twice)
    write(tmp_path / "b.zarr", tree, None)
    check(tmp_path / "b.zarr")
    assert ga.open_zarr(tmp_path / "b.zarr").attrs == {"title": "x"}
    write(tmp_path / "c.zarr", tree, False)
    assert list(ga.open_datatree(tmp_path / "c.zarr").children) == ["1bp"]


def test_to_zarr__a_level_stored_alone_is_a_node(tmp_path):
    path = write(tmp_path / "a.zarr")
    level = ga.open_zarr(path, "1bp_x8")
    write(tmp_path / "b.zarr", level, None)
    back = ga.open_zarr(tmp_path / "b.zarr")
    assert back.attrs == {}
    np.testing.assert_array_equal(back.signal_max, level.signal_max)
    write(tmp_path / "b.zarr", {"1bp": genome()}, None, append=True)
    assert set(ga.open_datatree(tmp_path / "b.zarr").children) == {"8bp", "1bp"}


def test_windows__leave_levels_out(tmp_path):
    tree = ga.open_datatree(write(tmp_path / "a.zarr"))
    regions = ga.tile_regions(tree["1bp"].to_dataset(), 100, partial="drop")
    x = ga.windows(tree, regions)
    assert set(x.data_vars) == {"dna", "signal", "reads", "label", "mask"}
    one = ga.windows(tree["1bp"].to_dataset(), regions)
    xr.testing.assert_identical(x.compute(), one.compute())
    named = xr.DataTree.from_dict({"1bp": genome()[["dna"]], "8bp": tree["1bp_x8"].to_dataset()})
    fits = ga.read_regions(["chr1:0-80", "chr2:160-240"], like=named["1bp"].to_dataset())
    assert "signal_max" in ga.windows(named, fits)


def test_plain_xarray__reads_levels(tmp_path):
    path = write(tmp_path / "a.zarr")
    plain = xr.open_zarr(path, group="1bp_x8")
    np.testing.assert_array_equal(
        plain.reads_max.transpose("position", "strand").values,
        ga.open_zarr(path, "1bp_x8").reads_max.values,
    )
    assert plain.assembly.attrs["bin_size"] == 8
    assert KeptPart.memory.fget(None) == 0
    assert ga.axis_of(ga.open_zarr(path, "1bp_x8")) == GenomeAxis(ga.axis_of(genome()).assembly, 8)
