# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Files to labelled arrays
#
# Every file that describes a genome, be it sequence, reads, signal, peaks, genes or variants, says
# the same kind of thing: *at this place, this value*. genoarrays opens all of them as
# [xarray](https://xarray.dev) objects on **one genome axis**, and writes them into one zarr store
# that can be interrupted, resumed, grown and checked.
#
# The notebook makes its own small files: it needs no data and no network, and takes some 20
# seconds. To run it yourself: `pip install 'genoarrays[plot,notebook]'`.
#
# Coordinates are **0-based and half-open, in base pairs (bp)**, everywhere: `chr1:100-200` are 100
# bases, and 100 others come before them. GTF and VCF count from 1; they are converted when they
# are read.

# %%
import os
import shutil
import tempfile
import textwrap
from pathlib import Path

import numpy as np
import pandas as pd
import pysam
import xarray as xr

import genoarrays as ga
from genoarrays.demo.simulate import simulate

workplace = tempfile.TemporaryDirectory()
os.chdir(workplace.name)
HERE = os.getcwd() + "/"


def show(*things):
    """Print, with paths as seen from the working folder, and long lines wrapped."""
    for line in " ".join(map(str, things)).replace(HERE, "").splitlines():
        print("\n".join(textwrap.wrap(line, 96, subsequent_indent="    ")))


def refused(call, *args, **options):
    """Call something that must fail, and show how it says so."""
    try:
        call(*args, **options)
    except ga.GenomeError as error:
        show(f"{type(error).__name__}: {error}")
    else:
        raise AssertionError("this should have been refused")


# %% [markdown]
# ## Small files of every kind
#
# The simulator of `genoarrays demo` writes a genome of four contigs (FASTA) with reads (BAM), a
# signal (bigWig), peaks (narrowPeak) and planted sites (BED). The reads gather where chromatin is
# open; the peaks are where a factor is bound.

# %%
files = simulate("files", size=400_000)
print(files.lengths)

# %% [markdown]
# The next two cells write the other formats by hand. They say nothing about genoarrays: skip them,
# and go on to *One genome axis*.

# %%
folder = Path("files")
rng = np.random.default_rng(0)
genome = {name: pysam.FastaFile(files.genome).fetch(name) for name in files.lengths}

# a second replicate: every other read of the first
with (
    pysam.AlignmentFile(files.reads) as source,
    pysam.AlignmentFile("files/half.bam", "wb", template=source) as target,
):
    for number, read in enumerate(source.fetch(until_eof=True)):
        if number % 2:
            target.write(read)
pysam.index("files/half.bam")
cram = ["-C", "-T", "files/genome.fa", "-o", "files/reads.cram", "files/reads.bam"]
pysam.view(*cram, catch_stdout=False)
pysam.index("files/reads.cram")

# single-cell ATAC-seq: fragments around peaks, as aligned pairs (BAM), and as a table in which the
# pipeline has moved both ends to the middle of the cut, by +4 and -5 bp (fragments.tsv.gz)
summits = [line.split("\t") for line in files.peaks.read_text().splitlines()[1:]]
middles = [(row[0], int(row[1]) + int(row[9])) for row in summits]
fragments = []
for number in rng.integers(0, len(middles), 4_000):
    contig, middle = middles[number]
    start = max(middle + int(rng.normal(0, 150)), 10)
    end = min(start + int(rng.integers(60, 250)), len(genome[contig]) - 10)
    fragments.append((list(genome).index(contig), start, end, f"CELL{rng.integers(0, 5)}-1"))
fragments.sort()

table = Path("files/fragments.tsv")
rows = [f"{list(genome)[c]}\t{s + 4}\t{e - 5}\t{barcode}\t1" for c, s, e, barcode in fragments]
table.write_text("\n".join(rows) + "\n")
pysam.tabix_index(str(table), preset="bed")  # makes fragments.tsv.gz and its index

header = {
    "HD": {"VN": "1.6", "SO": "coordinate"},
    "SQ": [{"SN": c, "LN": len(s)} for c, s in genome.items()],
}
pairs = []
for number, (c, s, e, _) in enumerate(fragments):
    place = f"{list(genome)[c]}\t{{}}\t60\t30M\t=\t{{}}\t{{}}\t*\t*"
    pairs.append((c, s, f"f{number}\t99\t" + place.format(s + 1, e - 29, e - s)))
    pairs.append((c, e - 30, f"f{number}\t147\t" + place.format(e - 29, s + 1, s - e)))
with pysam.AlignmentFile("files/atac.bam", "wb", header=header) as target:
    for _, _, line in sorted(pairs):
        target.write(pysam.AlignedSegment.fromstring(line, target.header))
_ = pysam.index("files/atac.bam")

# %%
# genes: one every 30 kb, on alternating strands, each with two exons
lines, places = [], []
for contig, bases in genome.items():
    places += [(contig, start) for start in range(400, len(bases) - 9_000, 30_000)]
for number, (contig, start) in enumerate(places):
    kind, strand = ["protein_coding", "lncRNA"][number % 3 == 2], "+-"[number % 2]
    about = f'gene_id "G{number:02}"; gene_type "{kind}";'
    for feature, first, last in (("gene", 0, 6_000), ("exon", 0, 900), ("exon", 5_000, 6_000)):
        span = f"{start + first + 1}\t{start + last}"  # GTF: 1-based, the end is included
        lines.append(f"{contig}\tdemo\t{feature}\t{span}\t.\t{strand}\t.\t{about}")
Path("files/genes.gtf").write_text("\n".join(lines) + "\n")


def base(contig, position):
    return genome[contig][position].upper()


def other(letter):
    return "ACGT"[("ACGT".index(letter) + 1) % 4]


# variants: POS is 1-based
a, b, c = base("chr1", 20_000), base("chr1", 20_010), base("chr2", 50_000)
deleted = genome["chr2"][60_000:60_004].upper()
records = [
    ("chr1", 20_001, "rs1", a, other(a)),
    ("chr1", 20_011, "rs2", b, f"{other(b)},<DEL>"),
    ("chr2", 50_001, "rs3", other(c), c),  # REF is not what the genome has
    ("chr2", 60_001, "rs4", deleted, deleted[0]),
]
text = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
text += "".join(f"{c}\t{p}\t{i}\t{r}\t{v}\t50\tPASS\t.\n" for c, p, i, r, v in records)
Path("files/variants.vcf").write_text(text)

# scores of stretches of chr1 as bedGraph
Path("files/conserved.bedGraph").write_text("chr1\t0\t30\t0.5\nchr1\t30\t70\t0\nchr1\t90\t100\t2\n")

# sequences that lie on no genome, and a protein
Path("files/inserts.fa").write_text(">insert1\nACGTACGTAC\n>insert2\nGGGTTN\n")
Path("files/peptides.fa").write_text(">p53\nMEEPQSDPSV\n>odd\nMXU\n")


def write_twobit(path, sequences):
    """Two bits a base, runs of N and of lower case: genome.ucsc.edu/FAQ/FAQformat.html#format7"""

    def uint32(*numbers):
        return np.array(numbers, "<u4").tobytes()

    def blocks(flags):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], flags, [0]])))
        starts, ends = edges[::2], edges[1::2]
        return uint32(len(starts), *starts, *(ends - starts))

    index, body = uint32(0x1A412743, 0, len(sequences), 0), b""
    first = len(index) + sum(1 + len(name) + 4 for name in sequences)
    for name, bases in sequences.items():
        index += bytes([len(name)]) + name.encode() + uint32(first + len(body))
        letters = np.frombuffer(bases.encode(), np.uint8)
        upper = letters & 0xDF
        code = np.searchsorted(np.frombuffer(b"ACGT", np.uint8), upper) & 3
        code = np.array([2, 1, 3, 0], np.uint8)[code] * (upper != ord("N"))  # T C A G = 0..3
        four = np.pad(code, (0, -len(code) % 4)).reshape(-1, 4) @ np.array([64, 16, 4, 1])
        body += uint32(len(bases)) + blocks(upper == ord("N")) + blocks(letters >= ord("a"))
        body += uint32(0) + four.astype(np.uint8).tobytes()
    Path(path).write_bytes(index + body)


write_twobit("files/genome.2bit", genome)
show(*sorted(path.name for path in folder.iterdir()))

# %% [markdown]
# ## One genome axis
#
# `open_fasta` reads the index, and no bases. What comes back is an ordinary xarray Dataset with one
# dimension, `position`, for the whole genome: the contigs lie end to end, in the order of the file.

# %%
dna = ga.open_fasta("files/genome.fa", mask=True)
show(dna)

# %% [markdown]
# * `dna` holds **codes**: A C G T = 0 1 2 3, anything else 4. One byte per base; one-hot encoding
#   comes later, where it is needed (`ga.one_hot`). `mask` is True where the FASTA has lower case.
# * `position` and `contig` are labels that are *computed* when they are asked for. The sizes that
#   xarray prints for them are what they would take; nothing is kept, so a human genome opens as
#   fast as this one.
# * `assembly` is a digest of contig names and lengths: objects of two different genomes will not
#   be combined by accident.
#
# Selecting goes by region string, by contig, or by slice within one contig.

# %%
here = dna.sel(position="chr2:1,000-1,012")
print(here.dna.values, here.position.values, here.contig.values[0])
print("".join(np.array(list("ACGTN"))[here.dna.values]), genome["chr2"][1000:1012])
same = dna.sel(contig="chr2").sel(position=slice(1000, 1012))
print(same.identical(here))

# %% [markdown]
# What cannot be right is refused, and the message says what to do. (`refused`, defined above,
# prints the error, with long lines wrapped and paths shortened.)

# %%
refused(dna.sel, position="chr2:100,000-200,000")
refused(dna.sel, position="2:100-200")
refused(dna.sel, position=5)

# %% [markdown]
# All arithmetic is xarray's, in pieces by dask, without ever holding the genome. The share of G and
# C among the known bases of each contig:

# %%
gc = ((dna.dna == 1) | (dna.dna == 2)).where(dna.dna < 4)
for contig in files.lengths:
    print(contig, round(float(gc.sel(contig=contig).mean()), 3))

# %% [markdown]
# A **2bit** file gives the same codes and mask. `like=` lays any file on a genome that is there
# already; every reader takes it, and checks names and lengths of contigs.

# %%
twobit = ga.open_twobit("files/genome.2bit", mask=True, like=dna)
print(twobit.dna.equals(dna.dna), twobit["mask"].equals(dna["mask"]))

# %% [markdown]
# ## Reads: BAM and CRAM
#
# By default each read counts once, at its 5' end, on its own strand. Unmapped, secondary,
# supplementary, QC-failed and duplicate reads are dropped; `min_mapq=` and SAM flags
# (`require_flags=`, `exclude_flags=`) say more. `stranded=False` sums the strands.

# %%
reads = ga.open_bam("files/reads.bam", like=dna, min_mapq=10, totals=True)
print(reads.reads.dims, reads.reads.shape, reads.reads.dtype)
reads.reads.sel(position="chr1:4,740-4,745").to_pandas()

# %% [markdown]
# `totals=True` counts what becomes of the reads now, in one pass; a store does so anyway while it
# is written. The simulator knows the truth:

# %%
told, truth = reads.reads.attrs["reads"], files.reads_by_reason
print(pd.DataFrame({"told": told, "simulated": truth}).astype("Int64"))
print("sum of the array:", int(reads.reads.sum()))

# %% [markdown]
# The array sums to the kept reads, and each other read is counted under its one reason. (These
# unmapped reads have no place, so they lie on no contig and are not looked at.)
#
# `count=` chooses what of a read counts. `coverage` is depth: every aligned base, with the options
# below as `samtools depth` gives it, checked here against pysam.

# %%
options = {"count": "coverage", "stranded": False, "exclude_flags": 1796}  # as samtools depth
depth = ga.open_bam("files/reads.bam", like=dna, name="depth", **options)
ours = depth.depth.sel(position="chr2:40,000-41,000").values
with pysam.AlignmentFile("files/reads.bam") as file:
    theirs = file.count_coverage(
        "chr2", 40_000, 41_000, quality_threshold=0, read_callback=lambda r: not r.flag & 1796
    )  # of A, C, G and T
print("deepest:", ours.max(), "- equal to pysam's:", (ours == np.sum(theirs, axis=0)).all())

# %% [markdown]
# Of pairs, `fragment` covers all bases from one end of a proper pair to the other, and `midpoint`
# counts the middle. `cut_site` counts the 5' ends of both mates, moved by `shift=(plus, minus)`.
# The ATAC-seq file holds 4,000 pairs: 4,000 midpoints and 8,000 cuts.

# %%
for count, options in {
    "midpoint": {"stranded": False},
    "cut_site": {"shift": (4, -5)},
    "fragment": {"stranded": False},
}.items():
    x = ga.open_bam("files/atac.bam", like=dna, count=count, **options).reads
    print(f"{count:8} {x.sum().values:7,} {x.dims}")
print(f"{sum(end - start for _, start, end, _ in fragments):,} bp in all fragments")

# %% [markdown]
# If you do not know whether a file is shifted already, ask `ga.estimate_shift(bam, fasta)`.
#
# Several files make a dimension `sample`; `bin_size=` sums counts in bins. CRAM works as BAM does
# (`reference=` is the FASTA that it was made with).

# %%
counted = {"like": dna, "name": "coverage", "bin_size": 50, "min_mapq": 10}
coverage = ga.open_bam({"full": "files/reads.bam", "half": "files/half.bam"}, **counted)
print(dict(coverage.sizes))
print(coverage.coverage.sum("position").to_pandas())
cram = ga.open_bam("files/reads.cram", like=dna, min_mapq=10, reference="files/genome.fa")
print("the CRAM equals its BAM:", cram.reads.equals(reads.reads))

# %% [markdown]
# ## Signal: bigWig
#
# In a bigWig *no data* is not *zero*, and stays so: where the file has no entry there is NaN,
# unless `fill=` says otherwise. Bins are exact, never taken from zoom levels. Here are four bins of
# 200 bp at the edge of a gap; of the third only 60 bp have data:

# %%
signal = ga.open_bigwig("files/signal.bw", like=dna)
missing = np.isnan(signal.signal)
print(f"{int(missing.sum()):,} of {missing.size:,} bp have no data")
known = np.flatnonzero(~missing.sel(contig="chr1").values)
edge = int(known[np.flatnonzero(np.diff(known) > 1)[0]]) + 1  # where the first gap begins
print("the first gap of chr1 begins at", edge)
for how in ("mean", "mean0", "sum", "max"):
    x = ga.open_bigwig("files/signal.bw", like=dna, bin_size=200, how=how)
    print(f"{how:6}", x.signal.sel(position=f"chr1:{edge - 300}-{edge + 300}").values.round(2))

# %% [markdown]
# `mean` is over the bases with data, `mean0` takes the missing ones as 0. Several files,
# `{"liver": "a.bw", "heart": "b.bw"}`, make a dimension `track`; `{"+": "a.bw", "-": "b.bw"}` makes
# `strand`. xarray's own door leads to the same array, for most formats:

# %%
door = xr.open_dataset("files/signal.bw", engine="bigwig", chunks={})
print(door.signal.equals(signal.signal))

# %% [markdown]
# ## Peaks: as labels, and as regions
#
# The same file can be two things. As **labels** it is an array on the genome axis. Here are the
# bins of 50 bp around the first peak, read in different ways:

# %%
peak = ga.read_regions("files/peaks.narrowPeak", like=dna).isel(region=0)
print(peak.region.item(), "- summit", int(peak.summit), "- score", int(peak.score))
around = f"{peak.contig.item()}:{int(peak.start) - 100}-{int(peak.end) + 100}"
for mode, options in {
    "presence": {},
    "presence of half the bin": {"min_overlap": 0.5},
    "fraction": {},
    "summit": {},
    "score": {},
    "signal": {},
}.items():
    x = ga.open_intervals(files.peaks, like=dna, mode=mode.split()[0], bin_size=50, **options)
    print(f"{mode:25}", x.label.sel(position=around).values)

# %% [markdown]
# The first bin that the peak touches, 4,600-4,650, holds 7 of its bases: `presence` says 1,
# `min_overlap=0.5` says 0 (half of the bin must be covered), and `fraction` 7 / 50 = 0.14. `score`
# and `signal` give the largest value of the peaks that reach into the bin.
#
# `category` makes one track for each kind of interval, here for each name in the BED of planted
# sites (paired, plain, and decoys that only look like sites). bedGraph has values, here with NaN
# where it says nothing; the 0 in between is a value:

# %%
sites = ga.open_intervals("files/sites.bed", like=dna, name="site", mode="category", by="name")
print(sites.site.dims, sites.category.values, sites.site.sum("position").values, "bp")
conserved = ga.open_intervals(
    "files/conserved.bedGraph", like=dna, mode="value", fill=np.nan, bin_size=10
)
print(conserved.label.sel(position="chr1:0-110").values)

# %% [markdown]
# As **regions** the file is a table in memory: a Dataset with the dimension `region`, labelled by
# place. `ga.to_pandas` and `ga.to_pyranges` give it to others; `read_regions` takes their tables,
# and lists, as well.

# %%
peaks = ga.read_regions("files/peaks.narrowPeak", like=dna)
print(peaks.region.values[:2])
print(ga.to_pandas(peaks).head(3).to_string())
mine = pd.DataFrame({"contig": ["chr1"], "start": [100], "end": [300], "mood": ["good"]})
print(ga.read_regions(mine, like=dna).mood.values, ga.read_regions(["chr4:5-9:-"]).strand.values)

# %% [markdown]
# ## Genes, promoters, region algebra
#
# GTF and GFF rows are chosen by `feature=` and `where=`; `attributes=` become columns.

# %%
genes = ga.read_regions(
    "files/genes.gtf",
    like=dna,
    feature="gene",
    where={"gene_type": "protein_coding"},
    attributes=["gene_id", "gene_type"],
)
print(ga.to_pandas(genes)[["contig", "start", "end", "strand", "gene_id"]].head(3).to_string())
promoters = ga.promoters(genes, upstream=500, downstream=100)
print(promoters.region.values[:3])
print("of", len(promoters.region), "clipped:", promoters.attrs["regions_clipped"])

# %% [markdown]
# What is upstream of a gene on "-" lies to its right. A gene on "+" that begins at base 400 has
# only 400 bp before it: its promoter is clipped at the start of the contig, and counted.
#
# Tables are intersected, merged and subtracted; nothing leaves its contig:

# %%
near = ga.intersect_regions(promoters, peaks)
print("promoters with a peak:", sorted(set(near.gene_id.values.tolist())))
wide = ga.merge_regions(ga.expand(peaks, 500))
rest = ga.subtract_regions(wide, promoters)
print(f"{len(peaks.region)} peaks lie in {len(wide.region)} neighborhoods")
for what, table in {"together": wide, "without promoters": rest}.items():
    print(f"{what}: {int((table.end - table.start).sum()):,} bp")

# %% [markdown]
# ## Fragments of single cells
#
# The ends of fragments in `fragments.tsv.gz` are shifted already. Both count, at `start` and
# `end - 1`: these are the cut sites of the BAM, with the shift that the pipeline applied.

# %%
cuts = ga.open_fragments("files/fragments.tsv.gz", like=dna)
pairs = ga.open_bam("files/atac.bam", like=dna, count="cut_site", shift=(4, -5), stranded=False)
print(f"{int(cuts.fragments.sum()):,} cuts, as of the BAM:", cuts.fragments.equals(pairs.reads))

# %% [markdown]
# `groups=` sums cells to pseudobulk samples; barcodes that it does not list are left out, and
# counted when a store is written. Each fragment has two cuts:

# %%
groups = {"CELL0-1": "T", "CELL1-1": "T", "CELL2-1": "B"}
bulk = ga.open_fragments("files/fragments.tsv.gz", like=dna, groups=groups, bin_size=50)
truth = pd.Series([barcode for *_, barcode in fragments]).map(groups).value_counts()
print(pd.DataFrame({"cuts": bulk.fragments.sum("position").to_series(), "fragments": truth}))

# %% [markdown]
# ## Variants
#
# `read_variants` splits records into one row per ALT allele, 0-based, and checks REF against the
# genome when `like=` holds its bases. Four records with five alleles give three variants: one ALT
# is symbolic, and one REF is not what the genome has.

# %%
variants = ga.read_variants("files/variants.vcf", like=dna)
print(variants["variant"].values)
print(variants.attrs["variants"])
flagged = ga.read_variants("files/variants.vcf", like=dna, ref_mismatch="flag")
print(dict(zip(flagged.id.values.tolist(), flagged.ref_matches.values.tolist(), strict=True)))

# %% [markdown]
# ## Sequences without coordinates, and arrays with regions
#
# Reporter constructs and proteins have no place on a genome: `(sequence, offset)`. With `length=`,
# shorter ones are filled at the right end. Letters that stand for several (N, X) and U are
# unknown: 4 in DNA, 20 in protein.

# %%
inserts = ga.open_sequences("files/inserts.fa", length=10)
print(inserts.dna.values, inserts.id.values, inserts.length.values)
peptides = ga.open_sequences("files/peptides.fa", alphabet="protein", length=10)
print(peptides.protein.values, peptides.protein.attrs["letters"])

# %% [markdown]
# Numbers in memory, such as predictions, become a track when you say which regions they belong to.
# Values run from 5' to 3' of their region, so those of a region on "-" are turned around:

# %%
regions = ga.read_regions(["chr1:0-20:+", "chr1:40-60:-"], like=dna)
values = np.array([[1.0, 2.0], [3.0, 4.0]])  # two values, of 10 bp each, for each region
mine = ga.from_array(values, regions, dims=("region", "offset"), like=dna)
print(ga.bin_size_of(mine), "bp:", mine.signal.sel(position="chr1:0-70").values)

# %% [markdown]
# ## Other names of contigs
#
# One file says `chr1`, another `1`. Nothing is renamed silently: it is an error, which proposes the
# cure; and what was renamed is recorded.

# %%
ensembl = Path("files/ensembl.bed")
ensembl.write_text("1\t1000\t1200\n2\t500\t900\n")
refused(ga.open_intervals, ensembl, like=dna)
x = ga.open_intervals(ensembl, like=dna, rename_contigs="match")
print(int(x.label.sum()), x.label.attrs["contigs_renamed"])

# %% [markdown]
# ## What errors look like
#
# A file that was cut off while it was copied, the index of another file, rows that cannot be
# right: the message says which file, where, what is wrong, and what to do.

# %%
whole = Path("files/reads.bam").read_bytes()
Path("files/cut.bam").write_bytes(whole[: len(whole) // 2])
refused(ga.open_bam, "files/cut.bam", like=dna)

shutil.copy("files/reads.bam", "files/foreign.bam")
shutil.copy("files/atac.bam.bai", "files/foreign.bam.bai")  # of another file
foreign = ga.open_bam("files/foreign.bam", like=dna)
refused(foreign.reads.sel(contig="chr2").compute)

Path("files/bad.bed").write_text("chr1\t10\t20\nchr1\t30\t25\n")
refused(ga.read_regions, "files/bad.bed", like=dna)
Path("files/past.bed").write_text("chr4\t80000\t99999\n")
refused(ga.read_regions, "files/past.bed", like=dna)

# %% [markdown]
# ## Putting it together
#
# `ga.merge` puts variables of one genome and one bin size into one Dataset. Other bin sizes become
# other nodes of the store; their names are yours.

# %%
bound = ga.open_intervals("files/peaks.narrowPeak", like=dna, name="bound")
nodes = {"1bp": ga.merge(dna, bound, signal), "50bp": coverage}
show(nodes["1bp"])

# %%
refused(ga.merge, bound, coverage)

# %% [markdown]
# Nothing of it has been read yet. A figure reads what it draws. Every peak lies where the signal
# is high and chromatin is open; at 93,700 and 97,800 it is open, but nothing is bound:

# %%
ga.plot_tracks(
    [peaks.drop_vars("name"), signal.signal, coverage.coverage.sel(sample="full"), genes],
    "chr1:85,000-100,000",
    names=["peaks", "signal", "coverage, 50 bp", "genes"],
)

# %% [markdown]
# ## The store
#
# First ask what it would take; nothing is written yet. (Shards of 50 kb are for this toy genome, so
# that there is something to interrupt; leave `chunk=` and `shard=` alone for real ones.)

# %%
sizes = {"chunk": 10_000, "shard": 50_000}
job = ga.plan(nodes, "genome.zarr", **sizes)
show(job)

# %% [markdown]
# A **part** is one shard: one variable, of one sample, over a stretch of the genome. Parts can be
# done in any order, by anyone, and again without harm. `to_zarr` begins the plan, does the parts in
# parallel, and completes the store. Here we begin by hand, do seven of the 54 parts, and stop, as a
# job that is killed would:

# %%
job.begin()
for number in (0, 1, 2, 3, 10, 11, 40):
    job.run(number)


def shards(folder):
    """When each shard of values below a folder was written."""
    found = {}
    for path in Path(folder).rglob("c/**/*"):
        node, name, *rest = path.parts[path.parts.index("c") - 2 :]
        if path.is_file() and name not in ("strand", "sample"):
            found["/".join((node, name, *rest))] = path.stat().st_mtime_ns
    return found


by_hand = shards(".genome.zarr.build")
print(len(by_hand), "shards are written, but there is no store yet:")
refused(ga.open_zarr, "genome.zarr")

# %% [markdown]
# Half a store can never be mistaken for a whole one: it lies in a folder of its own, beside the
# place where the store will be. The call that would have written all of it finishes the rest:

# %%
ga.to_zarr(nodes, "genome.zarr", **sizes, progress=True)

# %%
stored = shards("genome.zarr")
kept = [name for name in by_hand if stored[name] == by_hand[name]]
print(
    f"{len(stored)} shards; of the {len(by_hand)} from before, {len(kept)} were not written again"
)

# %% [markdown]
# (54 parts are 52 shards here: the last 460 bp have no masked base and no peak, and a shard of
# nothing but zeros needs no file.)
#
# **Unchanged: nothing to do.** The same call compares fingerprints of the sources (size, time, and
# samples of the content) and returns; no source is read through, and nothing is written.

# %%
ga.to_zarr(nodes, "genome.zarr", **sizes)
print("all shards as they were:", shards("genome.zarr") == stored)

# %% [markdown]
# The shell has the same words:
#
# ```bash
# FILES="genome.fa bound=peaks.narrowPeak reads.bam --min-mapq 10 --bin-size 50 --out x.zarr"
# genoarrays plan $FILES                  # say what it would take
# genoarrays ingest $FILES                # write it, or go on with it, or find nothing changed
# genoarrays verify x.zarr
#
# genoarrays ingest $FILES --plan-only    # the same by hand, or as a job array: begin,
# genoarrays ingest $FILES --part 0/2     # do every second part from part 0 on,
# genoarrays ingest $FILES --part 1/2     # and from part 1 on, here or elsewhere,
# genoarrays ingest $FILES --finalize     # and complete
# ```

# %% [markdown]
# ## Opening it

# %%
tree = ga.open_datatree("genome.zarr")  # all nodes; a region is selected in each of them
fine, coarse = ga.open_zarr("genome.zarr", "1bp"), ga.open_zarr("genome.zarr", "50bp")
print("as in the files:", fine.equals(nodes["1bp"]), coarse.equals(nodes["50bp"]))
print(tree.sel(position="chr2:1,000-1,200")["50bp"].coverage.sum("strand").to_pandas())

# %% [markdown]
# Where everything came from, how it was counted, and what was dropped on the way stands in the
# attributes of the variables:

# %%
for name, value in coarse.coverage.attrs.items():
    show(f"{name}: {value}")
print("letters of the sequence:", fine.dna.attrs["letters"])

# %% [markdown]
# It is plain zarr (version 3), so other programs read the numbers too. xarray alone sees no genome
# axis; `ga.decode` attaches it.

# %%
plain = xr.open_zarr("genome.zarr", group="50bp")
print(plain.coverage.dims, int(plain.coverage.sum()), "reads")
print(dict(ga.decode(plain).sel(position="chr2:1,000-2,000").sizes))

# %% [markdown]
# ## A source changes
#
# Somebody adds a peak of 200 bp to the file. The store does not go stale silently: the call that
# made it refuses, and says what changed. `overwrite="changed"` makes it anew; the old store stays
# until the new one is complete.

# %%
with files.peaks.open("a") as file:
    file.write("chr4\t70000\t70200\tlate\t500\t.\t5.0\t-1\t-1\t100\n")
bound = ga.open_intervals("files/peaks.narrowPeak", like=dna, name="bound")
nodes["1bp"] = ga.merge(dna, bound, signal)
refused(ga.to_zarr, nodes, "genome.zarr", **sizes)
before = int(fine.bound.sel(contig="chr4").sum())
ga.to_zarr(nodes, "genome.zarr", **sizes, overwrite="changed")
after = int(ga.open_zarr("genome.zarr", "1bp").bound.sel(contig="chr4").sum())
print(f"bp of peaks on chr4: {before:,}, now {after:,}")

# %% [markdown]
# Whoever still has the old store open is told, and never gets a mixture of the two:

# %%
refused(fine.bound.sel(contig="chr1").compute)

# %% [markdown]
# ## A sample joins
#
# `append=True` adds samples, tracks, variables or whole nodes; what is there is neither read nor
# written. (The last of the nine parts of the new sample holds no read, so it needs no file either.)

# %%
stored = shards("genome.zarr")
ga.to_zarr(
    {"50bp": ga.open_bam({"atac": "files/atac.bam"}, **counted)},
    "genome.zarr",
    **sizes,
    append=True,
)
grown = shards("genome.zarr")
untouched = all(grown[name] == stored[name] for name in stored)
print(f"{len(stored)} shards untouched: {untouched}; {len(grown) - len(stored)} new ones")
coarse = ga.open_zarr("genome.zarr", "50bp")
print(coarse.coverage.sum(["position", "strand"]).to_series().to_dict())

# %% [markdown]
# ## A bit flips
#
# Whenever values are read, they are checked against checksums. `ga.verify` reads all, and lists
# what is damaged: nothing, until we flip one bit of one shard.

# %%
print(ga.verify("genome.zarr"))
victim = Path("genome.zarr/1bp/signal/c/2")
content = bytearray(victim.read_bytes())
content[5_000] ^= 0b100
victim.write_bytes(content)
(damage,) = ga.verify("genome.zarr")
print(damage)

# %% [markdown]
# Reading that piece is an error, not a wrong number; all others can be read. With the bit back in
# place the store is whole again.

# %%
damaged = ga.open_zarr("genome.zarr", "1bp").signal
refused(damaged.sel(position=damage.region).compute)
print(
    "chr4 is as in the file:", damaged.sel(contig="chr4").equals(signal.signal.sel(contig="chr4"))
)
content[5_000] ^= 0b100
victim.write_bytes(content)
print(ga.verify("genome.zarr"))

# %% [markdown]
# ## Only some regions
#
# A store of some regions is the same axis with other segments, here the neighborhoods of peaks. It
# is written, read and selected from as a whole genome is.

# %%
ga.to_zarr(dna.sel(position=wide.region), "neighborhoods.zarr")
some = ga.open_zarr("neighborhoods.zarr")
print(ga.axis_of(some))
here = "chr1:4,700-4,720"
print(some.dna.sel(position=here).equals(dna.dna.sel(position=here)))
refused(some.sel, position="chr1:0-100")

# %% [markdown]
# ## On a cluster
#
# When there is a `distributed.Client`, the parts go to its workers: here two processes of this
# machine. The same lines work with `dask_jobqueue.SLURMCluster` and others. A part carries paths,
# not data: each worker opens the files itself, so it must see them, and the place of the store.
#
# The link leads to the dashboard of dask, where one sees the parts at work (`pip install bokeh`, or
# the extra `notebook`). In a script, put this under `if __name__ == "__main__":`, since the new
# processes import the script.

# %%
from distributed import Client, LocalCluster

cluster = LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0")
client = Client(cluster)
print(len(client.scheduler_info()["workers"]), "workers; dashboard:", client.dashboard_link)

# %%
samples = {"full": "files/reads.bam", "half": "files/half.bam", "atac": "files/atac.bam"}
nodes["50bp"] = ga.open_bam(samples, **counted)
ga.to_zarr(nodes, "cluster.zarr", **sizes, progress=True)

# %% [markdown]
# Whoever does the parts, and in whatever order: the bytes are the same. This store was written by
# two processes, all samples at once; the other one by threads, in an order of its own, and one
# sample joined later.

# %%
client.close()
cluster.close()
here, there = Path("cluster.zarr"), Path("genome.zarr")
same = [(here / name).read_bytes() == (there / name).read_bytes() for name in grown]
print(f"{sum(same)} of {len(same)} shards are identical;", end=" ")
print("both have the same ones:", shards(here).keys() == shards(there).keys())

# %% [markdown]
# What the store holds, as a picture: the labels, the signal, the reads of the three samples, both
# strands together, and the share of G and C.

# %%
fine, coarse = ga.open_zarr("genome.zarr", "1bp"), ga.open_zarr("genome.zarr", "50bp")
ga.plot_tracks(
    [fine.bound, fine.signal, coarse.coverage.sum("strand"), fine.dna],
    "chr1:95,500-98,500",
    names=["bound", "signal", "reads", "G + C"],
)

# %% [markdown]
# ## Where to go next
#
# * `ga.tile_regions`, `ga.split_regions` and `ga.windows` cut windows from a store, `ga.one_hot`
#   encodes them, `ga.to_tf` and `ga.batches` stream them into a training. The tour in `README.md`
#   goes from files to scores in 30 lines.
# * `genoarrays demo` does that with simulated files like the ones here, and draws the result.
# * Job arrays without dask: `genoarrays ingest --plan-only`, `--part`, `--finalize`; stores in a
#   bucket: `ga.to_zarr(ds, "s3://...")`. Both are in `README.md`.
# * `help(ga.open_bam)` and the like say all options, units and errors.

# %%
os.chdir("/")
workplace.cleanup()
