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
# # Whole genomes, lazily
#
# No model is trained here. This is for those who have bigWigs, peaks, genes and a question: where
# do nucleosomes sit around promoters? Which factors bind where transcription is strong? How do
# tracks correlate, and what is special about CpG islands? Each answer is a few lines over a
# **whole genome**: read block by block, in bounded memory, with its labels.
#
# The data are real: budding yeast (sacCer3; MNase-seq, ChIP-seq and RNA-seq of three chromosomes,
# ATAC-seq, 329 ChIP-exo factors of Rossi et al., Nature 2021) and 70 Mb of the human X chromosome
# (hg19). Set `YEAST` and `HUMAN` to the folders that hold them. It takes a minute on two cores,
# and needs `pip install 'genoarrays[plot,notebook]'`.
#
# Coordinates are 0-based and half-open, in base pairs (bp).

# %%
import gzip
import os
import shutil
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pysam
import xarray as xr

import genoarrays as ga

YEAST = Path(os.environ.get("YEAST", "yeast_sacCer3")).resolve()
HUMAN = Path(os.environ.get("HUMAN", "human_hg19_chrX")).resolve()
WORK = Path(tempfile.mkdtemp())
_ = ga.set_options(progress=False)

plt.rcParams |= {
    "figure.dpi": 96, "figure.constrained_layout.use": True, "font.size": 10,
    "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False,
}  # fmt: skip
# colors that color-blind readers can tell apart (Okabe and Ito)
BLUE, ORANGE, GREEN, RED, GRAY = "#0072b2", "#e69f00", "#009e73", "#d55e00", "#666666"


def shown(figure):
    """The figure as the result of a cell, drawn once."""
    plt.close(figure)
    return figure


# %% [markdown]
# ## From files to a store
#
# Opening reads headers, not values. The genome has contigs `IV`, the annotation `chrIV`: renamed
# because we say so. RNA comes as one file per strand, and becomes one array with the dimension
# `strand`. All of it lies on one axis, `position`, contigs end to end.

# %%
# gzip cannot be read in the middle, bgzip can
with (
    gzip.open(YEAST / "sacCer3.R64-1-1.ensembl_names.fa.gz") as letters,
    pysam.BGZFile(str(WORK / "genome.fa.gz"), "wb") as file,
):
    shutil.copyfileobj(letters, file)

dna = ga.open_fasta(WORK / "genome.fa.gz")
bigwigs = {path.name.split(".chr")[0]: path for path in sorted((YEAST / "bigwig").glob("*.bw"))}
signal = ga.open_bigwig(bigwigs, like=dna)
strands = {"+": bigwigs["RNA.fwd"], "-": bigwigs["RNA.rev"]}
rna = ga.open_bigwig(strands, like=dna, name="rna")
cuts = ga.open_fragments(
    YEAST / "atac" / "SRR1822137_atac_fragments.sacCer3.bed.gz", like=dna, name="atac",
    rename_contigs="match",
)  # fmt: skip
ga.to_zarr(ga.merge(dna, signal, rna, cuts), WORK / "yeast.zarr")

yeast = ga.open_zarr(WORK / "yeast.zarr")
print(yeast)

# %% [markdown]
# That is nine numbers at each of 12 million positions, and none of them is in memory. One pass
# gives count, mean, spread and range of each track; `ga.quantile` is exact over any number of
# positions.

# %%
signal, rna = yeast.signal, yeast.rna
table = ga.summarize(signal).drop_vars("assembly").to_dataframe()
table[["median", "99.9 %"]] = ga.quantile(signal, [0.5, 0.999]).values.T
print(table.round(2).to_string())
stored = sum(path.stat().st_size for path in (WORK / "yeast.zarr").rglob("*") if path.is_file())
values = sum(variable.nbytes for variable in yeast.data_vars.values())
print(f"{values / 1e6:.0f} MB as arrays, {stored / 1e6:.1f} MB as a store")

# %% [markdown]
# Signal covers the 3.29 million bp of three chromosomes. Everywhere else is NaN, *no data*, which
# is never taken for zero. PolII and RNA have long tails: a thousandth of the genome has 20
# to 1,000 times the median.
#
# Here are 7 kb of chromosome IV. MNase is smoothed with a standard deviation of 30 bp, lazily: only
# what is drawn is computed, and nothing is mixed over the end of a contig.

# %%
genes = ga.read_regions(
    YEAST / "annotation" / "genes_with_measured_tss.R64-1-1.gff.gz", like=yeast,
    rename_contigs="match", attributes=["name", "tss_source"],
)  # fmt: skip
print(f"{genes.sizes['region']:,} genes; starts measured by",
      pd.Series(genes.tss_source.values).value_counts().to_dict())  # fmt: skip
short = [name.replace("(", "").replace(")", "").split()[:2][-1] for name in genes.name.values]
ga.plot_tracks(
    [
        genes.assign(name=("region", short)),
        ga.smooth(signal.sel(track="MNase"), sd=30),
        signal.sel(track="PolII"),
        rna,
        yeast.dna,
    ],
    "IV:304,500-311,500",
    names=["genes", "MNase", "PolII", "RNA", "G + C"],
)

# %% [markdown]
# ## What was not measured
#
# A zero can mean *nothing is there* or *no read can be placed there*. No nucleosome for a whole kb
# is hardly biology, and means over 1 kb have a peak of their own at zero. `ga.regions_where` makes
# regions of it; `ga.valid_mask` joins them with the filter list of the ChIP-exo authors.

# %%
local = ga.rolling(signal.sel(track="MNase"), 1_000)
counts = ga.histogram(local, bins=np.arange(0, 6.01, 0.1)).compute()
silent = ga.expand(ga.regions_where(local < 0.5), 300)  # means fall before the edge, over 500 bp
filtered = ga.read_regions(
    YEAST / "annotation" / "chexmix_filter_list.bed", like=yeast, rename_contigs="match"
)
valid = ga.valid_mask(yeast, exclude=[silent, filtered], data=signal).compute()
signal, rna = signal.where(valid), rna.where(valid)
average = ga.summarize(signal)["mean"].compute()

figure, axes = plt.subplots(figsize=(6, 3))
axes.stairs(counts["count"] / 1000, np.append(counts.low, counts.high[-1]), fill=True, color=BLUE)
axes.axvline(0.5, color=RED, ls="--", lw=1)
axes.text(0.55, 100, "silent", color=RED)
axes.set(xlabel="MNase-seq coverage, mean over 1 kb", ylabel="positions (thousands)", xlim=(0, 6),
         title="A peak at zero: no read can be placed")  # fmt: skip

length = (silent.end - silent.start).values
listed = ga.intersect_regions(silent, ga.merge_regions(filtered))
known = int((listed.end - listed.start).sum()) / length.sum()
print(f"{len(length)} silent stretches, {length.sum():,} bp, up to {length.max():,};",
      f"{known:.0%} of them in the filter list")  # fmt: skip
print(f"{int(valid.sum()):,} of {int(table['count'].max()):,} bp with signal count from here on")
assert 0.04 < length.sum() / table["count"].max() < 0.07
shown(figure)

# %% [markdown]
# These are the ends of chromosomes and the Ty retrotransposons, 5 to 6 kb each, of which the genome
# has many copies: 5 % of it would have counted as free of nucleosomes. From here on `signal` is NaN
# there. The mask takes 12 MB and is computed once; masking stays lazy.

# %% [markdown]
# ## Nucleosomes around transcription start sites
#
# `ga.metagene` cuts windows around an anchor, turns those of genes on "-" around, and gives their
# mean and spread, and how many had data. Genes of the other fourteen contigs have none, and need
# not be sorted out.


# %%
def band(axes, x, profile, color, label=None):
    """A mean profile, and its standard error over genes."""
    error = profile.sd / np.sqrt(profile["count"])
    low, high = profile["mean"] - error, profile["mean"] + error
    axes.fill_between(x, low, high, color=color, alpha=0.25, lw=0)
    axes.plot(x, profile["mean"], color=color, lw=1.6, label=label)


around = ga.metagene(signal, genes, upstream=800, downstream=1000, bin_size=10).compute()
mnase = around.sel(track="MNase")
measured = int(mnase["count"].max())
height, mean = mnase["mean"], average.sel(track="MNase").item()

depleted = height.sel(offset=slice(-300, 0)).idxmin().item()
nucleosomes = [height.sel(offset=slice(0, 150)).idxmax().item()]
while len(nucleosomes) < 6:
    last = nucleosomes[-1]
    nucleosomes.append(height.sel(offset=slice(last + 100, last + 240)).idxmax().item())
repeat = np.polyfit(range(6), nucleosomes, 1)[0]
share = height.sel(offset=depleted).item() / mean
middle = [round(place) + 5 for place in nucleosomes]  # of bins of 10 bp

figure, axes = plt.subplots(figsize=(7.5, 3.6))
band(axes, mnase.offset + 5, mnase, BLUE)
axes.axhline(mean, color=GRAY, lw=1, ls=":")
axes.text(1010, mean, "genome\nmean", color=GRAY, va="center", fontsize=8)
axes.axvline(0, color=GRAY, lw=1)
for number, place in enumerate(middle, start=1):
    top = height.sel(offset=place - 5).item()
    axes.annotate(f"+{number}", (place, top), (0, 6), textcoords="offset points", ha="center")
axes.annotate("nucleosome-\ndepleted region", (depleted + 5, share * mean), (-34, 2),
              textcoords="offset points", ha="right", va="center", color=RED,
              arrowprops={"arrowstyle": "->", "color": RED})  # fmt: skip
axes.set(xlabel="distance from the measured TSS (bp)", ylabel="MNase-seq coverage",
         xlim=(-800, 1000), ylim=(0, 5.3),
         title=f"Nucleosomes keep step with the start of {measured:,} genes")  # fmt: skip

print(f"depleted region: {round(depleted) + 5} bp, with {share:.0%} of the mean coverage")
print("nucleosomes at", ", ".join(f"{place:+}" for place in middle), f"bp: one per {repeat:.0f} bp")
assert measured > 1500
assert -140 <= depleted <= -60
assert share < 0.35
assert 30 <= middle[0] <= 90
assert 155 <= repeat <= 175
shown(figure)

# %% [markdown]
# Upstream of the TSS lies the nucleosome-depleted region, with a quarter of the mean coverage. The
# center of the first nucleosome is 45 bp downstream, and more follow, one per 164 bp, each less in
# phase than the one before. The band is the standard error over genes, sd / sqrt(n): hardly wider
# than the line. (The bigWig has bins of 75 bp. They fall differently for each gene, so the mean
# resolves more than one gene does.)

# %% [markdown]
# ## Transcription, scaled over gene bodies
#
# `ga.reduce_regions` gives the mean of PolII over each gene. Its quartiles are labels, and `by=`
# makes one profile for each. With `anchor="scaled"` every body has 100 bins, whatever its length.

# %%
QUARTILES = ["lowest", "low", "high", "highest"]
polymerase = ga.reduce_regions(signal.sel(track="PolII"), genes).compute()
quartile = pd.qcut(polymerase.to_series().reset_index(drop=True), 4, labels=QUARTILES)
quartile = quartile.astype(object).rename("quartile")  # NaN, without data, is left out
scaled = {"anchor": "scaled", "upstream": 500, "downstream": 500, "bin_size": 20}
bodies = ga.metagene(signal, genes, by=quartile, **scaled).compute()
starts = ga.metagene(signal, genes, by=quartile, upstream=800, downstream=1000, bin_size=10)
starts = starts.compute()


def body_axis(axes, profile):
    """Ticks of a scaled profile: bp outside, the body in between."""
    first, last = np.flatnonzero(profile.part.values == "body")[[0, -1]]
    size = profile.sizes["bin"]
    axes.set_xticks([0, first, last + 1, size], ["-500 bp", "TSS", "end", "+500 bp"])
    axes.set(xlim=(0, size), xlabel="gene body, scaled")
    for place in (first, last + 1):
        axes.axvline(place, color=GRAY, lw=0.8, ls=":")


shades = plt.get_cmap("viridis_r")(np.linspace(0.15, 0.95, 4))
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8))
for name, shade in zip(QUARTILES, shades, strict=True):
    one = bodies.sel(quartile=name, track="PolII")
    band(left, np.arange(one.sizes["bin"]) + 0.5, one, shade, name)
    one = starts.sel(quartile=name, track="MNase")
    band(right, one.offset + 5, one, shade)
body_axis(left, bodies)
left.set(
    ylabel="PolII ChIP-seq coverage", ylim=(0, None), title="PolII is highest behind the start"
)
left.legend(title="PolII over the body", fontsize=8, title_fontsize=8, ncols=2)
right.axvline(0, color=GRAY, lw=0.8, ls=":")
right.set(xlabel="distance from the measured TSS (bp)", ylabel="MNase-seq coverage",
          xlim=(-800, 1000), ylim=(0, None), title="and blurs the nucleosomes there")  # fmt: skip

ladder = starts["mean"].sel(track="MNase", offset=slice(0, 995)).std("offset")
within = bodies.where(bodies.part == "body", drop=True)["mean"].sel(track="PolII")
found = pd.DataFrame({
    "genes": quartile.value_counts(),
    "median bp": pd.Series((genes.end - genes.start).values).groupby(quartile).median(),
    "PolII, mean": within.mean("bin").to_series(),
    "swing of MNase": ladder.to_series(),
}).loc[QUARTILES]  # fmt: skip
print(found.round(2).to_string())
assert found["PolII, mean"].is_monotonic_increasing
assert found["swing of MNase"].is_monotonic_decreasing
shown(figure)

# %% [markdown]
# The most transcribed quarter of genes has five times the PolII of the least, a wider depleted
# region, and half the swing of MNase behind it: transcription disturbs the ladder. (These genes are
# also shorter, with a median of 886 bp, so that +6 lies behind half of them.)
#
# RNA knows strands. Around a gene, the strand "+" of the result is the gene's own, "-" the other.

# %%
transcripts = ga.metagene(rna, genes, anchor="scaled", upstream=500, downstream=500, bin_size=20)
transcripts = transcripts.compute()
figure, axes = plt.subplots(figsize=(6, 3.4))
for strand, color, label in (("+", BLUE, "sense"), ("-", ORANGE, "antisense")):
    one = transcripts.sel(strand=strand)
    band(axes, np.arange(one.sizes["bin"]) + 0.5, one, color, label)
body_axis(axes, transcripts)
axes.set(ylabel="RNA-seq coverage", ylim=(0, None), title="RNA begins and ends where genes do")
axes.legend(loc="upper left", bbox_to_anchor=(0.16, 1))

within = transcripts["mean"].where(transcripts.part == "body").mean("bin")
ratio = float(within.sel(strand="+") / within.sel(strand="-"))
of_genes = ga.reduce_regions(rna, genes).compute()
own = of_genes.sel(strand="+").where(genes.strand == "+", of_genes.sel(strand="-"))
r = pd.DataFrame({"PolII": polymerase.values, "RNA": own.values}).corr("spearman").iloc[0, 1]
print(f"sense over antisense: {ratio:.0f}; PolII against sense RNA, by gene: Spearman {r:.2f}")
assert ratio > 8
assert 0.3 < r < 0.5
shown(figure)

# %% [markdown]
# Sense RNA, 13 times as much as antisense, fills what was measured as the body. What lies outside
# is of neighbors; behind the end they often face the gene, and are antisense.

# %% [markdown]
# ## GC content and nucleosomes
#
# Do nucleosomes prefer GC-rich DNA? The genome is tiled, and each tile has its GC content and its
# mean of each track; tiles that the mask cuts are left out.


# %%
def tiles_of(size):
    """GC content and mean signal of each tile that counts."""
    tiles = ga.tile_regions(yeast, size, partial="drop")
    means = ga.reduce_regions(signal, tiles, ["mean", "coverage"]).compute()
    kept = means.coverage.isel(track=0) == 1
    return ga.gc_content(yeast.dna, tiles)[kept.values], means["mean"][kept.values]


gc, means = tiles_of(200)
frame = ga.to_pandas(means).assign(gc=100 * gc.values)
by_gc = frame.groupby((frame.gc / 2).round() * 2)["MNase"]
quarters = by_gc.quantile([0.25, 0.5, 0.75]).unstack()[by_gc.size() >= 100]

sizes = [50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000]
r = {}
for size in sizes:
    gc, means = tiles_of(size)
    r[size] = ga.correlate(means, gc, dim="region").r.to_series()
r = pd.DataFrame(r)

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), width_ratios=[1.15, 1])
image = left.hexbin(frame.gc, frame.MNase, gridsize=(36, 30), cmap="Greys", mincnt=1, bins="log",
                    extent=(20, 60, 0, 7), lw=0)  # fmt: skip
figure.colorbar(image, ax=left, label="tiles of 200 bp", pad=0.01)
left.fill_between(quarters.index, quarters[0.25], quarters[0.75], color=RED, alpha=0.25, lw=0)
left.plot(quarters.index, quarters[0.5], color=RED, marker="o", ms=3, label="median, quartiles")
left.set(xlabel="GC content (%)", ylabel="MNase-seq coverage", xlim=(20, 60), ylim=(0, 7),
         title="GC-rich DNA holds more nucleosomes")  # fmt: skip
left.legend(loc="upper left")
for track, color in (("MNase", BLUE), ("PolII", ORANGE), ("Scc1", GREEN)):
    right.plot(sizes, r.loc[track], marker="o", ms=4, color=color)
    right.annotate(track, (sizes[-1], r.loc[track].iloc[-1]), (6, 0), textcoords="offset points",
                   va="center", color=color)  # fmt: skip
right.axhline(0, color=GRAY, lw=0.8)
right.set(xscale="log", xlabel="size of the tiles (bp)", ylabel="Pearson r with GC content",
          ylim=(-0.45, 0.6), title="best seen in tiles of the size of one")  # fmt: skip

best = r.loc["MNase"].idxmax()
medians = quarters[0.5]
print(f"r of MNase with GC: at most {r.loc['MNase'].max():.2f}, for tiles of {best} bp")
print(f"median MNase at 30 % GC {medians[30]:.2f}, at 46 % {medians[46]:.2f};",
      f"r of cohesin (Scc1) at 1 kb {r[1000]['Scc1']:.2f}")  # fmt: skip
assert 100 <= best <= 500
assert 0.4 < r[best]["MNase"] < 0.6
assert medians[46] > 1.5 * medians[30]
assert r[1000]["Scc1"] < -0.2
shown(figure)

# %% [markdown]
# The median of MNase nearly doubles between 30 and 46 % GC. The correlation is highest, 0.49, in
# tiles of 200 bp: one nucleosome with its linker. Cohesin (Scc1) prefers AT-rich DNA, at the scale
# of kilobases, and PolII hardly cares. Left: the line is the median, the band spans the quartiles.

# %% [markdown]
# ## How alike are the tracks?
#
# `ga.correlate` takes all pairs in one pass over the genome, at 1 bp as in coarser bins.

# %%
binned = ga.coarsen(signal, 1_000)
matrices = {
    "1 bp, Pearson": ga.correlate(signal).compute(),
    "1 kb, Pearson": ga.correlate(binned).compute(),
    "1 kb, Spearman": ga.correlate(binned, method="spearman").compute(),
}

tracks = signal.track.values.tolist()
figure, panels = plt.subplots(1, 3, figsize=(9.5, 3.5), sharey=True)
for axes, (title, found) in zip(panels, matrices.items(), strict=True):
    values = found.r.where(~np.eye(5, dtype=bool)).values
    image = axes.imshow(values, cmap="RdBu_r", vmin=-0.6, vmax=0.6)
    for i, j in np.argwhere(~np.isnan(values)):
        axes.text(j, i, f"{round(values[i, j], 2) + 0:.2f}", ha="center", va="center", fontsize=8,
                  color="white" if abs(values[i, j]) > 0.4 else "black")  # fmt: skip
    axes.set_xticks(range(5), tracks, rotation=90)
    axes.set_yticks(range(5), tracks)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_title(f"{title} (n = {int(found.n.max()):,})", fontsize=9)
figure.colorbar(image, ax=panels, label="correlation", shrink=0.8)

logs = ga.normalize(binned, ga.fit_normalizer(binned, "log1p"))
matrices["1 kb, Pearson of log(1 + x)"] = ga.correlate(logs).compute()
pairs = {"MNase, PolII": (0, 1), "PolII, RNA.fwd": (1, 2), "RNA.fwd, RNA.rev": (2, 3)}
found = {
    title: {name: found.r.values[pair] for name, pair in pairs.items()}
    for title, found in matrices.items()
}
found = pd.DataFrame(found)
print(found.round(2).T.to_string())
assert -0.45 < found["1 kb, Pearson"]["MNase, PolII"] < -0.25
assert found["1 kb, Spearman"]["RNA.fwd, RNA.rev"] < -0.5
shown(figure)

# %% [markdown]
# At 1 bp MNase looks independent of all else: nucleosomes alternate faster than transcription
# changes. In bins of 1 kb, PolII goes with the loss of nucleosomes, and with RNA of either strand.
# Ranks show what the long tails of RNA hide: where one strand is transcribed, the other is not
# (-0.62; Pearson has -0.08). Ranks need all values in memory. The correlation of log(1 + x), made
# by `ga.normalize`, does not, and sees the same.

# %% [markdown]
# ## Where do 329 factors bind?
#
# Each ChIP-exo file is a table of positions. All together they are one table with the column
# `factor`, and `by="factor"` pools the values at the sites of each: one pass over the tracks,
# however many factors there are. A site stands for the 100 bp to either side.

# %%
tables = []
for path in sorted((YEAST / "chipexo_peaks").glob("*_CX.bed")):
    sites = ga.read_regions(path, like=yeast, rename_contigs="match")
    names = np.full(sites.sizes["region"], path.stem.removesuffix("_CX"), np.dtypes.StringDType())
    tables.append(sites.drop_vars(["name", "score"]).assign(factor=("region", names)))
sites = ga.expand(ga.concat_regions(tables), 100)

atac = yeast.atac.where(valid)
pooled = ga.reduce_regions(signal, sites, ["mean", "count"], by="factor").compute()
cut = ga.reduce_regions(atac, sites, by="factor").to_series()
number = pooled["count"].sel(track="MNase").to_series() / 201
some = number[number >= 40].index
factors = (pooled["mean"] / average).to_pandas().loc[some, ["PolII", "MNase"]]
factors["ATAC"] = cut[some] / float(atac.mean())
factors = np.log2(factors)

figure, axes = plt.subplots(figsize=(8, 5))
dots = axes.scatter(factors.MNase, factors.PolII, c=factors.ATAC, s=8 * np.sqrt(number[some]),
                    cmap="cividis", lw=0.4, edgecolor="white")  # fmt: skip
figure.colorbar(dots, label="ATAC cuts (log2 over the mean)", pad=0.01)
for names, place, ha in (
    ("Orc2 Orc6 Cdc46 Set2 Abf1 Reb1 Swi1", (0, -12), "center"),
    ("Tho1 Smc3", (9, -3), "left"),
    ("Spt16 Paf1 Bre1", (6, -1), "left"),
    ("Acs2 Rpo21 Med6 Snf11 Gcn5", (-5, 5), "right"),
    ("Sua7", (-12, -6), "right"),
):
    for name in names.split():
        axes.annotate(name, (factors.MNase[name], factors.PolII[name]), place, fontsize=8,
                      textcoords="offset points", ha=ha)  # fmt: skip
for text, place in {
    "elongation": (-0.05, 2.75),
    "initiation": (-0.35, 0.85),
    "replication origins": (-1.4, -0.4),
    "activators, remodelers, Mediator": (-3.25, 1.27),
}.items():
    axes.text(*place, text, color=RED, style="italic")
axes.axhline(0, color=GRAY, lw=0.8, ls=":")
axes.axvline(0, color=GRAY, lw=0.8, ls=":")
axes.set(xlabel="MNase at the sites of a factor (log2 over the mean)",
         ylabel="PolII at the sites (log2 over the mean)", xlim=(-3.3, 0.6), ylim=(-0.5, 3.1),
         title="Factors sort by nucleosomes and transcription at their sites")  # fmt: skip

rho = factors.corr("spearman")
print(f"{sites.sizes['region']:,} sites of {len(number)} factors;",
      f"{len(some)} factors have 40 or more where there is signal")  # fmt: skip
print(f"MNase against ATAC, over factors: Spearman {rho.MNase.ATAC:.2f}")
assert rho.MNase.ATAC < -0.85
assert factors.MNase[["Rap1", "Swi1", "Gcn5"]].max() < -2
assert factors.MNase[["Spt16", "Paf1", "Set2"]].min() > -0.2
assert factors.PolII[["Orc2", "Orc6", "Cdc46"]].max() < 0.2
assert factors.PolII[["Spt5", "Rpo21"]].min() > 1.5
shown(figure)

# %% [markdown]
# Each dot is a factor, the larger the more sites it has. Elongation factors (Spt16, Paf1, Bre1)
# travel with PolII through bodies, on DNA with as many nucleosomes as anywhere. Activators and what
# they recruit (Rap1, SWI/SNF, SAGA, Mediator) sit in depleted promoters, with a fifth of the mean
# MNase and up to 18 times the ATAC cuts. The general factors of initiation, such as Sua7 (TFIIB),
# crowd in between. Origins of replication (ORC, MCM) have neither PolII nor cuts. Over factors,
# MNase and ATAC mirror each other, with a Spearman correlation of -0.91.

# %%
ranked = factors.sort_values("PolII")
ends = pd.concat([ranked.tail(16)[::-1], ranked.head(16)[::-1]])[["PolII", "MNase", "ATAC"]].T
figure, axes = plt.subplots(figsize=(9.5, 2.4))
image = axes.imshow(ends, cmap="RdBu_r", vmin=-4, vmax=4, aspect="auto")
axes.axvline(15.5, color="black", lw=2)
axes.set_xticks(range(32), ends.columns, rotation=90)
axes.set_yticks(range(3), ends.index)
axes.tick_params(length=0)
axes.spines[:].set_visible(False)
axes.set_title("The 16 factors with most PolII at their sites, and the 16 with least")
figure.colorbar(image, label="log2 over the mean", pad=0.01)
shown(figure)

# %% [markdown]
# Most PolII: polymerase itself (Rpo21) and what travels with it, among them histone modifiers
# (Bre1, Set3, Swd2, Rad6). Least: coactivators in depleted promoters, and origins.

# %% [markdown]
# ## CpG islands of a human chromosome
#
# The same on 70 Mb of the human X chromosome. Gaps of the assembly are unknown bases, and the
# blacklist of ENCODE lists where signal is artificial: `ga.valid_mask` makes one lazy mask of both.
#
# RefSeq gives transcription start sites without a strand; they get that of the GENCODE gene that
# starts within 200 bp.

# %%
x = ga.open_fasta(HUMAN / "hg19.chrX_1-69999930.fa.gz")


def table_of(name):
    """Regions of a BED file that lie on the 70 Mb."""
    return ga.read_regions(HUMAN / f"{name}.hg19.bed.gz", like=x, out_of_bounds="drop")


blacklist, islands = table_of("encode_blacklist_v2"), table_of("CpGIsland")
valid = ga.valid_mask(x, dna=x.dna, exclude=blacklist)
unknown = ga.regions_where(x.dna == 4)
starts = ga.promoters(table_of("gencode_genes"), upstream=200, downstream=200)
tss = ga.to_pandas(ga.intersect_regions(starts, table_of("RefSeqTSS"))).drop_duplicates("name")
tss = ga.read_regions(tss, like=x)
bases = int((unknown.end - unknown.start).sum())
print(f"{bases:,} unknown bases in {unknown.sizes['region']} gaps,",
      f"{blacklist.sizes['region']} regions of the blacklist, {islands.sizes['region']} islands,",
      f"{tss.sizes['region']} genes")  # fmt: skip

# %% [markdown]
# CpG are rare, since their C is methylated, and mutates to T. *Observed over expected* is the share
# of CpG, over that of C times that of G. Four lazy tracks say where C, G, CpG and islands are;
# `ga.map_contigs` shifts by one base within each contig. `ga.kmer_counts` counts in each promoter.

# %%
c, g = x.dna == 1, x.dna == 2
cpg = c & ga.map_contigs(g, lambda part: part.shift(position=-1, fill_value=False))
island = ga.open_intervals(HUMAN / "CpGIsland.hg19.bed.gz", like=x, out_of_bounds="drop").label > 0
bases = xr.Dataset({"C": c, "G": g, "CpG": cpg, "island": island}).to_dataarray("track")
bases = bases.astype("float32").where(valid)


def ratio_of(share):
    """CpG observed over expected."""
    return share.sel(track="CpG") / (share.sel(track="C") * share.sel(track="G"))


chromosome = ga.summarize(bases).compute()
near = ga.reduce_regions(bases.sel(track="island"), ga.expand(tss, 500), "max").compute()
kind = np.array(["no island", "island"])[(near == 1).values.astype(int)]
shape = {"upstream": 4_000, "downstream": 4_000, "bin_size": 100}
islands_near = ga.metagene(bases.sel(track="island"), tss, **shape)["mean"].compute()
profile = ga.metagene(bases, tss, by=kind, **shape)["mean"].compute()
pairs = ga.kmer_counts(x.dna, 2, ga.expand(tss, 500)).compute()
letters = ga.kmer_counts(x.dna, 1, ga.expand(tss, 500)).compute()
each = pairs.sel(channel="CG") * letters.sum("channel")
each = (each / letters.sel(channel=["C", "G"]).prod("channel")).values

figure, (left, middle, right) = plt.subplots(1, 3, figsize=(10, 3.5))
offset = profile.offset + shape["bin_size"] / 2
left.fill_between(offset, 100 * islands_near, color=BLUE, alpha=0.25, lw=0)
left.plot(offset, 100 * islands_near, color=BLUE)
left.set(ylabel="genes with a CpG island here (%)", ylim=(0, 50), title="CpG islands lie at starts")
colors = {"island": BLUE, "no island": ORANGE}
for name, color in colors.items():
    middle.plot(offset, ratio_of(profile.sel(group=name)), color=color, label=name)
everywhere = float(ratio_of(chromosome["mean"]))
middle.axhline(everywhere, color=GRAY, ls=":", lw=1)
middle.set(ylabel="CpG, observed / expected", ylim=(0, 1), title="CpG survive there")
middle.legend(title="within 500 bp", fontsize=8, title_fontsize=8)
for axes in (left, middle):
    axes.set(xlabel="distance from the TSS (kb)", xlim=(-4_000, 4_000))
    axes.set_xticks([-4_000, -2_000, 0, 2_000, 4_000], ["-4", "-2", "0", "2", "4"])
bins = np.arange(0, 1.31, 0.1)
for name, color in colors.items():
    right.hist(each[kind == name], bins, color=color, alpha=0.6, histtype="stepfilled")
right.set(xlabel="CpG, observed / expected", ylabel="promoters, TSS ± 500 bp", xlim=(0, 1.3),
          title="Promoters are of two kinds")  # fmt: skip

share, top = np.mean(kind == "island"), islands_near.idxmax().item() + 50
reach = ga.merge_regions(ga.expand(islands, 500))
chance = float((reach.end - reach.start).sum() / chromosome["count"].max())
medians = {name: float(np.median(each[kind == name])) for name in colors}
highest = float(ratio_of(profile.sel(group="island")).max())
print(f"{int(chromosome['count'].max()):,} bp count; CpG, observed over expected:",
      f"{everywhere:.2f}, at starts with an island {highest:.2f}")  # fmt: skip
print(f"{share:.0%} of {kind.size} starts have an island within 500 bp, as {chance:.1%} of all",
      f"bases; most islands are at {top:+.0f} bp")  # fmt: skip
print("median of promoters:", {name: round(value, 2) for name, value in medians.items()})
assert 0.15 < everywhere < 0.3
assert share > 20 * chance
assert medians["island"] > 2 * medians["no island"]
shown(figure)

# %% [markdown]
# Half of the genes have an island within 500 bp of their start; of all bases, 1.2 % are that near
# to one. There CpG are nearly as frequent as expected (0.87; on the whole chromosome 0.22, dotted):
# germ cells do not methylate them. Promoters without an island are poor in CpG (median 0.32). More
# than half of those between 0.5 and 0.6 are copies of cancer-testis genes (GAGE, SSX, XAGE).

# %%
shutil.rmtree(WORK)
