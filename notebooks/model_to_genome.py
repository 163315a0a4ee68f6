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
# # From a model back to the genome
#
# A network is trained to tell where Reb1 binds from DNA alone. Then it goes back to the genome:
# what does it say along **every chromosome**, beside what was measured? Which **bases** made it say
# so, and is that the motif that the literature knows? Which **variants** of a vineyard strain would
# make or break a site? And how do these answers reach a genome browser, `bcftools` or a colleague?
#
# The sites are 1,078 ChIP-exo positions (Rossi et al., Nature 2021), the genome is sacCer3, the
# variants are those of RM11-1A, the motifs those of YeTFaSCo. Set `YEAST` to the folder that holds
# them. It takes a minute or two on two cores, and needs
# `pip install 'genoarrays[tf-cpu,plot,eval,notebook]'`.
#
# Coordinates are 0-based and half-open, in base pairs (bp).

# %%
import gzip
import os
import tempfile
from pathlib import Path

os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0"}  # fewer messages

import numpy as np
import pyBigWig

import genoarrays as ga

YEAST = Path(os.environ.get("YEAST", "yeast_sacCer3")).resolve()
folder = tempfile.TemporaryDirectory()
WORK = Path(folder.name)
TEST = ["IV", "VII", "XII"]  # no model sees these while it is trained
_ = ga.set_options(progress=False)

# %% [markdown]
# ## A model
#
# The genome, the sites and three measured tracks become one store. Windows of 200 bp see 50 bp more
# on both sides; they are bound where a site is in the 200. Moving each by up to 100 bp while
# training teaches the model *where* in the window a site must be. The contigs IV, VII and XII are
# held out, II and XV say when to stop.

# %%
genome_file = WORK / "genome.fa"
source = YEAST / "sacCer3.R64-1-1.ensembl_names.fa.gz"
genome_file.write_bytes(gzip.decompress(source.read_bytes()))
dna = ga.open_fasta(genome_file)
peaks = YEAST / "chipexo_peaks" / "Reb1_CX.bed"
bound = ga.open_intervals(peaks, like=dna, name="Reb1", rename_contigs="match")
bigwigs = {name: YEAST / "bigwig" / f"{name}.chrII_IV_XVI.bw" for name in ("MNase", "PolII")}
ga.to_zarr(ga.merge(dna, bound, ga.open_bigwig(bigwigs, like=dna)), WORK / "yeast.zarr")
yeast = ga.open_zarr(WORK / "yeast.zarr")

sites = ga.resize(ga.read_regions(peaks, like=yeast, rename_contigs="match"), 200)
background = ga.sample_background(sites, yeast, ratio=5, guard=200)
regions = ga.concat_regions([sites, background])
train, valid, test = ga.split_regions(regions, valid=["II", "XV"], test=TEST, guard=100)


def examples(regions, jitter=0):
    """Sequence and label of each window, lazily."""
    cut = {"flank": {"dna": 50}, "reduce": {"Reb1": "max"}, "jitter": jitter}
    return ga.windows(yeast[["dna", "Reb1"]], regions, 200, **cut)


model = ga.models.classifier(examples(train), "dna", "Reb1", filters=32, depth=1, dropout=0.2)
history = ga.fit(
    model, examples(train, jitter=(100, 20)), validation=examples(valid), inputs="dna",
    targets="Reb1", epochs=10, patience=4, learning_rate=0.003, out=WORK / "reb1.model",
    augment=ga.Augment(reverse_complement=True, jitter=True),
)  # fmt: skip
x = examples(test).load()
y = ga.predict(model, x, both_strands="mean")
found = ga.score(x.Reb1, y, metrics=["auroc", "auprc"])
print(f"{train.sizes['region']:,} windows, {model.count_params():,} weights; on the "
      f"{x.sizes['window']:,} held out: auROC {float(found.auroc):.3f}, "
      f"auPRC {float(found.auprc):.3f}")  # fmt: skip

# %% [markdown]
# A logistic regression on 5-mers reaches an auPRC of 0.72 on such windows.
#
# ## Along the genome
#
# `ga.predict_genome` lays a tile every 100 bp over all contigs, cuts windows as the model's own
# signature says, and averages where tiles overlap. The result is a store on the same genome axis.
# Killed on the way, the same call goes on where it was; with `client=` a cluster does it.

# %%
along = ga.predict_genome(
    WORK / "reb1.model", like=yeast[["dna"]], step=100, overlap="mean", out=WORK / "along.zarr"
)
print(along)

# %% [markdown]
# The prediction beside what the model never saw: nucleosomes (MNase-seq), transcription (PolII) and
# the measured sites, on a held-out contig. Sites lie where nucleosomes leave a gap in front of
# genes. The model was given letters only: it cannot know which of its places are open, and some of
# its peaks are no sites.

# %%
genes = ga.read_regions(
    YEAST / "annotation" / "genes_with_measured_tss.R64-1-1.gff.gz", like=yeast,
    rename_contigs="match", attributes=["name"],
)  # fmt: skip
short = [text.split("(")[-1].split(")")[0].split(" ")[0] for text in genes.name.values]
genes = genes.assign(name=("region", short))
middles = ga.resize(sites, 20).drop_vars("name", errors="ignore")
place = "IV:461,000-486,000"
ga.plot_tracks(
    {
        "genes": genes,
        "Reb1 sites": middles,
        "predicted": along.Reb1,
        "MNase": ga.smooth(yeast.signal.sel(track="MNase"), sd=30),
        "PolII": yeast.signal.sel(track="PolII"),
    },
    place,
    ylim={"predicted": (0, 1)},
    kinds={"predicted": "fill"},
    colors={"genes": "#666666", "predicted": "#d55e00", "MNase": "#999999", "PolII": "#999999"},
)

# %% [markdown]
# ## A track for everybody
#
# `ga.to_bigwig` writes what any genome browser shows. Is it right? The file is opened again and
# averaged over the 200-bp tiles of the held-out contigs, and these numbers are compared with the
# measured sites: all tiles, of which one in sixty is bound.

# %%
(track,) = ga.to_bigwig(along.Reb1, WORK / "Reb1.bw")
with pyBigWig.open(track) as file:
    print(f"{os.path.getsize(track) / 1e6:.1f} MB, {len(file.chroms())} contigs,",
          f"IV has {file.chroms('IV'):,} bp")  # fmt: skip

tiles = ga.tile_regions(yeast, width=200)
tiles = tiles.isel(region=np.flatnonzero(np.isin(tiles.contig.values, TEST)))
truth = examples(tiles).Reb1.load()
again = ga.open_bigwig(track, like=yeast, name="said")
said = ga.windows(again, tiles, 200, reduce={"said": "mean"}).said.load()
every = ga.score(truth, said, metrics=["auroc", "auprc"])
print(f"{int(truth.sum())} of {truth.size:,} tiles are bound; from the bigWig: auROC "
      f"{float(every.auroc):.3f}, auPRC {float(every.auprc):.3f}")  # fmt: skip
by = ga.score(truth, said, metrics=["auprc"], by="contig").auprc
print({str(c): round(float(v), 3) for c, v in zip(by.contig.values, by.values, strict=True)})
ga.plot_curves(ga.curves(truth, said), ["pr", "roc"])

# %% [markdown]
# ## Which bases?
#
# Integrated gradients share the log-odds of a prediction among the letters of its window. These are
# the ten held-out sites that the model is surest of, in the direction of the genome.

# %%
of_sites = x.isel(window=np.flatnonzero(x.Reb1.values > 0))
surest = np.argsort(-y.sel(window=of_sites.window).values, kind="stable")
of_sites = of_sites.isel(window=surest)
letters = ga.integrated_gradients(model, of_sites, logit=True, tolerance=0.01)
ten = []  # some sites lie close together: of these the first
for row in range(of_sites.sizes["window"]):
    contig, start = str(of_sites.contig[row].values), int(of_sites.start[row])
    if all(contig != c or abs(start - s) > 300 for _, c, s in ten):
        ten.append((row, contig, start))
rows = [row for row, _, _ in ten[:10]]
top = letters.isel(window=rows)
strongest = ga.find_seqlets(top, of_sites.dna.isel(window=rows), width=9, per_window=1)
core = ["TTACCCG" in text or "CGGGTAA" in text for text in strongest.sequence.values]
print(f"TTACCCG, or CGGGTAA, where the most is added: {sum(core)} of {len(core)} sites")
names = [f"{contig}:{start:,}-{start + 200:,}" for _, contig, start in ten[:10]]
ga.plot_logo(top.sel(offset_dna=slice(75, 125)), names=names, columns=2, height=0.8)

# %% [markdown]
# (VII:976,836 has two that face each other, TTACCC with another letter behind it and CGGGTAA; the
# model adds the more for the first.)
#
# The same for all held-out sites at once: the strongest stretch of each window, aligned on either
# strand, gives the motif that the model looks for.
# Which of 1,883 known motifs is it most like? (The columns of this file are A, T, G, C, whatever
# its header says.)

# %%
seqlets = ga.find_seqlets(letters, of_sites.dna, width=9, per_window=1)
motif = ga.align_seqlets(seqlets)
known = ga.read_motifs(YEAST / "motifs" / "yetfasco_all.meme", columns="ATGC")
alike = ga.compare_motifs(motif, known).isel(query=0).sortby("motif_rank")
for row in range(5):
    one = alike.isel(motif=row)
    print(f"{row + 1}. {one.motif.values} {one.alternate.values}  E = {float(one.e_value):.1e}")

# %% [markdown]
# Above what was learnt here, below the known motif that is most like it, both in bits.

# %%
best = known.isel(motif=int(np.flatnonzero(known.motif.values == alike.motif.values[0])[0]))
theirs = best.probability.isel(offset=slice(int(best.length)))
if str(alike.orientation.values[0]) == "-":
    theirs = theirs[::-1, ::-1].assign_coords(channel=theirs.channel.values)
begin = max(0, -int(alike.start[0]))  # of the known motif, where the learnt one begins
theirs = theirs.isel(offset=slice(begin, begin + motif.sizes["offset"]))
ga.plot_logo(
    [motif.probability.isel(motif=0), theirs], bits=True, height=1.1, width=5,
    names=[f"learnt, {int(motif.sites[0])} sites", f"{best.alternate.values}, {best.motif.values}"],
)  # fmt: skip

# %% [markdown]
# One of the sites with its 800 bp, all together: the prediction, what each base adds to it (windows
# end to end, named as regions, from the saved model), and the DNA.

# %%
_, contig, start = ten[0]
around = [f"{contig}:{start + shift}-{start + shift + 200}" for shift in (-400, -200, 0, 200)]
adds = ga.integrated_gradients(
    WORK / "reb1.model", around, like=yeast, logit=True, tolerance=0.01
).isel(offset_dna=slice(50, 250))  # without flanks
ga.plot_tracks(
    {"Reb1 sites": middles, "predicted": along.Reb1, "adds": adds, "DNA": yeast.dna},
    f"{contig}:{start - 400}-{start + 400}",
    ylim={"predicted": (0, 1)},
    kinds={"predicted": "fill"},
    colors={"predicted": "#d55e00"},
)

# %% [markdown]
# ## Which variants matter?
#
# 12,321 places differ between this genome and that of RM11-1A, a vineyard strain. First: does REF
# agree with the genome everywhere? Then both alleles of those within 100 bp of a Reb1 site are
# predicted, on both strands.

# %%
variants = ga.read_variants(
    YEAST / "variants" / "RM11-1A.vcf.gz", like=yeast, rename_contigs="match", ref_mismatch="flag"
)
nuclear = variants.contig.values != "Mito"
print(f"REF agrees in {int(variants.ref_matches.values[nuclear].sum()):,} of {nuclear.sum():,}")

near = ga.rolling(yeast.Reb1, 201, "max").rename("near")
marked = ga.annotate_variants(variants, near)
chosen = marked.isel(variant=np.flatnonzero(nuclear & (marked.near.values == 1)))
effects = ga.variant_effects(
    WORK / "reb1.model", chosen.drop_vars("near"), like=yeast, both_strands="mean"
)
strongest = effects.isel(variant=np.argsort(-np.abs(effects.log_odds.values), kind="stable"))
columns = ["ref_score", "alt_score", "difference", "log_odds"]
print(f"{effects.sizes['variant']} variants near sites; the ten that change most:")
print(strongest[columns].isel(variant=slice(10)).to_dataframe()[columns].round(3).to_string())

# %% [markdown]
# Most change nothing. Those that do lie in the motif or beside it. Left the letters of the
# reference, right those of RM11-1A, the variant shaded. The two on V lie 39 bp apart: one completes
# CGGGTAA, the other weakens the TTACCCG beside it. (Each variant is scored alone.)

# %%
shown = strongest.isel(variant=slice(4))
reference = examples(ga.resize(ga.read_regions(shown, like=yeast), 200)).load()
logos = {}
for n, label in enumerate(shown.variant.values):
    ref = reference.isel(window=[n])
    alt = ref.copy(deep=True)
    at = int(shown.start[n]) - int(ref.start[0])  # offset in the window, without its flank
    alt.dna.loc[{"offset_dna": at}] = "ACGT".index(str(shown.alt.values[n]))
    for allele, one in ((str(shown.ref.values[n]), ref), (str(shown.alt.values[n]), alt)):
        a = ga.integrated_gradients(model, one, logit=True).isel(window=0, drop=True)
        a = a.sel(offset_dna=slice(at - 15, at + 15))
        a = a.assign_coords(offset_dna=np.arange(-15, 16))
        logos[f"{label.rsplit(':', 1)[0]} {allele}"] = a
ga.plot_logo(logos, highlight=(0, 1), columns=2, height=0.9)

# %% [markdown]
# ## What others get
#
# Tables, a VCF with the scores as INFO fields for `bcftools`, and one HTML page with settings, how
# the training went, scores, letters and tracks. In a notebook, `ga.browse` shows the bigWig in
# igv.js (`pip install 'genoarrays[browser]'`).

# %%
ga.effects_to_tsv(strongest, WORK / "effects.tsv")
ga.to_vcf(strongest, WORK / "effects.vcf.gz", scores=["difference", "log_odds"])
print(*(WORK / "effects.tsv").read_text().splitlines()[:3], sep="\n")
ga.write_report(
    WORK / "reb1.model", WORK / "report.html", x.Reb1, y, attribution=letters,
    tracks={"sites": middles, "predicted": along.Reb1}, title="Reb1 in yeast",
)  # fmt: skip
print(f"report.html: {os.path.getsize(WORK / 'report.html') / 1e3:.0f} kB")

# %%
folder.cleanup()
