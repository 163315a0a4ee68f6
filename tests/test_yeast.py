"""The whole path on a real genome: yeast, with contigs in three naming styles."""

import gzip

import numpy as np
import pyBigWig
import pysam
import pytest
import xarray as xr

import genoarrays as ga

TEST = ["IV", "VII", "XII"]
VALID = ["XI"]
LEARNING_RATE = 0.003  # the scores of 0.001 in half of the epochs


@pytest.fixture(scope="module")
def yeast(shared_data):
    return shared_data / "yeast_sacCer3"


@pytest.fixture(scope="module")
def fasta(yeast, tmp_path_factory):
    """The genome as Ensembl gives it is gzip, which has no random access: made bgzip here."""
    path = tmp_path_factory.mktemp("genome") / "sacCer3.fa.gz"
    source = yeast / "sacCer3.R64-1-1.ensembl_names.fa.gz"
    with gzip.open(source) as letters, pysam.BGZFile(str(path), "wb") as file:
        file.write(letters.read())
    return path


@pytest.fixture(scope="module")
def dna(fasta):
    return ga.open_fasta(fasta)


@pytest.fixture(scope="module")
def tree(yeast, dna, tmp_path_factory):
    """One store: genome, two factors, ATAC peaks, two bigWigs and the RNA BAM."""
    peaks = {f: yeast / "chipexo_peaks" / f"{f}_CX.bed" for f in ("Reb1", "Rap1")}
    atac = yeast / "atac" / "SRR1822137_hmmratac_accessible_regions.narrowPeak"
    signal = {n: yeast / "bigwig" / f"{n}.chrII_IV_XVI.bw" for n in ("PolII", "RNA.fwd")}
    ds = ga.merge(
        dna,
        ga.open_intervals(peaks, like=dna, name="bound", rename_contigs="roman"),
        ga.open_intervals(atac, like=dna, name="accessible", rename_contigs="match"),
        ga.open_bam(yeast / "rnaseq" / "yeast_rnaseq_excerpt.R64.bam", like=dna, name="rna"),
    )
    coverage = ga.open_bam(
        yeast / "rnaseq" / "yeast_rnaseq_excerpt.R64.bam", like=dna, name="coverage",
        count="coverage", bin_size=50, stranded=False,
    )  # fmt: skip
    path = tmp_path_factory.mktemp("yeast") / "yeast.zarr"
    ga.to_zarr({"1bp": ds, "50bp": coverage, "signal": ga.open_bigwig(signal, like=dna)}, path)
    return ga.open_datatree(path)


def test_other_names__are_a_clear_error_before_anything_is_renamed(yeast, dna):
    reb1 = yeast / "chipexo_peaks" / "Reb1_CX.bed"
    with pytest.raises(ga.ContigError) as caught:
        ga.read_regions(reb1, like=dna)
    message = str(caught.value)
    assert "Reb1_CX.bed" in message
    assert "rename_contigs" in message
    assert "'chr4'" in message
    renamed = ga.read_regions(reb1, like=dna, rename_contigs="match")
    assert set(renamed.contig.values) <= set(ga.axis_of(dna).contigs)
    assert renamed.attrs["contigs_renamed"]["chr4"] == "IV"
    with pytest.raises(ga.ContigError, match="rename_contigs"):
        ga.open_intervals(
            yeast / "atac" / "SRR1822137_hmmratac_accessible_regions.narrowPeak", like=dna
        )


def test_gzip__is_refused_with_the_cure(yeast):
    with pytest.raises(ga.InputError, match="recompress with bgzip"):
        ga.open_fasta(yeast / "sacCer3.R64-1-1.ensembl_names.fa.gz")


def test_sequence__equals_pysam_on_every_contig(fasta, tree):
    codes = {letter: code for code, letter in enumerate("ACGT")}
    with pysam.FastaFile(str(fasta)) as file:
        for contig, length in zip(file.references, file.lengths, strict=True):
            ours = tree.sel(position=contig)["1bp"].dna.values
            assert len(ours) == length
            letters = np.frombuffer(file.fetch(contig).upper().encode(), "S1").astype("U1")
            assert ours.tolist() == [codes.get(x, 4) for x in letters.tolist()]


def test_reads__equal_pysam_on_every_contig(yeast, tree):
    path = yeast / "rnaseq" / "yeast_rnaseq_excerpt.R64.bam"
    with pysam.AlignmentFile(str(path)) as bam:
        for contig, length in zip(bam.references, bam.lengths, strict=True):
            five = np.zeros((length, 2), dtype=int)
            depth = np.zeros(length, dtype=int)
            for read in bam.fetch(contig):
                if read.flag & 0xF04:
                    continue
                at = read.reference_end - 1 if read.is_reverse else read.reference_start
                five[at, int(read.is_reverse)] += 1
                for start, end in read.get_blocks():
                    depth[start:end] += 1
            np.testing.assert_array_equal(tree.sel(position=contig)["1bp"].rna.values, five)
            binned = np.add.reduceat(depth, np.arange(0, length, 50))
            np.testing.assert_array_equal(tree.sel(position=contig)["50bp"].coverage.values, binned)
    assert int(tree["1bp"].rna.sum()) > 20_000


def test_signal__equals_pybigwig_on_every_contig(yeast, tree):
    for track in ("PolII", "RNA.fwd"):
        with pyBigWig.open(str(yeast / "bigwig" / f"{track}.chrII_IV_XVI.bw")) as bw:
            there = bw.chroms()
            for contig in ga.axis_of(tree["1bp"].to_dataset()).contigs:
                ours = tree.sel(position=contig)["signal"].signal.sel(track=track).values
                if contig not in there:
                    assert np.isnan(ours).all()
                    continue
                theirs = np.array(bw.values(contig, 0, there[contig]), dtype=np.float32)
                np.testing.assert_array_equal(ours, theirs)


def test_labels__cover_the_peaks_and_nothing_else(yeast, tree, dna):
    atac = ga.read_regions(
        yeast / "atac" / "SRR1822137_hmmratac_accessible_regions.narrowPeak",
        like=dna, rename_contigs="match",
    )  # fmt: skip
    expected = {name: np.zeros(n, dtype=int) for name, n in zip(
        ga.axis_of(dna).assembly.names, ga.axis_of(dna).assembly.lengths, strict=True)}  # fmt: skip
    for contig, start, end in zip(
        atac.contig.values, atac.start.values, atac.end.values, strict=True
    ):
        expected[contig][start:end] = 1
    for contig, values in expected.items():
        ours = tree.sel(position=contig)["1bp"].accessible.values
        np.testing.assert_array_equal(ours, values)
    assert int(tree["1bp"].bound.sel(track="Reb1").sum()) == 1078


def reb1_examples(yeast, dna, tree, flank):
    """Windows at Reb1 sites and five random ones each on the same contig, 200 bp from any site."""
    sites = ga.read_regions(
        yeast / "chipexo_peaks" / "Reb1_CX.bed", like=dna, rename_contigs="match"
    )
    rng = np.random.default_rng(0)
    names, starts = [], []
    assembly = ga.axis_of(dna).assembly
    for contig in dict.fromkeys(sites.contig.values.tolist()):
        at = np.sort(sites.start.values[sites.contig.values == contig])
        wanted, found = 5 * len(at), []
        while len(found) < wanted:
            middle = int(rng.integers(100, assembly.length(contig) - 100))
            if np.abs(at - middle).min() >= 200 + 100:
                found.append(middle)
        names += [contig] * (len(at) + wanted)
        starts += [*at.tolist(), *found]
    regions = ga.read_regions([(c, s, s + 1) for c, s in zip(names, starts, strict=True)], like=dna)

    def windows(part):
        node = tree["1bp"].to_dataset()[["dna", "bound"]].sel(track="Reb1", drop=True)
        x = ga.windows(
            node, part, 200, anchor="center", flank={"dna": flank}, reduce={"bound": "max"}
        )
        return x.load()

    parts = ga.split_regions(regions, valid=VALID, test=TEST)
    return [windows(part) for part in parts]


@pytest.mark.timeout(1200)  # three trainings; 75 s (200 bp) and 165 s (600 bp) on two cores
@pytest.mark.parametrize(
    ("flank", "auroc", "auprc"),
    [(0, 0.885, 0.775), pytest.param(200, 0.915, 0.805, marks=pytest.mark.slow)],
)
def test_reb1__is_learnt_from_sequence(yeast, dna, tree, flank, auroc, auprc):
    pytest.importorskip("tensorflow")
    train, valid, test = reb1_examples(yeast, dna, tree, flank)
    assert not set(train.contig.values) & set(TEST)
    assert int(test.bound.sum()) == 328
    assert test.sizes["window"] == 6 * 328
    scores = []
    for seed in range(3):
        model = ga.models.classifier(train, "dna", "bound", seed=seed)
        ga.fit(
            model, train, validation=valid, inputs="dna", targets="bound", seed=seed,
            learning_rate=LEARNING_RATE,
            augment=ga.Augment(reverse_complement=True),
        )  # fmt: skip
        y = ga.predict(model, test, both_strands="mean")
        scores.append(ga.score(test.bound, y))
    found = xr.concat(scores, "seed")
    print(f"Reb1, {200 + 2 * flank} bp of DNA: auROC {found.auroc.values.round(4).tolist()}, "
          f"auPRC {found.auprc.values.round(4).tolist()}")  # fmt: skip
    assert float(found.auroc.median()) >= auroc
    assert float(found.auprc.median()) >= auprc


def test_predictions__over_a_contig_come_back_exactly_from_bigwig(yeast, dna, tree, tmp_path):
    pytest.importorskip("tensorflow")
    tiles = ga.tile_regions(tree["1bp"], width=200)
    held_out = tiles.isel(region=np.flatnonzero(tiles.contig.values == "IV"))
    x = ga.windows(tree["1bp"].to_dataset()[["dna"]], held_out, 200)
    x = x.assign(bound=("window", np.zeros(x.sizes["window"], dtype=np.float32)))
    y = ga.predict(ga.models.classifier(x, "dna", "bound", filters=8), x[["dna"]])
    (written,) = ga.to_bigwig(y, tmp_path / "iv.bw")
    with pyBigWig.open(written) as bw:
        assert bw.chroms() == dict(
            zip(ga.axis_of(dna).assembly.names, ga.axis_of(dna).assembly.lengths, strict=True)
        )
        entries = bw.intervals("IV")
    assert [(s, e) for s, e, _ in entries] == list(
        zip(y.start.values.tolist(), y.end.values.tolist(), strict=True)
    )
    assert [np.float32(v) for *_, v in entries] == y.values.tolist()
    assert entries[-1][1] == 1531933
