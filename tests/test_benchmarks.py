"""Are the files that speed is measured on what they say, and is memory measured at all?"""

import importlib.util
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyBigWig
import pysam
import pytest

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"


def load(name):
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


corpus = load("corpus")
OPTIONS = corpus.Options(mb=0.5, reads=6_000, bams=1, tracks=1, beds=2, intervals=50, windows=30)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    truth = corpus.make_corpus(folder, OPTIONS, workers=1)
    pairs = (line.split("\t") for line in (folder / "genome.sizes").read_text().splitlines())
    return folder, truth, {name: int(length) for name, length in pairs}


@pytest.fixture(scope="module")
def lazy(made, tmp_path_factory):
    """The module, and a folder with the store and places of a tiny genome."""
    folder = tmp_path_factory.mktemp("lazy")
    for name in ("genome.fa", "genome.sizes", "track0.bw"):
        (folder / name).symlink_to(made[0] / name)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(FOLDER)  # they import each other
        module = importlib.import_module("lazy")
        module.make_places(folder, OPTIONS.mb)
        yield module, folder


def rows(path):
    lines = (line.split("\t") for line in path.read_text().splitlines())
    return [(name, int(start), int(end)) for name, start, end, *_ in lines]


def test_write_fasta__has_the_letters_it_says(made):
    folder, truth, lengths = made
    with pysam.FastaFile(str(folder / "genome.fa")) as file:
        assert dict(zip(file.references, file.lengths, strict=True)) == lengths
        text = "".join(map(file.fetch, file.references))
    assert [text.upper().count(letter) for letter in "ACGTN"] == truth["letters"]
    assert truth["letters"][4] >= 30_000
    assert 0.05 < sum(map(str.islower, text)) / len(text) < 0.15


def test_write_bam__is_sorted_and_has_the_reads_it_says(made):
    folder, truth, lengths = made
    with pysam.AlignmentFile(str(folder / "reads0.bam")) as file:
        assert dict(zip(file.references, file.lengths, strict=True)) == lengths
        reads = list(file.fetch(until_eof=True))
        assert len(reads) == OPTIONS.reads
        places = [(read.reference_id, read.reference_start) for read in reads]
        assert places == sorted(places)
        inside = [r for r in reads if r.reference_name == "chr1" and r.reference_end > 16_000]
        inside = [r.query_name for r in inside if r.reference_start < 17_000]
        assert [read.query_name for read in file.fetch("chr1", 16_000, 17_000)] == inside
    assert len({read.query_name for read in reads}) == len(reads)
    assert {(r.cigarstring, r.query_length, len(r.query_qualities)) for r in reads} == {
        ("50M", 50, 50)
    }
    assert all(r.reference_start >= 0 and r.reference_end <= lengths[r.reference_name]
               for r in reads)  # fmt: skip
    kept = [read.is_reverse for read in reads if not read.is_duplicate]
    assert truth["reads"] == [[kept.count(False), kept.count(True)]]
    assert 0.02 < 1 - len(kept) / len(reads) < 0.04
    assert 0.45 < np.mean(kept) < 0.55
    assert {read.flag for read in reads} == {0, 16, 1024, 1040}
    assert {read.mapping_quality for read in reads} == {0, 10, 30, 60}


def test_write_bam__half_of_the_reads_lie_in_peaks(made):
    folder, _, lengths = made
    near = {name: np.zeros(length, bool) for name, length in lengths.items()}
    for name, start, end in rows(folder / "peaks.bed"):
        near[name][max(start - 400, 0) : end + 400] = True
    background = np.mean(np.concatenate(list(near.values())))
    with pysam.AlignmentFile(str(folder / "reads0.bam")) as file:
        share = np.mean([near[read.reference_name][read.reference_start] for read in file])
    assert share == pytest.approx(0.5 + 0.5 * background, abs=0.05)


def test_write_bigwig__has_the_signal_it_says(made):
    folder, truth, lengths = made
    file = pyBigWig.open(str(folder / "track0.bw"))
    assert file.chroms() == lengths
    values = {name: file.values(name, 0, length, numpy=True) for name, length in lengths.items()}
    file.close()
    assert np.isnan(values["chrUn_2"]).all()
    end_to_end = np.concatenate(list(values.values()))
    known = end_to_end[~np.isnan(end_to_end)].astype(np.float64)
    assert truth["covered"] == [len(known)]
    assert truth["signal"] == [pytest.approx(known.sum(), rel=1e-9)]
    assert 0.75 < len(known) / len(end_to_end) < 0.85
    assert len(np.unique(known)) > 1_000


def test_write_beds__touch_the_bins_they_say(made):
    folder, truth, lengths = made
    for number, bins in enumerate(truth["bins"]):
        intervals = rows(folder / f"intervals{number:03}.bed")
        assert len(intervals) == OPTIONS.intervals
        order = [(list(lengths).index(name), start, end) for name, start, end in intervals]
        assert order == sorted(order)
        assert all(0 <= start < end <= lengths[name] for name, start, end in intervals)
        touched = {(name, base // 200) for name, start, end in intervals
                   for base in range(start, end)}  # fmt: skip
        assert len(touched) == bins


def test_make_corpus__gives_the_same_files_again_and_keeps_them(made, tmp_path):
    folder, truth, _ = made
    assert corpus.make_corpus(tmp_path, OPTIONS, workers=1) == truth
    names = sorted(path.name for path in folder.iterdir())
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    for name in names:
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes(), name
    (tmp_path / "genome.fa").unlink()
    assert corpus.make_corpus(tmp_path, OPTIONS, workers=1) == truth  # not made again
    assert not (tmp_path / "genome.fa").exists()
    with pytest.raises(SystemExit, match="other options"):
        corpus.make_corpus(tmp_path, OPTIONS._replace(seed=1), workers=1)


def test_make_corpus__scaffolds(tmp_path):
    options = corpus.Options(scaffolds=300, reads=2_000, bams=1, tracks=1, windows=10)
    truth = corpus.make_corpus(tmp_path, options, workers=1)
    with pysam.AlignmentFile(str(tmp_path / "reads0.bam")) as file:
        assert file.nreferences == 300
        assert sum(file.lengths) == truth["positions"]
        assert all(read.reference_end <= file.lengths[read.reference_id] for read in file)
    file = pyBigWig.open(str(tmp_path / "track0.bw"))
    width = [e - s for name in file.chroms() for s, e, _ in file.intervals(name) or ()]
    assert [sum(width)] == truth["covered"]
    file.close()


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux's /proc")
def test_measure__sees_memory_that_was_freed_and_that_of_children():
    measure = load("measure").measure
    held = b"x" * 100_000_000
    assert measure(lambda: None)["peak"] < 20
    assert 75 < measure(lambda: len(b"y" * 80_000_000))["peak"] < 100
    del held
    grow = "import time; x = b'x' * 80_000_000; time.sleep(0.5)"
    found = measure(lambda: subprocess.run([sys.executable, "-c", grow], check=True))
    assert 75 < found["peak"] < 120
    spin = "import time\nwhile time.process_time() < 0.3: pass"
    assert measure(lambda: subprocess.run([sys.executable, "-c", spin], check=True))["cpu"] >= 0.25


def test_scattered_bed__touches_every_contig_and_some_lie_apart(made, lazy):
    module, folder = lazy
    for name, (_, low, high) in module.BEDS.items():
        found = rows(folder / name)
        assert {contig for contig, _, _ in found} == {c for c, bp in made[2].items() if bp >= low}
        assert all(start >= 0 and end <= made[2][contig] for contig, start, end in found)
        assert all(low <= end - start <= high for _, start, end in found)
    apart = rows(folder / module.APART)
    assert set(apart) < set(rows(folder / module.REGIONS))
    assert all(a[0] != b[0] or a[2] <= b[1] for a, b in pairwise(apart))
    strands = {line.split()[5] for line in (folder / module.GENES).read_text().splitlines()}
    assert strands == {"+", "-"}


@pytest.mark.parametrize("name", ["summarize", "decoding", "mean", "reads", "reads, dask",
                                  "coarsen", "zscore_log", "regions", "regions apart",
                                  "profile"])  # fmt: skip
def test_lazy__gives_what_libbigwig_counts(lazy, tmp_path, name):
    module, folder = lazy
    steps = module.CASES[name](folder, tmp_path / "result")
    next(steps), next(steps)
    found = next(steps)
    if found is not None:
        np.testing.assert_allclose(*found, rtol=1e-4)
        assert np.isfinite(found[1]).mean() > 0.9


def test_check_same__refuses_other_values(lazy):
    check_same = importlib.import_module("peers_lazy").check_same
    nan = float("nan")
    check_same([1.0, nan], [1.00001, nan], "mean")
    for other in ([1.001, nan], [1.0, 2.0], [nan, nan]):
        with pytest.raises(SystemExit, match="not the same values"):
            check_same([1.0, nan], other, "mean")


def test_lazy__measures_each_case_in_a_process(lazy):
    _, folder = lazy
    command = [sys.executable, FOLDER / "lazy.py", folder, "--only", "mean", "--repeat", "1"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "holds  mean: peak MB above imports" in done.stdout


def test_pyramid__writes_and_draws(made, tmp_path):
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(FOLDER)
        module = importlib.import_module("pyramid")
    for name in ("genome.fa", "track0.bw"):
        (tmp_path / name).symlink_to(made[0] / name)
    for kind in module.PYRAMIDS:
        module.CASES[f"write, {kind}"](tmp_path, module.store_of(tmp_path, kind), 1)
    stores = [module.store_of(tmp_path, kind) for kind in ("none", "default", "of 8")]
    assert [module.bytes_of(path) for path in stores] == sorted(map(module.bytes_of, stores))
    for kind in ("none", "default"):
        module.CASES[f"draw, {kind}"](tmp_path, tmp_path / kind, 1)
        assert (tmp_path / f"{kind}.png").read_bytes()[:4] == b"\x89PNG"
