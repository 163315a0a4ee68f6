import hashlib
import json
import os
import pickle
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import genoarrays as ga
from genoarrays.store import schedule
from genoarrays.store.lock import Lock
from genoarrays.store.part import Part
from genoarrays.store.place import Folder
from tests.formats.files import TOY, write_bam, write_text

LENGTHS = {"chr1": 700, "chr2": 300, "chr3": 41}


def genome():
    return ga.testing.random_genome(LENGTHS).chunk(position=64)


def digests(path):
    return {
        str(file.relative_to(path)): hashlib.md5(file.read_bytes()).hexdigest()
        for file in sorted(Path(path).rglob("*"))
        if file.is_file()
    }


def counted(monkeypatch):
    """Numbers of the parts that are really done, as they are done."""
    done, run = [], Part.run

    def record(part, build, data, plan):
        if not part.is_done(build, data, plan):
            done.append(part.number)
        run(part, build, data, plan)

    monkeypatch.setattr(Part, "run", record)
    return done


# ---- identical bytes, resume


@pytest.mark.parametrize("workers", [2, 7])
def test_to_zarr__same_bytes_for_any_number_of_workers(tmp_path, workers):
    ga.to_zarr(genome(), tmp_path / "one.zarr", chunk=50, shard=100, workers=1)
    ga.to_zarr(genome(), tmp_path / "many.zarr", chunk=50, shard=100, workers=workers)
    assert digests(tmp_path / "one.zarr") == digests(tmp_path / "many.zarr")


@pytest.mark.parametrize("after", [0, 1, 13])
def test_to_zarr__goes_on_after_a_failure(tmp_path, monkeypatch, after):
    ga.to_zarr(genome(), tmp_path / "whole.zarr", chunk=50, shard=100)
    run, left = Part.run, [after]

    def stop(part, *arguments):
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        run(part, *arguments)

    path = tmp_path / "a.zarr"
    monkeypatch.setattr(Part, "run", stop)
    with pytest.raises(KeyboardInterrupt):
        ga.to_zarr(genome(), path, chunk=50, shard=100, workers=1)
    monkeypatch.undo()
    assert not path.exists()
    done = counted(monkeypatch)
    ga.to_zarr(genome(), path, chunk=50, shard=100)
    job = ga.plan(genome(), path, chunk=50, shard=100)
    assert sorted(done) == list(range(after, len(job.parts)))
    assert digests(path) == digests(tmp_path / "whole.zarr")
    assert sorted(os.listdir(tmp_path)) == ["a.zarr", "whole.zarr"]


def test_to_zarr__goes_on_after_a_kill(tmp_path):
    script = textwrap.dedent(
        """
        import sys, time
        import genoarrays as ga
        from genoarrays.store.part import Part
        run = Part.run
        def slow(part, *arguments):
            time.sleep(0.05)
            run(part, *arguments)
            sys.stdout.write(str(part.number) + chr(10))
            sys.stdout.flush()
        Part.run = slow
        ds = ga.testing.random_genome({"chr1": 700, "chr2": 300, "chr3": 41}).chunk(position=64)
        ga.to_zarr(ds, sys.argv[1], chunk=50, shard=100, workers=2)
        """
    )
    path = tmp_path / "a.zarr"
    child = subprocess.Popen([sys.executable, "-c", script, path], stdout=subprocess.PIPE)
    told = [int(child.stdout.readline()) for _ in range(5)]
    child.kill()
    told += [int(line) for line in child.stdout.read().split()]
    child.wait()
    child.stdout.close()
    assert (tmp_path / ".a.zarr.build" / "lock.json").exists()
    with pytest.MonkeyPatch.context() as patch:
        done = counted(patch)
        with pytest.warns(UserWarning, match="taking over from process"):
            ga.to_zarr(genome(), path, chunk=50, shard=100)
    assert set(done).isdisjoint(told)
    assert len(done) + len(told) <= len(ga.plan(genome(), path, chunk=50, shard=100).parts)
    ga.to_zarr(genome(), tmp_path / "whole.zarr", chunk=50, shard=100)
    assert digests(path) == digests(tmp_path / "whole.zarr")


def test_finish__leaves_out_what_a_killed_write_left(tmp_path):
    job = ga.plan(genome(), tmp_path / "a.zarr", chunk=50, shard=600)
    job.begin()
    left = tmp_path / ".a.zarr.build" / "store" / "1bp" / "dna" / "c" / ".4.adyj73gv"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half a shard")
    for number in range(len(job.parts)):
        job.run(number)
    job.finish()
    assert not list((tmp_path / "a.zarr").rglob(".*"))


def test_to_zarr__refuses_to_go_on_with_something_else(tmp_path, monkeypatch):
    path = tmp_path / "a.zarr"
    job = ga.plan(genome(), path, chunk=50, shard=100)
    job.begin()
    job.run(0)
    with pytest.raises(ga.StoreError, match=r"unfinished write .*1bp: arrays: label: shard.*give"):
        ga.to_zarr(genome(), path, chunk=50, shard=200)
    ga.to_zarr(genome(), path, chunk=50, shard=200, overwrite=True)
    assert os.listdir(tmp_path) == ["a.zarr"]
    xr.testing.assert_identical(ga.open_zarr(path).compute(), genome().compute())


def test_to_zarr__does_not_give_up_a_plan_that_was_begun(tmp_path):
    path = tmp_path / "a.zarr"
    job = ga.plan(genome(), path)
    job.begin()
    with pytest.raises(ga.StoreError, match="unfinished write of something else"):
        ga.to_zarr(genome()[["dna"]], path)
    with pytest.raises(ga.StoreError, match="unfinished write of something else"):
        ga.to_zarr(genome()[["dna"]], path, overwrite="changed")
    job.run(0)
    ga.to_zarr(genome()[["dna"]], path, overwrite=True)
    assert list(ga.open_zarr(path)) == ["dna"]


@pytest.mark.parametrize("lost", ["1bp/dna/c/2", "1bp/signal/c/1/0", "genoarrays.json"])
def test_to_zarr__restores_what_a_store_has_lost(tmp_path, lost):
    path = tmp_path / "a.zarr"
    ga.to_zarr(genome(), path, chunk=50, shard=100)
    before = digests(path)
    (path / lost).unlink()
    ga.to_zarr(genome(), path, chunk=50, shard=100)
    assert digests(path) == before


def test_to_zarr__redoes_a_part_whose_shard_was_lost(tmp_path, monkeypatch):
    path = tmp_path / "a.zarr"
    job = ga.plan(genome(), path, chunk=50, shard=100)
    job.begin()
    for number in range(len(job.parts)):
        job.run(number)
    (job.site.data.path / job.parts[3].keys[0]).unlink()
    done = counted(monkeypatch)
    ga.to_zarr(genome(), path, chunk=50, shard=100)
    assert done == [3]


# ---- by hand


def test_plan__by_hand_in_other_processes(tmp_path):
    path = tmp_path / "a.zarr"
    job = ga.plan(genome(), path, chunk=50, shard=100)
    with pytest.raises(ga.StoreError, match="no plan was begun"):
        job.run(0)
    job.begin()
    with pytest.raises(ga.StoreError, match=r"of \d+ parts are not done: 0, 1, 2"):
        job.finish()
    with pytest.raises(ga.StoreError, match="there is no part 99"):
        job.run(99)
    job.run(0)
    other = ga.plan(genome()[["dna"]], path, chunk=50, shard=100)
    with pytest.raises(ga.StoreError, match="unfinished write of something else"):
        other.run(0)
    for number in range(len(job.parts)):
        ga.plan(genome(), path, chunk=50, shard=100).run(number)
    job.run(0)
    ga.plan(genome(), path, chunk=50, shard=100).finish()
    job.finish()  # again
    job.begin()  # nothing to do
    job.run(0)
    assert not job.site.build.path.exists()
    with pytest.raises(ga.StoreError, match="exists already and was made of something else"):
        other.begin()
    ga.to_zarr(genome(), tmp_path / "b.zarr", chunk=50, shard=100)
    assert digests(path) == digests(tmp_path / "b.zarr")


def test_plan__tells_sizes_beforehand(tmp_path):
    job = ga.plan({"1bp": genome()}, tmp_path / "a.zarr", chunk=50, shard=100)
    assert len(job.parts) == sum(np.prod(layout.grid) for layout in job.layouts.values())
    assert job.nbytes == sum(genome()[name].nbytes for name in genome().data_vars)
    assert "parts" in repr(job)
    assert str(tmp_path / "a.zarr") in repr(job)
    assert os.listdir(tmp_path) == []
    ga.to_zarr({"1bp": genome()}, tmp_path / "a.zarr", chunk=50, shard=100)
    assert len(digests(tmp_path / "a.zarr")) <= job.files


# ---- locks


def test_to_zarr__a_second_writer_is_refused(tmp_path):
    path = tmp_path / "a.zarr"
    with Lock(Folder(tmp_path / ".a.zarr.build"), str(path)):
        with pytest.raises(ga.StoreError, match=rf"is being written by process {os.getpid()} on"):
            ga.to_zarr(genome(), path)
        job = ga.plan(genome(), path)
        job.begin()
        with pytest.raises(ga.StoreError, match="is being written by process"):
            job.run(0)
    ga.to_zarr(genome(), path)


@pytest.mark.parametrize(
    ("holder", "alive"),
    [
        ({"host": "elsewhere", "beat": time.time() - 3600}, False),
        ({"host": "elsewhere", "beat": time.time() + 3600}, True),
        ({"process": 2**22 + 1}, False),
        ({"started": "1"}, False),  # the number went to another process
        ({}, True),
    ],
)
def test_lock__is_taken_over_when_dead(tmp_path, holder, alive):
    build = Folder(tmp_path)
    with Lock(build, "a.zarr"):
        own = json.loads(build.read("lock.json"))
    build.write("lock.json", json.dumps({**own, **holder}).encode())
    if alive:
        with pytest.raises(ga.StoreError, match="is being written"), Lock(build, "a.zarr"):
            pass
        assert build.size("lock.json")
    else:
        with pytest.warns(UserWarning, match="taking over"), Lock(build, "a.zarr"):
            pass
        assert build.size("lock.json") is None


def test_to_zarr__of_many_writers_one_writes(tmp_path):
    path, errors = tmp_path / "a.zarr", []

    def write():
        try:
            ga.to_zarr(genome(), path, chunk=50, shard=100)
        except ga.StoreError as error:
            errors.append(str(error))

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all("is being written" in error for error in errors)
    assert ga.verify(path) == []


# ---- failing parts


class Flaky:
    """Fails so many times, then works."""

    def __init__(self, times, error):
        self.times, self.error, self.tried = times, error, 0
        self.lock = threading.Lock()

    def __call__(self, block):
        with self.lock:
            self.tried += 1
            if self.tried <= self.times:
                raise self.error
        return block


@pytest.mark.parametrize(("times", "error", "tried"), [
    (2, OSError("the disk hiccups"), 3),
    (9, OSError("the disk is gone"), 3),
    (9, ga.InputError("a.bam", "chr1:5", "damaged", "copy it again"), 1),
])  # fmt: skip
def test_to_zarr__tries_a_part_three_times(tmp_path, times, error, tried):
    flaky, ds = Flaky(times, error), genome().isel(position=slice(0, 64))[["label"]]
    data = ds.label.data.map_blocks(flaky, meta=np.zeros(0, "u1"), name="flaky")
    ds = ds.assign(label=ds.label.copy(data=data))
    if times < 3:
        ga.to_zarr(ds, tmp_path / "a.zarr")
    else:
        with pytest.raises(type(error)) as caught:
            ga.to_zarr(ds, tmp_path / "a.zarr")
        note = caught.value.__notes__[-1]
        assert "while writing 1bp/label, chr1:0-64, part 0 of 1" in note
        assert ("tried 3 times" in note) == (tried == 3)
    assert flaky.tried == tried


def test_to_zarr__a_process_that_dies_is_replaced(tmp_path, monkeypatch):
    ds = genome()[["label"]]
    data = ds.label.data.map_blocks(_die_once, str(tmp_path / "died"), meta=np.zeros(0, "u1"))
    ds = ds.assign(label=ds.label.copy(data=data))
    ga.to_zarr(ds, tmp_path / "a.zarr", chunk=50, shard=100, scheduler="processes", workers=2)
    np.testing.assert_array_equal(ga.open_zarr(tmp_path / "a.zarr").label, genome().label)


def _die_once(block, path):
    if not os.path.exists(path):
        Path(path).touch()
        os.kill(os.getpid(), 9)
    return block


def test_to_zarr__a_failing_part_names_contig_range_and_file(tmp_path):
    starts = range(0, 1000, 7)
    path = write_bam(tmp_path / "a.bam", [{"contig": "chr1", "start": start} for start in starts])
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 255
    path.write_bytes(raw)
    ds = ga.open_bam(path)
    with pytest.raises(ga.InputError) as caught:
        ga.to_zarr(ds, tmp_path / "a.zarr", chunk=50, shard=100)
    note = caught.value.__notes__[-1]
    assert "1bp/reads, chr1:" in note
    assert str(path) in note


def test_part__takes_only_the_files_and_the_graph_that_it_needs(tmp_path):
    tracks = {}
    for number in range(30):
        rows = [("chr1", n, n + 1) for n in range(number, 1000, 3)]
        tracks[f"t{number}"] = write_text(tmp_path / f"{number}.bed", *rows)
    ds = ga.open_intervals(tracks, like=TOY)
    job = ga.plan(ds, tmp_path / "a.zarr")
    one = ga.plan(ga.open_intervals({"t7": tracks["t7"]}, like=TOY), tmp_path / "b.zarr")
    assert len(pickle.dumps(job.parts[7])) < 1.2 * len(pickle.dumps(one.parts[0]))
    lazy = genome()[["signal"]].map(lambda x: x + 1)
    part = ga.plan(lazy, tmp_path / "c.zarr", chunk=50, shard=100).parts[3]
    assert len(dict(part.lean().data.data.dask)) < len(dict(part.data.data.dask)) / 3
    np.testing.assert_array_equal(part.lean().data, part.data)


# ---- fingerprints


@pytest.fixture
def peaks(tmp_path):
    (tmp_path / "in").mkdir()
    return rewrite(tmp_path / "in" / "a.bedGraph", 2)


def rewrite(path, value):
    """Another value in a file of the same size."""
    return write_text(path, ("chr1", 10, 500, value), ("chr2", 0, 400, 1))


def signal(path, **options):
    return ga.open_intervals(path, like=TOY, mode="value", name="signal", **options)


def test_to_zarr__unchanged_sources_are_not_read_again(tmp_path, peaks, monkeypatch):
    path = tmp_path / "a.zarr"
    ga.to_zarr(signal(peaks), path)
    before = digests(path)
    done = counted(monkeypatch)
    ga.to_zarr(signal(peaks), path)
    ga.to_zarr(signal(peaks), path, overwrite="changed")
    assert done == []
    ga.to_zarr(signal(peaks), path, overwrite=True)
    assert done == [0]
    assert digests(path) == before


def test_to_zarr__changed_sources_and_options_are_named(tmp_path, peaks):
    path, mtime = tmp_path / "a.zarr", os.stat(peaks).st_mtime_ns
    ga.to_zarr(signal(peaks), path)
    rewrite(peaks, 3)
    os.utime(peaks, ns=(mtime, mtime))
    with pytest.raises(ga.StoreError, match=r"sources: .*a.bedGraph: other content of the same s"):
        ga.to_zarr(signal(peaks), path)
    ga.to_zarr(signal(peaks), path, overwrite="changed")
    assert ga.open_zarr(path).signal.max() == 3
    os.utime(peaks, ns=(mtime, mtime + 2))
    with pytest.raises(ga.StoreError, match=r"a.bedGraph: another time, where size and samples"):
        ga.to_zarr(signal(peaks), path)
    os.utime(peaks, ns=(mtime, mtime))
    with pytest.raises(ga.StoreError, match=r"1bp: .*min_overlap is new \(0.5\)"):
        ga.to_zarr(signal(peaks, min_overlap=0.5), path)
    rewrite(peaks, 1000)
    with pytest.raises(ga.StoreError, match=r"a.bedGraph: size was 27 bytes, is 30"):
        ga.to_zarr(signal(peaks), path)


def test_to_zarr__whole_fingerprints_disregard_the_time(tmp_path, peaks, monkeypatch):
    path = tmp_path / "a.zarr"
    ga.to_zarr(signal(peaks), path, fingerprint="whole")
    done = counted(monkeypatch)
    os.utime(peaks, ns=(5, 5))
    ga.to_zarr(signal(peaks), path, fingerprint="whole")
    assert done == []
    rewrite(peaks, 7)
    with pytest.raises(ga.StoreError, match="other content"):
        ga.to_zarr(signal(peaks), path, fingerprint="whole")
    with pytest.raises(ga.GenomeError, match="fingerprint='half' is not known"):
        ga.to_zarr(signal(peaks), path, fingerprint="half")


def test_to_zarr__a_source_that_changes_meanwhile_is_refused(tmp_path, peaks, monkeypatch):
    ds = signal(peaks)
    run = schedule.run_parts

    def change(*arguments):
        yield from run(*arguments)
        rewrite(peaks, 9)

    monkeypatch.setattr("genoarrays.store.write.run_parts", change)
    with pytest.raises(ga.StoreError, match=r"sources changed while they were read: .*a\.bedGraph"):
        ga.to_zarr(ds, tmp_path / "a.zarr")
    assert not (tmp_path / "a.zarr").exists()


def test_to_zarr__of_a_store_depends_on_that_store(tmp_path):
    one, two = tmp_path / "one.zarr", tmp_path / "two.zarr"
    ga.to_zarr(genome()[["dna"]], one)
    ga.to_zarr(ga.open_zarr(one), two)
    ga.to_zarr(ga.open_zarr(one), two)
    other = ga.testing.random_genome(LENGTHS, seed=5)[["dna"]]
    ga.to_zarr(other, one, overwrite=True)
    with pytest.raises(ga.StoreError, match=r"sources: .*one.zarr: commit was"):
        ga.to_zarr(ga.open_zarr(one), two)


# ---- what was told


def test_to_zarr__keeps_what_became_of_the_reads(tmp_path):
    reads = [{"contig": "chr1", "start": n, "flag": 1024 * (n % 3 == 0)} for n in range(0, 900, 7)]
    paths = {
        "a": write_bam(tmp_path / "a.bam", reads),
        "b": write_bam(tmp_path / "b.bam", [*reads[:10], {"contig": "chr3", "start": 5}]),
    }
    ga.to_zarr(ga.open_bam(paths["a"]), tmp_path / "one.zarr", chunk=50, shard=100)
    dropped = sum(read["flag"] > 0 for read in reads)
    one = ga.open_zarr(tmp_path / "one.zarr").reads
    assert one.attrs["reads"] == {"duplicate": dropped, "kept": len(reads) - dropped}
    assert one.sum() == len(reads) - dropped
    ga.to_zarr(ga.open_bam(paths, like=TOY, bin_size=10), tmp_path / "two.zarr", shard=200)
    two = ga.open_zarr(tmp_path / "two.zarr").reads
    assert two.attrs["reads"]["b"]["kept"] == two.sel(sample="b").sum()
    assert two.attrs["reads"]["a"] == one.attrs["reads"]


def test_region_only_store__is_the_same_axis_with_other_segments(tmp_path, peaks):
    ds = signal(peaks, fill=-1).sel(position=["chr1:400-600", "chr2:390-410", "chr3:80-91"])
    ga.to_zarr(ds, tmp_path / "roi.zarr", chunk=50, shard=100)
    back = ga.open_zarr(tmp_path / "roi.zarr")
    xr.testing.assert_equal(back.compute(), ds.compute())
    assert back.sel(position="chr2:395-405").signal.values.tolist() == [1] * 5 + [-1] * 5


def test_open_zarr__tells_of_a_write_that_was_begun(tmp_path):
    job = ga.plan(genome(), tmp_path / "a.zarr", chunk=50, shard=100)
    with pytest.raises(ga.StoreError, match="there is no store; write one with"):
        ga.open_zarr(tmp_path / "a.zarr")
    job.begin()
    job.run(2)
    assert job.done == 1
    assert "begun, 1 parts are done" in repr(job)
    with pytest.raises(ga.StoreError, match="a write was begun, and the same"):
        ga.open_zarr(tmp_path / "a.zarr")


def test_to_zarr__keeps_where_the_numbers_came_from(tmp_path, peaks):
    ga.to_zarr(signal(peaks), tmp_path / "a.zarr")
    attrs = ga.open_zarr(tmp_path / "a.zarr").signal.attrs
    assert attrs["source"] == str(peaks)
    kind, _, digest = attrs["source_digests"][str(peaks)].partition(":")
    assert kind == "sampled"
    assert digest == ga.plan(signal(peaks), tmp_path / "b").document["sources"][str(peaks)][kind]
    assert attrs["genoarrays_version"] == ga.__version__
    ga.to_zarr(ga.open_zarr(tmp_path / "a.zarr"), tmp_path / "b.zarr")
    digests = ga.open_zarr(tmp_path / "b.zarr").signal.attrs["source_digests"]
    assert digests[str(tmp_path / "a.zarr")].startswith("commit:")
    assert set(digests) == {str(peaks), str(tmp_path / "a.zarr")}
