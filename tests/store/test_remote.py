"""Stores in a bucket, on an S3 server of this process."""

import logging
import os
import pickle
import re
import signal
import subprocess
import sys
import threading
import urllib.request

import numpy as np
import pytest
import xarray as xr
import zarr

import genoarrays as ga
from genoarrays.store import bucket, lock
from genoarrays.store.bucket import Bucket
from genoarrays.store.coarser import level_for
from genoarrays.store.layout import MARKER, PLAN
from genoarrays.store.place import Folder, place_of
from tests.store import stores
from tests.store.stores import CHUNK, forget

pytest.importorskip("obstore", reason="needs the extra `remote`")
pytest.importorskip("moto", reason="needs moto[server], a local S3 server")

# of the server, which lies in this process
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning:(moto|botocore|boto3|werkzeug)"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
SHARD = 600  # few requests: the server takes some 5 ms for each
SIZES = {"chunk": CHUNK, "shard": SHARD, "progress": False}


@pytest.fixture(scope="module")
def server():
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    running = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    url = f"http://{host}:{port}"
    urllib.request.urlopen(urllib.request.Request(f"{url}/bucket", method="PUT")).close()
    yield url
    running.stop()


@pytest.fixture(autouse=True)
def environment(server, monkeypatch):
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in {
        "ENDPOINT_URL": server,
        "ALLOW_HTTP": "true",
        "ACCESS_KEY_ID": "me",
        "SECRET_ACCESS_KEY": "hidden-word",
        "REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    bucket._client.cache_clear()
    forget()
    yield
    bucket._client.cache_clear()


@pytest.fixture
def url(request):
    return f"s3://bucket/{request.node.name}/x.zarr"


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    path = tmp_path_factory.mktemp("local") / "x.zarr"
    ga.to_zarr(genome(), path, **SIZES)
    return path


def genome(seed=0):
    """Without reads, and with a shard that holds nothing but zeros."""
    ds = stores.genome(seed).drop_vars("reads").drop_dims("strand", errors="ignore")
    ds.label[:SHARD] = 0
    return ds


def put(url, seed=0, **options):
    ga.to_zarr(genome(seed), url, **SIZES, **options)
    return Bucket(url)


def content(place):
    return {key: place.read(key) for key in place.list()}


def left_beside(url):
    return list(Bucket(f"{url}.build").list())


def read(url):
    return ga.open_zarr(url).compute()


# ---- the place


@pytest.fixture(params=["folder", "bucket"])
def place(request, tmp_path):
    if request.param == "folder":
        return Folder(tmp_path / "a")
    return Bucket(f"s3://bucket/{request.node.name}/a/")


def test_place__folder_and_bucket_are_alike(place):
    assert [place.size("k"), place.stamp("k"), list(place.list())] == [None, None, []]
    for read_missing in (place.read, lambda key: place.read_range(key, 0, 2)):
        with pytest.raises(FileNotFoundError):
            read_missing("k")
    place.write("k", b"0123456789")
    before = place.stamp("k")
    assert place.read("k") == b"0123456789"
    assert place.read_range("k", 2, 3) == b"234"
    assert place.read_range("k", -3, 3) == b"789"
    assert place.read_range("k", -3, 2) == b"78"
    assert place.read_range("k", 4, 0) == b""
    assert place.read_ranges("k", [(7, 2), (0, 1)]) == [b"78", b"0"]
    assert place.read_ranges("k", []) == []
    assert place.stamp("k") == before
    place.write("k", b"other")
    assert place.stamp("k") != before
    assert place.size("k") == 5
    assert place.create("lock", b"mine")
    assert not place.create("lock", b"yours")
    assert place.read("lock") == b"mine"
    place.write("d/e/f", b"1")
    place.write("d/g", b"2")
    place.write("dd", b"3")
    assert sorted(place.list()) == ["d/e/f", "d/g", "dd", "k", "lock"]
    assert sorted(place.list("d")) == ["d/e/f", "d/g"]
    assert list(place.at("d").at("e").list()) == ["f"]
    other = place.at("other")
    other.adopt("d/g", place)
    assert other.read("d/g") == b"2"
    place.delete("d")
    place.delete("nothing")
    assert sorted(place.list()) == ["dd", "k", "lock", "other/d/g"]
    again = pickle.loads(pickle.dumps(place))
    assert again.url == place.url
    assert again.read("k") == b"other"


def test_create__of_many_writers_one_succeeds(url):
    place, won = Bucket(url), []

    def attempt(number):
        if place.create("lock", b"%d" % number):
            won.append(number)

    threads = [threading.Thread(target=attempt, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert place.read("lock") == b"%d" % won[0]
    assert len(won) == 1


def test_create__says_when_the_server_cannot(url, monkeypatch):
    import obstore

    def refuse(*arguments, **options):
        raise obstore.exceptions.NotSupportedError("no")

    monkeypatch.setattr(obstore, "put", refuse)
    with pytest.raises(ga.StoreError, match="this server cannot keep two writers apart"):
        Bucket(url).create("lock", b"1")


def test_place_of__folders_and_urls(tmp_path):
    assert isinstance(place_of("s3://bucket/x.zarr"), Bucket)
    assert place_of(f"file://{tmp_path}/a%20b").url == f"{tmp_path}/a b"
    with pytest.raises(ga.StoreError, match="storage_options= are for URLs"):
        ga.open_zarr(tmp_path, storage_options={"endpoint": "http://127.0.0.1"})


def test_bucket__never_shows_its_options(url, server):
    options = {"endpoint": server, "secret_access_key": "hidden-word"}
    assert "hidden" not in repr(Bucket(url, options).at("1bp"))
    ga.to_zarr(genome(), url, **SIZES, storage_options=options)
    assert not any(b"hidden" in value for value in content(Bucket(url)).values())


# ---- writing


@pytest.mark.parametrize("how", [{"workers": 1}, {"workers": 3}])
def test_to_zarr__is_the_local_store_byte_for_byte(url, local, how):
    place = put(url, **how)
    assert content(place) == content(Folder(local))
    assert left_beside(url) == []
    xr.testing.assert_identical(read(url), genome())
    assert ga.verify(url, progress=False) == []


def test_to_zarr__on_a_cluster_of_processes(url, local, server, monkeypatch):
    from distributed import Client, LocalCluster

    # the workers know the server by the options alone
    for name in ("ENDPOINT_URL", "ALLOW_HTTP", "ACCESS_KEY_ID", "SECRET_ACCESS_KEY"):
        monkeypatch.delenv(f"AWS_{name}")
    bucket._client.cache_clear()
    options = {"endpoint": server, "allow_http": True, "aws_access_key_id": "me",
               "secret_access_key": "hidden-word"}  # fmt: skip
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        ga.to_zarr(genome(), url, **SIZES, client=client, storage_options=options)
        ds = ga.open_zarr(url, chunks=300, storage_options=options)
        mean = ds.signal.mean("position").compute()
    np.testing.assert_allclose(mean, genome().signal.mean("position"), rtol=1e-6)
    assert content(Bucket(url, options)) == content(Folder(local))


def test_store__is_read_by_plain_zarr(url, server):
    from obstore.store import from_url

    put(url)
    store = zarr.storage.ObjectStore(from_url(url), read_only=True)
    group = zarr.open_group(store, path="1bp", mode="r")
    np.testing.assert_array_equal(group["signal"][...].T, genome().signal.values)
    np.testing.assert_array_equal(group["dna"][...], genome().dna.values)


def failing(ds, first, monkeypatch):
    """The same, but values from a position on cannot be read."""

    def broken(block, block_info=None):
        if fails[0] and block_info[None]["array-location"][0][0] >= first:
            raise ga.InputError("x.bam", "chr1:5", "it is cut off", "copy it again")
        return block

    fails = [True]
    lazy = ds.dna.chunk(position=CHUNK).data.map_blocks(broken, dtype="i1", name="fails")
    return ds.assign(dna=ds.dna.copy(data=lazy)), fails


def test_to_zarr__goes_on_after_a_failure(url, local, monkeypatch):
    ds, fails = failing(genome(), 600, monkeypatch)
    with pytest.raises(ga.InputError, match="cut off") as caught:
        ga.to_zarr(ds, url, workers=1, **SIZES)
    assert f"finished parts stay in {url}.build" in caught.value.__notes__[0]
    with pytest.raises(ga.StoreError, match=r"not a complete genoarrays store"):
        ga.open_zarr(url)
    with pytest.raises(ga.StoreError, match="unfinished write of something else is there"):
        put(url, seed=1)
    fails[0] = False
    shards = {key: Bucket(url).stamp(key) for key in Bucket(url).list()}
    assert "1bp/dna/c/0" in shards
    ga.to_zarr(ds, url, **SIZES)
    assert Bucket(url).stamp("1bp/dna/c/0") == shards["1bp/dna/c/0"]
    assert {k: v for k, v in content(Bucket(url)).items() if "/c/" in k} == {
        k: v for k, v in content(Folder(local)).items() if "/c/" in k
    }
    xr.testing.assert_identical(read(url), genome())
    assert left_beside(url) == []


def test_to_zarr__leaves_nothing_of_a_write_that_is_given_up(url, local):
    ds, _ = failing(genome(), 0, None)
    with pytest.raises(ga.InputError):
        ga.to_zarr(ds[["dna"]], url, workers=1, **SIZES)
    assert list(Bucket(url).list()) == left_beside(url) == []
    ds, _ = failing(genome(), 600, None)
    with pytest.raises(ga.InputError):
        ga.to_zarr(ds[["dna"]], url, workers=1, **SIZES)
    assert left_beside(url)
    assert content(put(url, overwrite=True)) == content(Folder(local))


def test_to_zarr__a_second_writer_is_refused(url):
    place = Bucket(f"{url}.build")
    with (
        lock.Lock(place, url),
        pytest.raises(ga.StoreError, match=rf"{url} is being written by process {os.getpid()} on"),
    ):
        put(url)
    put(url)


def test_to_zarr__continues_a_killed_writer(url, local):
    code = f"""
import os, signal, genoarrays as ga
from genoarrays.store import part
from tests.store.test_remote import genome
run = part.Part.run
def killed(self, *arguments):
    if self.number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    run(self, *arguments)
part.Part.run = killed
ga.to_zarr(genome(), {url!r}, chunk={CHUNK}, shard={SHARD}, workers=1)
"""
    process = subprocess.run([sys.executable, "-c", code], check=False)
    assert process.returncode == -signal.SIGKILL
    assert sorted(left_beside(url)) == ["done/0.json", "done/1.json", "done/2.json", "lock.json",
                                        PLAN]  # fmt: skip
    with pytest.warns(UserWarning, match="taking over from process"):
        put(url)
    assert content(Bucket(url)) == content(Folder(local))
    assert left_beside(url) == []


# ---- replacing


def test_to_zarr__overwrites_when_asked(url):
    put(url, seed=1)
    same = Bucket(url).stamp(MARKER)
    put(url, seed=1)
    assert Bucket(url).stamp(MARKER) == same  # unchanged: nothing is written
    with pytest.raises(ga.StoreError, match=f"{url} exists already and was made of something else"):
        put(url, seed=2)
    xr.testing.assert_identical(read(url), genome(1))
    # fewer variables and shards: nothing of the old store stays
    small = genome(2)[["label"]]
    small.label[:900] = 0
    ga.to_zarr(small, url, overwrite=True, **SIZES)
    assert [key for key in Bucket(url).list() if "/c/" in key] == ["1bp/label/c/1"]
    assert ga.verify(url, progress=False) == []
    xr.testing.assert_identical(read(url), small)
    assert left_beside(url) == []


def test_to_zarr__a_failed_replacement_leaves_the_old_store(url):
    put(url)
    ds, fails = failing(genome(1), 600, None)
    with pytest.raises(ga.InputError):
        ga.to_zarr(ds, url, workers=1, overwrite=True, **SIZES)
    assert left_beside(url)
    xr.testing.assert_identical(read(url), genome())
    assert ga.verify(url, progress=False) == []
    fails[0] = False
    ga.to_zarr(ds, url, overwrite=True, **SIZES)
    xr.testing.assert_identical(read(url), genome(1))
    assert ga.verify(url, progress=False) == []


def test_to_zarr__completes_a_replacement_that_was_cut_off(url, monkeypatch):
    put(url)
    copied, adopt = [], Bucket.adopt

    def cut_off(self, key, other):
        copied.append(key)
        if len(copied) > 8:
            raise ga.StoreError("the network is gone")
        adopt(self, key, other)

    with monkeypatch.context() as patch:
        patch.setattr(Bucket, "adopt", cut_off)
        with pytest.raises(ga.StoreError, match="network is gone"):
            put(url, seed=1, overwrite=True)
    with pytest.raises(ga.StoreError, match="not a complete genoarrays store"):
        ga.open_zarr(url)
    with pytest.raises(ga.StoreError, match="exists already"):
        put(url, seed=2)  # by now the replacement is there
    xr.testing.assert_identical(read(url), genome(1))
    assert ga.verify(url, progress=False) == []
    assert left_beside(url) == []


def test_to_zarr__a_store_may_be_made_of_the_one_it_replaces(url):
    put(url)
    ds = ga.open_zarr(url)
    ga.to_zarr(ds.assign(signal=ds.signal * 2), url, overwrite=True, **SIZES)
    np.testing.assert_array_equal(read(url).signal, genome().signal * 2)


def test_to_zarr__appends(url, tmp_path):
    more = genome(1).signal.assign_coords(track=["c", "d"]).to_dataset()
    put(url)
    before = content(Bucket(url))
    ga.to_zarr(more, url, append=True, **SIZES)
    both = xr.concat([genome().signal.load(), more.signal.load()], "track", coords="minimal")
    np.testing.assert_array_equal(read(url).signal, both)
    after = content(Bucket(url))
    assert all(
        after[key] == value
        for key, value in before.items()
        if re.search(r"(dna|label|signal)/c/", key)
    )
    assert ga.verify(url, progress=False) == []


def test_to_zarr__a_pyramid_is_made_of_what_is_in_the_bucket(url, tmp_path):
    some, more = (genome().isel(track=[n])[["signal"]] for n in (0, 1))
    for path in (url, tmp_path / "x.zarr"):
        ga.to_zarr(some, path, pyramid=[4, 16], **SIZES)
        ga.to_zarr(more, path, append=True, **SIZES)
    assert content(Bucket(url)) == content(Folder(tmp_path / "x.zarr"))
    assert left_beside(url) == []
    level = level_for(ga.open_zarr(url).signal.sel(track="b"), 16)
    wanted = ga.coarsen(more.signal, 16, "max").isel(track=0)
    np.testing.assert_array_equal(level.high, wanted)


def test_to_zarr__never_replaces_anything_else(url):
    Bucket(url).write("notes.txt", b"mine")
    for options in ({}, {"overwrite": True}):
        with pytest.raises(ga.StoreError, match="is no complete genoarrays store, and is not repl"):
            put(url, **options)
    with pytest.raises(ga.StoreError, match="is no complete genoarrays store, and is not repl"):
        ga.plan(genome(), url).begin()
    assert content(Bucket(url)) == {"notes.txt": b"mine"}
    assert left_beside(url) == []
    with pytest.raises(ga.StoreError, match="is a bucket; give the store a name"):
        put("s3://bucket/")


def test_plan__by_hand(url, local):
    job = ga.plan(genome(), url, chunk=CHUNK, shard=SHARD)
    job.begin()
    for number in reversed(range(len(job.parts))):
        ga.plan(genome(), url, chunk=CHUNK, shard=SHARD).run(number)
    ga.plan(genome(), url, chunk=CHUNK, shard=SHARD).finish()
    job.finish()
    assert content(Bucket(url)) == content(Folder(local))


# ---- reading


def test_open_datatree__of_several_nodes(url):
    coarse = ga.testing.random_genome({"chr1": 700, "chr2": 300, "chr3": 41}, bin_size=50)
    ga.to_zarr({"1bp": genome(), "50bp": coarse}, url, progress=False)
    tree = ga.open_datatree(url)
    some = tree.sel(position="chr2:100-200")
    np.testing.assert_array_equal(some["50bp"].label, coarse.label.sel(position="chr2:100-200"))
    with pytest.raises(ga.StoreError, match=rf"{url} has several nodes"):
        ga.open_zarr(url)


def test_open_zarr__needs_no_pipeline_that_reads_folders_alone(url):
    pytest.importorskip("zarrs", reason="needs the zarrs reader")
    put(url)
    with zarr.config.set(stores.PIPELINES["zarrs"]):
        xr.testing.assert_identical(read(url), genome())


def test_a_reader__of_a_replaced_store_is_refused(url):
    put(url)
    one, two = ga.open_zarr(url), ga.open_zarr(url, chunks=None)
    one.signal[:CHUNK].load()
    put(url, seed=1, overwrite=True)
    for ds in (one, two, pickle.loads(pickle.dumps(one))):
        with pytest.raises(ga.StoreError, match="was replaced since it was opened; reopen"):
            ds.signal.load()
    Bucket(url).delete("")
    with pytest.raises(ga.StoreError, match="there is no store"):
        ga.open_zarr(url)


def test_reading__takes_few_requests(url, monkeypatch):
    import obstore

    put(url)
    ds = ga.open_zarr(url, chunks=None)
    ds.signal[:10].load()
    asked = []

    def spied(name):
        call = getattr(obstore, name)

        def spy(*arguments, **options):
            asked.append(name)
            return call(*arguments, **options)

        return spy

    for name in ("head", "get", "get_range", "get_ranges", "list", "put"):
        monkeypatch.setattr(obstore, name, spied(name))
    ds.signal[10:20].load()
    # the marker, and the shards of two tracks; values are asked for by zarr itself
    assert asked == ["head"] * 3


@pytest.mark.parametrize("damage", ["flip", "delete", "swap", "cut", "add"])
def test_damage__is_found_by_readers_and_by_verify(url, damage):
    place = put(url)
    ds = ga.open_zarr(url, chunks=None)
    one, two = (place.read(f"1bp/dna/c/{n}") for n in (0, 1))
    if damage == "flip":
        place.write("1bp/dna/c/0", bytes([one[0] ^ 1]) + one[1:])
    elif damage == "delete":
        place.delete("1bp/dna/c/0")
    elif damage == "swap":
        place.write("1bp/dna/c/0", two)
        place.write("1bp/dna/c/1", one)
    elif damage == "cut":
        place.write("1bp/dna/c/0", one[:-5])
    else:
        place.write("1bp/label/c/0", one)
    found = ga.verify(url, progress=False)
    due = {"swap": ["1bp/dna/c/0", "1bp/dna/c/1"], "add": ["1bp/label/c/0"]}
    assert [f.file for f in found] == due.get(damage, ["1bp/dna/c/0"])
    assert found[0].region == f"chr1:0-{CHUNK if damage == 'flip' else SHARD}"
    with pytest.raises(ga.StoreError, match=re.escape(f"{url}: {found[0].array} is damaged")):
        ds.load()


def test_open_zarr__reads_through_a_web_server(url, server):
    import boto3

    place = put(url)
    client = boto3.client("s3", endpoint_url=server)
    for key in place.list():
        name = f"{url.removeprefix('s3://bucket/')}/{key}"
        client.put_object_acl(Bucket="bucket", Key=name, ACL="public-read")
    web = url.replace("s3://", f"{server}/")
    xr.testing.assert_identical(ga.open_zarr(web).compute(), genome())
    with pytest.raises(ga.StoreError, match="a web server does not list its keys"):
        put(f"{web}.other")


# ---- what cannot be reached


def test_a_missing_bucket__is_said(url):
    for act in (put, ga.open_zarr, ga.verify):
        with pytest.raises(ga.StoreError, match=r"s3://none/x.zarr: the server says NoSuchBucket"):
            act("s3://none/x.zarr")
    with pytest.raises(ga.StoreError, match=r"s3://bucket/none.zarr: there is no store; write one"):
        ga.open_zarr("s3://bucket/none.zarr")


def test_wrong_credentials__are_said(url):
    from moto.core import set_initial_no_auth_action_count

    put(url)

    @set_initial_no_auth_action_count(0)
    def refused(act):
        with pytest.raises(ga.StoreError, match=rf"{url}.*credentials in the environment"):
            act(url)

    for act in (put, ga.open_zarr, ga.verify):
        refused(act)


def test_no_server__is_said(url, monkeypatch):
    monkeypatch.setitem(bucket._RETRY, "max_retries", 1)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    for act in (put, ga.open_zarr):
        with pytest.raises(ga.StoreError, match=rf"{url}.*check the URL, and endpoint"):
            act(url)


def test_obstore__is_asked_for(url, monkeypatch):
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(ImportError, match=r"pip install 'genoarrays\[remote\]'"):
        ga.open_zarr(url)


@pytest.mark.parametrize(
    ("url", "options", "problem"),
    [
        ("s3://bucket/x", {"nonsense": 1}, "'nonsense' is not valid"),
        ("s3://bucket/x", {"allow_http": False}, r"http:// is not allowed; set AWS_ALLOW_HTTP"),
        ("s3://bucket/x", {"timeout": "soon"}, "soon"),
        ("hdfs://bucket/x", {}, "hdfs://bucket/x"),
    ],
)
def test_wrong_options__are_said(url, options, problem):
    with pytest.raises(ga.StoreError, match=problem):
        ga.open_zarr(url, storage_options=options)


@pytest.mark.parametrize(
    "opener", [ga.open_bam, ga.open_fasta, ga.open_bigwig, ga.open_intervals, ga.read_regions]
)
def test_sources__are_not_read_by_url(opener):
    like = {"like": genome()} if opener is ga.open_intervals else {}
    url = "s3://bucket/x.bed" if opener in (ga.open_intervals, ga.read_regions) else "s3://b/x"
    with pytest.raises(ga.InputError, match=rf"^{url}: this is a URL.*copy the file"):
        opener(url, **like)
