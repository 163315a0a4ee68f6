import numpy as np
import pytest

import genoarrays as ga
from genoarrays.errors import GenomeError, InputError
from tests.formats.files import write_fasta
from tests.formats.reads.oracle import write_reads

LENGTH = 60_000
SHIFTS = [(0, 0), (4, -5), (4, -4)]


def genome_and_cuts(seed, number=3_000):
    """Random bases, and middles of insertions: likelier where both strands read alike."""
    rng = np.random.default_rng(seed)
    bases = rng.integers(0, 4, LENGTH)
    half = rng.normal(0, 0.5, (9, 4))
    liking = np.zeros(LENGTH)
    for offset in range(9):
        for sign, letters in ((1, bases), (-1, 3 - bases)):
            liking += np.roll(half[offset][letters], -sign * (offset + 1))
    liking[:200] = liking[-200:] = -np.inf
    chance = np.exp(liking)
    middles = rng.choice(LENGTH, number, replace=False, p=chance / chance.sum())
    return "".join("ACGT"[base] for base in bases), np.sort(middles)


@pytest.fixture(scope="module")
def genome(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shift")
    bases, middles = genome_and_cuts(0)
    return write_fasta(folder / "x.fa", {"chr1": bases, "chr2": "A" * 200}, width=60), middles


def write_atac(path, middles, plus, minus):
    """Both reads of each insertion, as a tool would have moved them."""
    lengths = {"chr1": LENGTH, "chr2": 200}
    reads = []
    for middle in middles.tolist():
        reads.append({"contig": "chr1", "start": middle - 4 + plus, "cigar": "30M"})
        five = middle + 4 + minus
        reads.append({"contig": "chr1", "start": five - 29, "cigar": "30M", "flag": 16})
    return write_reads(path, reads, lengths)


@pytest.mark.parametrize("shift", [*SHIFTS, (5, -4)])
def test_estimate_shift__finds_the_shift_that_was_applied(tmp_path, genome, shift):
    fasta, middles = genome
    path = write_atac(tmp_path / "x.bam", middles, *shift)
    scores = ga.estimate_shift(path, fasta, candidates=[*SHIFTS, (5, -4)])
    assert scores.attrs["best"] == list(shift)
    assert scores.attrs["sites"] == 2 * len(middles)
    assert scores.sizes == {"candidate": 4}
    label = f"{shift[0]:+}/{shift[1]:+}"
    others = scores.score.where(scores.candidate != label, drop=True)
    assert scores.score.sel(candidate=label) > others.max() + 0.2
    rest = (4 - shift[0], -4 - shift[1])
    x = ga.open_bam(path, count="cut_site", shift=rest).reads.sel(contig="chr1").values
    assert np.flatnonzero(x[:, 0]).tolist() == np.flatnonzero(x[:, 1]).tolist() == middles.tolist()


def test_estimate_shift__stops_where_it_has_enough(tmp_path, genome, monkeypatch):
    fasta, middles = genome
    monkeypatch.setattr("genoarrays.formats.reads.shift._BLOCK", 10_000)
    path = write_atac(tmp_path / "x.bam", middles, 0, 0)
    scores = ga.estimate_shift(path, fasta, most=1_200)
    assert 2_400 <= scores.attrs["sites"] < 4_800
    assert scores.attrs["best"] == [0, 0]


def test_estimate_shift__refuses_what_tells_nothing(tmp_path, genome):
    fasta, middles = genome
    path = write_atac(tmp_path / "x.bam", middles[:400], 0, 0)
    with pytest.raises(InputError, match=r"x\.bam: 400 cut sites on a strand are too few"):
        ga.estimate_shift(path, fasta)
    with pytest.raises(GenomeError, match="give at least two, each within 20 bp"):
        ga.estimate_shift(path, fasta, candidates=[(0, 0)])
    with pytest.raises(GenomeError, match="give at least two, each within 20 bp"):
        ga.estimate_shift(path, fasta, candidates=[(0, 0), (4, -50)])


def test_merge__warns_of_different_shifts(tmp_path, genome):
    path = write_atac(tmp_path / "x.bam", genome[1][:9], 0, 0)

    def cuts(name, **options):
        return ga.open_bam(path, count="cut_site", name=name, **options)

    with pytest.warns(UserWarning, match=r"'a' by \(4, -4\), 'b' by \(4, -5\)"):
        ga.merge(cuts("a", shift=(4, -4)), cuts("b", shift=(4, -5)))
    ga.merge(cuts("a", shift=(4, -4)), cuts("b", shift=(4, -4)), ga.open_bam(path, name="c"))
