"""The labelled, lazy, out-of-core genome for machine learning.

Sequence, reads, signal, peaks and genes become xarray objects on one genome axis, chunked by
region on disk in zarr, computed lazily by dask, streamed into `tf.data` for training; predictions
come back as labelled arrays and bigWig. Coordinates are 0-based, half-open, in base pairs.

Every public name is loaded on first use: importing this package imports none of tensorflow, pysam,
pyBigWig, pyranges, distributed and matplotlib.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from genoarrays import models as models
    from genoarrays import testing as testing
    from genoarrays.errors import AssemblyError as AssemblyError
    from genoarrays.errors import ContigError as ContigError
    from genoarrays.errors import GenomeError as GenomeError
    from genoarrays.errors import InputError as InputError
    from genoarrays.errors import RegionError as RegionError
    from genoarrays.errors import StoreError as StoreError
    from genoarrays.examples.background import sample_background as sample_background
    from genoarrays.examples.folds import fold_regions as fold_regions
    from genoarrays.examples.gather import windows as windows
    from genoarrays.examples.kmers import kmer_counts as kmer_counts
    from genoarrays.examples.leaks import check_leaks as check_leaks
    from genoarrays.examples.metagene import metagene as metagene
    from genoarrays.examples.reduce import reduce_regions as reduce_regions
    from genoarrays.examples.split import split_regions as split_regions
    from genoarrays.examples.split import split_sequences as split_sequences
    from genoarrays.examples.tile import tile_regions as tile_regions
    from genoarrays.examples.weights import balance_weights as balance_weights
    from genoarrays.examples.weights import class_weights as class_weights
    from genoarrays.formats.arrays.arrays import from_array as from_array
    from genoarrays.formats.reads.bam import open_bam as open_bam
    from genoarrays.formats.signal.bigwig import open_bigwig as open_bigwig
    from genoarrays.formats.signal.bedgraph import to_bedgraph as to_bedgraph
    from genoarrays.formats.signal.export import to_bigwig as to_bigwig
    from genoarrays.formats.sequence.fasta import open_fasta as open_fasta
    from genoarrays.formats.fragments.fragments import open_fragments as open_fragments
    from genoarrays.formats.intervals.export import to_bed as to_bed
    from genoarrays.formats.intervals.frames import to_pandas as to_pandas
    from genoarrays.formats.intervals.frames import to_pyranges as to_pyranges
    from genoarrays.formats.intervals.intervals import open_intervals as open_intervals
    from genoarrays.formats.strings.sequences import open_sequences as open_sequences
    from genoarrays.formats.strings.strings import from_sequences as from_sequences
    from genoarrays.formats.reads.shift import estimate_shift as estimate_shift
    from genoarrays.formats.motifs.meme import read_motifs as read_motifs
    from genoarrays.formats.intervals.tables import read_regions as read_regions
    from genoarrays.formats.variants.export import effects_to_tsv as effects_to_tsv
    from genoarrays.formats.variants.export import to_vcf as to_vcf
    from genoarrays.formats.variants.variants import read_variants as read_variants
    from genoarrays.formats.sequence.twobit import open_twobit as open_twobit
    from genoarrays.genome.assembly import Assembly as Assembly
    from genoarrays.genome.axis import GenomeAxis as GenomeAxis
    from genoarrays.genome.convention import decode as decode
    from genoarrays.genome.convention import encode as encode
    from genoarrays.genome.index import ContigIndex as ContigIndex
    from genoarrays.genome.index import GenomeIndex as GenomeIndex
    from genoarrays.genome.index import PositionIndex as PositionIndex
    from genoarrays.genome.index import axis_of as axis_of
    from genoarrays.genome.index import bin_size_of as bin_size_of
    from genoarrays.genome.index import genome_coords as genome_coords
    from genoarrays.genome.join import concat_regions as concat_regions
    from genoarrays.genome.merge import merge as merge
    from genoarrays.genome.order import sort_regions as sort_regions
    from genoarrays.genome.overlap import exclude_regions as exclude_regions
    from genoarrays.genome.overlap import intersect_regions as intersect_regions
    from genoarrays.genome.overlap import merge_regions as merge_regions
    from genoarrays.genome.overlap import subtract_regions as subtract_regions
    from genoarrays.genome.region import Region as Region
    from genoarrays.genome.region import region as region
    from genoarrays.genome.rename import rename_contigs as rename_contigs
    from genoarrays.genome.resize import expand as expand
    from genoarrays.genome.resize import promoters as promoters
    from genoarrays.genome.resize import resize as resize
    from genoarrays.genome.resize import shift as shift
    from genoarrays.genome.resize import snap_regions as snap_regions
    from genoarrays.genome.samples import concat_samples as concat_samples
    from genoarrays.genome.sequences import SequenceIndex as SequenceIndex
    from genoarrays.genome.windows import WindowIndex as WindowIndex
    from genoarrays.inference.attribution.gradients import input_x_gradient as input_x_gradient
    from genoarrays.inference.attribution.gradients import (
        integrated_gradients as integrated_gradients,
    )
    from genoarrays.inference.motifs.aligned import align_seqlets as align_seqlets
    from genoarrays.inference.motifs.alike import compare_motifs as compare_motifs
    from genoarrays.inference.motifs.kmers import top_kmers as top_kmers
    from genoarrays.inference.motifs.seqlets import find_seqlets as find_seqlets
    from genoarrays.inference.attribution.mutagenesis import (
        saturation_mutagenesis as saturation_mutagenesis,
    )
    from genoarrays.inference.folds import CrossValidation as CrossValidation
    from genoarrays.inference.folds import cross_validate as cross_validate
    from genoarrays.inference.tiles.genome import predict_genome as predict_genome
    from genoarrays.inference.predict import predict as predict
    from genoarrays.inference.variants.scores import variant_effects as variant_effects
    from genoarrays.evaluation.curves import curves as curves
    from genoarrays.evaluation.embedding import embed as embed
    from genoarrays.evaluation.runs import compare as compare
    from genoarrays.evaluation.score import score as score
    from genoarrays.evaluation.tables import scores_to_frame as scores_to_frame
    from genoarrays.evaluation.tables import scores_to_json as scores_to_json
    from genoarrays.evaluation.tables import scores_to_tsv as scores_to_tsv
    from genoarrays.models.training import fit as fit
    from genoarrays.models.saving import load_model as load_model
    from genoarrays.ops.annotate import annotate_variants as annotate_variants
    from genoarrays.ops.content import gc_content as gc_content
    from genoarrays.ops.content import unknown_content as unknown_content
    from genoarrays.ops.coarse import coarsen as coarsen
    from genoarrays.ops.contigs import map_contigs as map_contigs
    from genoarrays.ops.correlate import correlate as correlate
    from genoarrays.ops.histogram import histogram as histogram
    from genoarrays.ops.mask import regions_where as regions_where
    from genoarrays.ops.mask import valid_mask as valid_mask
    from genoarrays.ops.normal import fit_normalizer as fit_normalizer
    from genoarrays.ops.normalize import normalize as normalize
    from genoarrays.ops.orientation import reverse_complement as reverse_complement
    from genoarrays.ops.quantile import quantile as quantile
    from genoarrays.ops.ratio import log2_ratio as log2_ratio
    from genoarrays.ops.regrid import regrid as regrid
    from genoarrays.ops.rolling import rolling as rolling
    from genoarrays.ops.rolling import smooth as smooth
    from genoarrays.ops.sequence import one_hot as one_hot
    from genoarrays.ops.shuffle import shuffle_sequences as shuffle_sequences
    from genoarrays.ops.summary import summarize as summarize
    from genoarrays.options import set_options as set_options
    from genoarrays.plot import plot_tracks as plot_tracks
    from genoarrays.plot.report import write_report as write_report
    from genoarrays.plot.boxes import plot_scores as plot_scores
    from genoarrays.plot.browse import browse as browse
    from genoarrays.plot.clusters import plot_clustermap as plot_clustermap
    from genoarrays.plot.clusters import plot_embedding as plot_embedding
    from genoarrays.plot.lines import plot_curves as plot_curves
    from genoarrays.plot.logo import plot_logo as plot_logo
    from genoarrays.plot.runs import plot_runs as plot_runs
    from genoarrays.plot.scatter import plot_scatter as plot_scatter
    from genoarrays.store.open import open_datatree as open_datatree
    from genoarrays.store.open import open_zarr as open_zarr
    from genoarrays.store.verify import Damage as Damage
    from genoarrays.store.verify import verify as verify
    from genoarrays.store.plan import plan as plan
    from genoarrays.store.write import to_zarr as to_zarr
    from genoarrays.stream.augment import Augment as Augment
    from genoarrays.stream.batches import batches as batches
    from genoarrays.stream.sample import Sample as Sample
    from genoarrays.stream.arrays import to_numpy as to_numpy
    from genoarrays.stream.keras import to_keras as to_keras
    from genoarrays.stream.tensorflow import to_tf as to_tf
    from genoarrays.stream.torch import to_torch as to_torch
    from genoarrays.examples.margin import without_margin as without_margin

__version__ = "0.1.0"

_WHERE = {
    # genome
    "Assembly": "genome.assembly",
    "ContigIndex": "genome.index",
    "GenomeAxis": "genome.axis",
    "GenomeIndex": "genome.index",
    "PositionIndex": "genome.index",
    "Region": "genome.region",
    "SequenceIndex": "genome.sequences",
    "WindowIndex": "genome.windows",
    "axis_of": "genome.index",
    "bin_size_of": "genome.index",
    "decode": "genome.convention",
    "encode": "genome.convention",
    "exclude_regions": "genome.overlap",
    "expand": "genome.resize",
    "genome_coords": "genome.index",
    "intersect_regions": "genome.overlap",
    "concat_regions": "genome.join",
    "concat_samples": "genome.samples",
    "merge": "genome.merge",
    "merge_regions": "genome.overlap",
    "promoters": "genome.resize",
    "region": "genome.region",
    "rename_contigs": "genome.rename",
    "resize": "genome.resize",
    "shift": "genome.resize",
    "snap_regions": "genome.resize",
    "sort_regions": "genome.order",
    "subtract_regions": "genome.overlap",
    # ops
    "annotate_variants": "ops.annotate",
    "coarsen": "ops.coarse",
    "correlate": "ops.correlate",
    "fit_normalizer": "ops.normal",
    "gc_content": "ops.content",
    "histogram": "ops.histogram",
    "log2_ratio": "ops.ratio",
    "map_contigs": "ops.contigs",
    "normalize": "ops.normalize",
    "one_hot": "ops.sequence",
    "quantile": "ops.quantile",
    "regions_where": "ops.mask",
    "reverse_complement": "ops.orientation",
    "regrid": "ops.regrid",
    "rolling": "ops.rolling",
    "shuffle_sequences": "ops.shuffle",
    "smooth": "ops.rolling",
    "summarize": "ops.summary",
    "unknown_content": "ops.content",
    "valid_mask": "ops.mask",
    # formats
    "effects_to_tsv": "formats.variants.export",
    "estimate_shift": "formats.reads.shift",
    "from_array": "formats.arrays.arrays",
    "open_bam": "formats.reads.bam",
    "open_bigwig": "formats.signal.bigwig",
    "open_fasta": "formats.sequence.fasta",
    "open_fragments": "formats.fragments.fragments",
    "from_sequences": "formats.strings.strings",
    "open_intervals": "formats.intervals.intervals",
    "open_sequences": "formats.strings.sequences",
    "open_twobit": "formats.sequence.twobit",
    "read_motifs": "formats.motifs.meme",
    "read_regions": "formats.intervals.tables",
    "read_variants": "formats.variants.variants",
    "to_bed": "formats.intervals.export",
    "to_bedgraph": "formats.signal.bedgraph",
    "to_bigwig": "formats.signal.export",
    "to_pandas": "formats.intervals.frames",
    "to_pyranges": "formats.intervals.frames",
    "to_vcf": "formats.variants.export",
    # store
    "open_datatree": "store.open",
    "open_zarr": "store.open",
    "plan": "store.plan",
    "to_zarr": "store.write",
    "verify": "store.verify",
    "Damage": "store.verify",
    # examples
    "balance_weights": "examples.weights",
    "check_leaks": "examples.leaks",
    "class_weights": "examples.weights",
    "fold_regions": "examples.folds",
    "kmer_counts": "examples.kmers",
    "metagene": "examples.metagene",
    "reduce_regions": "examples.reduce",
    "sample_background": "examples.background",
    "split_regions": "examples.split",
    "split_sequences": "examples.split",
    "tile_regions": "examples.tile",
    "windows": "examples.gather",
    "without_margin": "examples.margin",
    # stream
    "Augment": "stream.augment",
    "Sample": "stream.sample",
    "batches": "stream.batches",
    "to_keras": "stream.keras",
    "to_numpy": "stream.arrays",
    "to_tf": "stream.tensorflow",
    "to_torch": "stream.torch",
    # models
    "fit": "models.training",
    "load_model": "models.saving",
    # inference
    "input_x_gradient": "inference.attribution.gradients",
    "integrated_gradients": "inference.attribution.gradients",
    "align_seqlets": "inference.motifs.aligned",
    "compare_motifs": "inference.motifs.alike",
    "find_seqlets": "inference.motifs.seqlets",
    "saturation_mutagenesis": "inference.attribution.mutagenesis",
    "top_kmers": "inference.motifs.kmers",
    "CrossValidation": "inference.folds",
    "cross_validate": "inference.folds",
    "predict": "inference.predict",
    "predict_genome": "inference.tiles.genome",
    "variant_effects": "inference.variants.scores",
    # evaluation
    "compare": "evaluation.runs",
    "curves": "evaluation.curves",
    "embed": "evaluation.embedding",
    "score": "evaluation.score",
    "scores_to_frame": "evaluation.tables",
    "scores_to_json": "evaluation.tables",
    "scores_to_tsv": "evaluation.tables",
    # looking, errors, options
    "browse": "plot.browse",
    "plot_clustermap": "plot.clusters",
    "plot_curves": "plot.lines",
    "plot_embedding": "plot.clusters",
    "plot_logo": "plot.logo",
    "plot_runs": "plot.runs",
    "plot_scatter": "plot.scatter",
    "plot_scores": "plot.boxes",
    "plot_tracks": "plot",
    "write_report": "plot.report",
    "AssemblyError": "errors",
    "ContigError": "errors",
    "GenomeError": "errors",
    "InputError": "errors",
    "RegionError": "errors",
    "StoreError": "errors",
    "set_options": "options",
}
_MODULES = ("models", "testing")

__all__ = [
    *_WHERE,
    *_MODULES,
    "__version__",
]


def __getattr__(name: str) -> object:
    if name in _MODULES:
        return importlib.import_module(f"genoarrays.{name}")
    if name not in _WHERE:
        raise AttributeError(f"module 'genoarrays' has no attribute {name!r}")
    return getattr(importlib.import_module(f"genoarrays.{_WHERE[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
