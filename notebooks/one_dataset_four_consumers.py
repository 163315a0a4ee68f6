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
# # One dataset, four consumers
#
# Where does Reb1 bind in the yeast genome? The same windows answer it four times: streamed into
# **Keras** through `tf.data`, into **PyTorch**, as k-mer counts to **scikit-learn**, and as plain
# **NumPy** arrays. All four learn from one store and are tested on contigs that none has seen.
#
# The sites are 1,078 ChIP-exo positions (Rossi et al., Nature 2021), the genome is sacCer3. Set
# `YEAST` to the folder that holds them. It takes about a minute on two cores, and needs
# `pip install 'genoarrays[tf-cpu,torch,plot,eval,notebook]'`.

# %%
import gzip
import os
import shutil
import tempfile
from pathlib import Path

os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0"}  # fewer messages

import keras
import matplotlib.pyplot as plt
import numpy as np
import pysam
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import genoarrays as ga

YEAST = Path(os.environ.get("YEAST", "yeast_sacCer3")).resolve()
WORK = Path(tempfile.mkdtemp())
_ = ga.set_options(progress=False)

# %% [markdown]
# ## The store
#
# The genome is written once. Its contigs are called `IV`, those of the peaks `chr4`: renamed only
# because we say so.

# %%
source = YEAST / "sacCer3.R64-1-1.ensembl_names.fa.gz"
with gzip.open(source) as letters, pysam.BGZFile(str(WORK / "genome.fa.gz"), "wb") as file:
    shutil.copyfileobj(letters, file)

dna = ga.open_fasta(WORK / "genome.fa.gz")
peaks = YEAST / "chipexo_peaks" / "Reb1_CX.bed"
bound = ga.open_intervals(peaks, like=dna, name="bound", rename_contigs="match")
ga.to_zarr(ga.merge(dna, bound), WORK / "reb1.zarr")
store = ga.open_zarr(WORK / "reb1.zarr")
print(dict(store.sizes), {name: str(v.dtype) for name, v in store.items()})

# %% [markdown]
# ## The windows
#
# 200 bp around each site, and five backgrounds for each: drawn at random from all that lies at
# least 200 bp from any site, as rich in G and C as the sites. Whole contigs are held out, and
# `ga.check_leaks` looks whether any test window lies near a training window.

# %%
sites = ga.resize(ga.read_regions(peaks, like=store, rename_contigs="match"), 200)
sites = sites.isel(region=np.flatnonzero((sites.end - sites.start).values == 200))
background = ga.sample_background(sites, store, ratio=5, guard=200, match="gc", gc_bin=0.05)
regions = ga.concat_regions([sites, background])
train, valid, test = ga.split_regions(regions, valid=["XI"], test=["IV", "VII", "XII"])
ga.check_leaks(train=train, valid=valid, test=test, guard=1_000)


def examples(regions, jitter=0):
    """Sequence and label of each window, lazily."""
    return ga.windows(store, regions, 200, reduce={"bound": "max"}, jitter=jitter)


x = examples(train)
print(
    {"train": train.sizes["region"], "valid": valid.sizes["region"], "test": test.sizes["region"]}
)
print(x.dna.dims, x.dna.shape, "|", x.bound.dims, f"{float(x.bound.mean()):.3f} bound")

# %% [markdown]
# GC content is matched: the network has to look at the motif.

# %%
share = [float(ga.gc_content(store.dna, part).mean()) for part in (sites, background)]
print(f"GC of sites {share[0]:.3f}, of background {share[1]:.3f}")

# %% [markdown]
# ## NumPy: what a batch looks like
#
# `ga.batches` gives arrays; with `index=True` also the rows, so every example keeps its label. This
# is the first batch of an epoch, in the order in which a network sees it: letters as colors, bound
# windows below the line.

# %%
stream = ga.batches(x, inputs="dna", targets="bound", batch_size=64, index=True, seed=0)
letters, label, rows = next(iter(stream))
print(letters.shape, letters.dtype, x.window.values[rows[:2]].tolist())
print(stream.report())

order = np.argsort(label, kind="stable")
figure, axes = plt.subplots(figsize=(8, 4), layout="constrained")
colors = plt.matplotlib.colors.ListedColormap(
    ["#3b9b5f", "#3a6fb0", "#e0a030", "#c8453b", "#999999"]
)
image = axes.imshow(letters[order], aspect="auto", cmap=colors, vmin=-0.5, vmax=4.5,
                    interpolation="none", extent=(0, 200, 64, 0))  # fmt: skip
axes.axhline(64 - label.sum(), color="black", lw=1.5)
axes.set(xlabel="offset (bp from the window's 5' end)", ylabel="window", title="A batch of 64")
axes.set_yticks([(64 - label.sum()) / 2, 64 - label.sum() / 2], ["background", "bound"],
                rotation=90, va="center")  # fmt: skip
bar = figure.colorbar(image, ticks=range(5), pad=0.01)
bar.set_ticklabels(list("ACGTN"))
plt.close(figure)
figure

# %% [markdown]
# NumPy alone already finds something: how often is the letter at each offset another one than in
# the background?

# %%
codes, labels = ga.to_numpy(x, inputs="dna", targets="bound")
hot = np.eye(5)[codes][..., :4]
enriched = np.log2((hot[labels == 1].mean(0) + 0.01) / (hot[labels == 0].mean(0) + 0.01))
strongest = np.abs(enriched).max(1)
print(f"offset {strongest.argmax()} stands out ({strongest.max():.2f} bits of log ratio);",
      f"the median offset has {np.median(strongest):.2f}")  # fmt: skip

# %% [markdown]
# ## scikit-learn: counts of 5-mers
#
# Both strands together, since a site may lie on either.


# %%
def kmers(regions, k=5):
    """Counts of k-mers of each window, each with its reverse complement."""
    windows = examples(regions)
    counts = ga.one_hot(windows.dna, order=k).sum("offset")
    names = counts.channel.values.tolist()
    partner = [name.translate(str.maketrans("ACGT", "TGCA"))[::-1] for name in names]
    both = counts.values + counts.sel(channel=partner).values
    once = [one <= other for one, other in zip(names, partner, strict=True)]
    return both[:, once], windows.bound.values


logistic = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=500))
logistic.fit(*kmers(train))
scores = {"scikit-learn, 5-mers": logistic.predict_proba(kmers(test)[0])[:, 1]}

# %% [markdown]
# ## Keras, through `tf.data`
#
# `ga.fit` streams with `ga.to_tf` underneath: int8 codes cross, one-hot is made on the device.
# Each epoch every window is seen once, moved by up to 20 bp to real neighboring bases, and half of
# them from the other strand.

# %%
augment = ga.Augment(reverse_complement=True, jitter=True)
moved = examples(train, jitter=20)
keras.utils.set_random_seed(0)
model = ga.models.classifier(x, "dna", "bound")
history = ga.fit(
    model, moved, validation=examples(valid), inputs="dna", targets="bound", epochs=12,
    learning_rate=0.003, augment=augment, seed=0,
)  # fmt: skip
answer = ga.predict(model, examples(test), both_strands="mean")
scores["Keras, tf.data"] = answer.values
print(answer.dims, answer.window.values[:2].tolist())

# %% [markdown]
# ## PyTorch
#
# The same stream as an `IterableDataset`: batches come ready, so the loader gets `batch_size=None`.

# %%
torch.manual_seed(0)
torch.set_num_threads(1)  # the stream works beside it


class Network(torch.nn.Module):
    """Motifs, the best place of each on either strand, and a vote."""

    def __init__(self):
        super().__init__()
        self.motifs = torch.nn.Conv1d(4, 64, 15, padding=7)
        self.vote = torch.nn.Sequential(torch.nn.Dropout(0.2), torch.nn.Linear(64, 1))

    def forward(self, codes):
        """Score of each window of (window, offset) codes."""
        hot = torch.nn.functional.one_hot(codes.long(), 5)[..., :4].float().transpose(1, 2)
        found = torch.maximum(self.motifs(hot).amax(2), self.motifs(hot.flip(1, 2)).amax(2))
        return self.vote(torch.relu(found))[:, 0]


network = Network()
optimizer = torch.optim.Adam(network.parameters(), lr=0.003)
batches = ga.to_torch(moved, inputs="dna", targets="bound", batch_size=64, augment=augment, seed=0)
for _ in range(10):
    for codes, bound in torch.utils.data.DataLoader(batches, batch_size=None):
        optimizer.zero_grad()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(network(codes), bound)
        loss.backward()
        optimizer.step()

network.eval()
with torch.no_grad():
    held_out = ga.to_torch(examples(test), inputs="dna", batch_size=256, shuffle=False)
    scores["PyTorch"] = torch.cat([network(codes) for codes in held_out]).numpy()

# %% [markdown]
# ## Who finds Reb1?
#
# All are scored on the same windows of IV, VII and XII. Predictions carry the windows' labels, so a
# score by contig is one word more.

# %%
truth = examples(test).bound.load()
for name, values in scores.items():
    y = truth.astype("float32").copy(data=values)
    found = ga.score(truth, y, metrics=["auroc", "auprc"])
    by = ga.score(truth, y, metrics=["auprc"], by="contig")
    parts = ", ".join(
        f"{c} {float(v):.2f}" for c, v in zip(by.contig.values, by.auprc.values, strict=True)
    )
    print(f"{name:22} auROC {float(found.auroc):.3f}  auPRC {float(found.auprc):.3f}  ({parts})")

# %%
shutil.rmtree(WORK)
