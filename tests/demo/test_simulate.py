import collections
import hashlib
import re

import numpy as np
import pyBigWig
import pysam
import pytest

import genoarrays as ga
from genoarrays.demo.landscape import PAIRED_CORE, PLAIN_CONSENSUS
from genoarrays.demo.simulate import simulate
from genoarrays.errors import InputError

SIZE = 400_000
RIGHT, WRONG = "(?:AC|CA|GT|TG)", "(?:AG|CT|GA|TC)"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return simulate(tmp_path_factory.mktemp("simulated"), seed=3, size=SIZE)


@pytest.fixture(scope="module")
def genome(files):
    with pysam.FastaFile(str(files.genome)) as fasta:
        return {contig: fasta.fetch(contig) for contig in fasta.references}


@pytest.fixture(scope="module")
def sites(files):
    rows = [line.split("\t") for line in files.sites.read_text().splitlines()]
    return [(r[0], int(r[1]), int(r[2]), r[3], int(r[4]) > 0, r[5]) for r in rows]


@pytest.fixture(scope="module")
def peaks(files):
    rows = [line.split("\t") for line in files.peaks.read_text().splitlines()[1:]]
    return [(r[0], int(r[1]), int(r[2]), int(r[4]), float(r[6]), int(r[9])) for r in rows]


def words(genome, sites, kind):
    """Sequence of each site of a kind on its own strand."""
    swap = str.maketrans("ACGTN", "TGCAN")
    for contig, start, end, name, bound, strand in sites:
        word = genome[contig][start:end].upper()
        if name == kind:
            yield (word if strand == "+" else word.translate(swap)[::-1]), bound


def digests(folder):
    return {p.name: hashlib.md5(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir())}


def test_simulate__same_seed_gives_same_bytes(files, tmp_path):
    simulate(tmp_path / "again", seed=3, size=SIZE)
    assert digests(tmp_path / "again") == digests(files.genome.parent)
    assert len(digests(tmp_path / "again")) == 8  # six files and two indexes, nothing else


def test_simulate__other_seed_gives_another_genome(files, tmp_path):
    other = simulate(tmp_path, seed=4, size=SIZE)
    ours, theirs = digests(files.genome.parent), digests(other.genome.parent)
    differ = {name for name in ours if ours[name] != theirs[name]}
    assert differ == set(ours) - {"genome.fa.fai"}


def test_simulate__genome_has_gaps_masks_and_uneven_composition(files, genome):
    assert {c: len(s) for c, s in genome.items()} == files.lengths
    assert sum(files.lengths.values()) == pytest.approx(SIZE, rel=0.01)
    for text in genome.values():
        assert set(text) <= set("ACGTNacgt")
        assert text[:500] == "N" * 500
        assert text[500] != "N"
    assert [m.end() - m.start() for m in re.finditer("N+", genome["chr1"])] == [500, 2000]
    masked = [len(run) for text in genome.values() for run in re.findall("[acgt]+", text)]
    assert masked
    assert set(masked) == {320}
    text = genome["chr2"].upper()
    parts = [text[i : i + 5000] for i in range(5000, len(text) - 5000, 5000)]
    gc = [(part.count("G") + part.count("C")) / len(part) for part in parts]
    assert np.std(gc) > 0.03  # 0.007 if every base had the same chances
    lines = files.genome.read_text().splitlines()
    assert {len(line) for line in lines[1:100]} == {60}


def test_simulate__plain_sites_hold_their_motif(genome, sites):
    counts = np.array([[a == b for a, b in zip(word, PLAIN_CONSENSUS, strict=True)]
                       for word, _ in words(genome, sites, "plain")])  # fmt: skip
    assert len(counts) > 40
    assert (counts.mean(axis=0) > 0.5).all()
    assert counts.mean() > 0.85


@pytest.mark.parametrize(("kind", "pair"), [("paired", RIGHT), ("decoy", WRONG)])
def test_simulate__sites_hold_the_right_pairs_and_decoys_the_wrong_ones(genome, sites, kind, pair):
    pattern = re.compile(f"{pair}{{2}}{PAIRED_CORE}{pair}{{2}}")
    found = [pattern.fullmatch(word) is not None for word, _ in words(genome, sites, kind)]
    assert len(found) > 80
    assert all(found)


def test_simulate__single_bases_do_not_tell_sites_from_decoys(tmp_path):
    files = simulate(tmp_path, seed=0)
    with pysam.FastaFile(str(files.genome)) as fasta:
        genome = {contig: fasta.fetch(contig) for contig in fasta.references}
    rows = [line.split("\t") for line in files.sites.read_text().splitlines()]
    sites = [(r[0], int(r[1]), int(r[2]), r[3], int(r[4]) > 0, r[5]) for r in rows]
    shares = {}
    for kind in ("paired", "decoy"):
        letters = np.array([list(word) for word, _ in words(genome, sites, kind)])
        shares[kind] = np.stack([(letters == base).mean(axis=0) for base in "ACGT"])
    # of some 1,200 words each, so a share of 1/4 has a standard error of 0.0125
    assert np.abs(shares["paired"] - shares["decoy"]).max() < 0.075


def test_simulate__only_true_sites_are_bound_and_some_are_not(sites):
    bound = collections.Counter((name, bound) for *_, name, bound, _ in sites)
    assert bound["decoy", True] == 0
    for kind in ("plain", "paired"):
        assert 0.55 < bound[kind, True] / (bound[kind, True] + bound[kind, False]) < 0.9


def test_simulate__peaks_are_the_bound_sites(files, sites, peaks):
    assert files.peaks.read_text().startswith("track type=narrowPeak ")
    middles = [(c, (start + end) // 2) for c, start, end, _, bound, _ in sites if bound]
    assert [(c, start + summit) for c, start, _, _, _, summit in peaks] == middles
    for contig, start, end, score, _, summit in peaks:
        assert 0 <= start < start + summit < end <= files.lengths[contig]
        assert end - start == 200
        assert 0 < score <= 1000


def test_simulate__read_counts_by_reason_are_those_of_the_file(files):
    counts = collections.Counter()
    last = (-1, -1)
    with pysam.AlignmentFile(str(files.reads)) as bam:
        assert dict(zip(bam.references, bam.lengths, strict=True)) == files.lengths
        for read in bam.fetch(until_eof=True):
            reasons = [name for name, given in [
                ("unmapped", read.is_unmapped), ("secondary", read.is_secondary),
                ("supplementary", read.is_supplementary), ("qc_fail", read.is_qcfail),
                ("duplicate", read.is_duplicate),
            ] if given]  # fmt: skip
            assert len(reasons) <= 1
            if not read.is_unmapped:
                assert (read.reference_id, read.reference_start) >= last
                last = (read.reference_id, read.reference_start)
                assert read.reference_end <= files.lengths[read.reference_name]
                if not reasons and read.mapping_quality < 10:
                    reasons = ["low_mapq"]
            counts[reasons[0] if reasons else "kept"] += 1
    assert counts == files.reads_by_reason
    assert min(counts.values()) > 20


def test_simulate__reads_hold_the_bases_of_the_genome(files, genome):
    with pysam.AlignmentFile(str(files.reads)) as bam:
        for read in bam.fetch("chr2", 0, 20_000):
            text = genome["chr2"][read.reference_start : read.reference_end].upper()
            assert read.query_sequence == text
            assert "N" not in text


def test_simulate__reads_of_both_strands_gather_at_peaks_and_not_at_unbound_sites(files, sites):
    with pysam.AlignmentFile(str(files.reads)) as bam:
        ends = {contig: {False: [], True: []} for contig in files.lengths}
        for read in bam.fetch():
            end = read.reference_end - 1 if read.is_reverse else read.reference_start
            ends[read.reference_name][read.is_reverse].append(end)

    def near(contig, middle, minus):
        return sum(middle - 100 <= end < middle + 100 for end in ends[contig][minus])

    for minus in (False, True):
        bound, closed = (
            np.mean([near(c, (s + e) // 2, minus) for c, s, e, name, b, _ in sites
                     if c == "chr1" and name in ("plain", "paired") and b == wanted])
            for wanted in (True, False)
        )  # fmt: skip
        assert bound > 4 * closed > 0


def test_simulate__signal_is_high_at_peaks_and_missing_where_bases_are(files, genome, peaks):
    with pyBigWig.open(str(files.signal)) as bigwig:
        assert bigwig.chroms() == files.lengths
        for contig, text in genome.items():
            values = bigwig.values(contig, 0, len(text), numpy=True)
            unknown = np.frombuffer(text.encode(), dtype=np.uint8) == ord("N")
            np.testing.assert_array_equal(np.isnan(values), unknown)
            here = [p for p in peaks if p[0] == contig]
            summits = np.array([start + summit for _, start, *_, summit in here])
            assert np.median(values[summits]) > 10 * np.nanmedian(values)
            assert np.corrcoef(values[summits], [p[4] for p in here])[0, 1] > 0.8


def test_simulate__variants_have_the_bases_of_the_genome(files, sites):
    found = ga.read_variants(files.variants, like=ga.open_fasta(files.genome))
    assert found.sizes["variant"] > 100
    assert found.attrs["variants"]["kept"] == found.sizes["variant"] <= len(sites)
    changes = set(zip(found.ref.values.tolist(), found.alt.values.tolist(), strict=True))
    assert len(changes) > 1
    assert changes <= {("A", "T"), ("C", "G"), ("G", "A"), ("T", "C")}


def test_simulate__refuses_to_replace_files(files):
    before = digests(files.genome.parent)
    with pytest.raises(InputError, match=r"genome\.fa, .* already there; use overwrite=True"):
        simulate(files.genome.parent, seed=5, size=SIZE)
    assert digests(files.genome.parent) == before


def test_simulate__overwrites_when_asked(tmp_path):
    simulate(tmp_path, seed=1, size=50_000)
    simulate(tmp_path, seed=2, size=50_000, overwrite=True)
    simulate(tmp_path / "fresh", seed=2, size=50_000)
    fresh = digests(tmp_path / "fresh")
    for path in (tmp_path / "fresh").iterdir():
        path.unlink()
    (tmp_path / "fresh").rmdir()
    assert digests(tmp_path) == fresh


@pytest.mark.parametrize(("arguments", "cure"), [
    ({"size": 49_999}, "give size=50000 or more"), ({"seed": -1}, "whole number >= 0"),
])  # fmt: skip
def test_simulate__names_the_cure_for_bad_arguments(tmp_path, arguments, cure):
    with pytest.raises(InputError, match=cure):
        simulate(tmp_path / "new", **arguments)
    assert not (tmp_path / "new").exists()


def test_simulate__leaves_nothing_behind_when_it_fails(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr("genoarrays.demo.files.pysam.index", fail)
    with pytest.raises(OSError, match="no space"):
        simulate(tmp_path, size=50_000)
    assert list(tmp_path.iterdir()) == []
