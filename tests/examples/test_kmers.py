"""Are k-mers counted as somebody with a text and a finger would?"""

from collections import Counter
from itertools import product

import dask.array as da
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import genoarrays as ga
from tests.ops.counted import Counted

LETTERS = {"dna": "ACGT", "rna": "ACGU", "protein": "ACDEFGHIKLMNPQRSTVWY"}
COMPLEMENT = str.maketrans("ACGTUN", "TGCAAN")


def turned(text, alphabet="dna"):
    other = text.translate(COMPLEMENT)[::-1]
    return other.replace("T", "U") if alphabet == "rna" else other


def brute(text, order, alphabet="dna", canonical=False):
    """Numbers by k-mer, of all that have no other letters."""
    letters = LETTERS[alphabet]
    found = Counter(text[i : i + order] for i in range(len(text) - order + 1))
    kmers = ["".join(kmer) for kmer in product(letters, repeat=order)]
    if not canonical:
        return {kmer: found[kmer] for kmer in kmers}
    pairs = {kmer: {kmer, turned(kmer, alphabet)} for kmer in kmers}
    return {k: sum(found[one] for one in pair) for k, pair in pairs.items() if k == min(pair)}


def check(found, texts, order, **options):
    expected = [brute(text, order, **options) for text in texts]
    assert found.dtype == np.uint32
    assert found.channel.values.tolist() == list(brute("", order, **options))
    assert found.transpose(..., "channel").values.tolist() == [list(e.values()) for e in expected]


def genome(text):
    """Codes of contigs, each a text, on a genome."""
    lengths = {f"chr{n}": len(contig) for n, contig in enumerate(text)}
    codes = ga.testing.dna("".join(text))
    return xr.DataArray(
        codes.values, ga.genome_coords(ga.Assembly("toy", lengths)), ["position"], "dna",
        {"alphabet": "ACGT"},
    )  # fmt: skip


@settings(max_examples=40)
@given(
    contigs=st.lists(st.text("ACGTN", min_size=1, max_size=20), min_size=1, max_size=3),
    order=st.integers(1, 4), canonical=st.booleans(), chunk=st.integers(0, 7), data=st.data(),
    block=st.sampled_from([64, 2_000, 2**25]),
)  # fmt: skip
def test_kmer_counts__of_regions_of_any_length(contigs, order, canonical, chunk, data, block):
    dna, texts, asked = genome(contigs), [], []
    for _ in range(data.draw(st.integers(1, 6))):
        n = data.draw(st.integers(0, len(contigs) - 1))
        start = data.draw(st.integers(0, len(contigs[n]) - 1))
        end = data.draw(st.integers(start + 1, len(contigs[n])))
        strand = data.draw(st.sampled_from("+-."))
        asked.append(f"chr{n}:{start}-{end}:{strand}")
        text = contigs[n][start:end]
        texts.append(turned(text) if strand == "-" else text)
    one = dna.chunk(position=chunk) if chunk else dna
    with ga.set_options(chunk_bytes=block):
        found = ga.kmer_counts(one, order, asked, canonical=canonical)
    assert (found.chunks is not None) == bool(chunk)
    found = found.compute(scheduler="synchronous")
    assert found.dims == ("region", "channel")
    assert found.region.values.tolist() == asked
    check(found, texts, order, canonical=canonical)


@given(
    alphabet=st.sampled_from(list(LETTERS)), order=st.integers(1, 3), lazy=st.booleans(),
    canonical=st.booleans(), data=st.data(),
)  # fmt: skip
def test_kmer_counts__of_sequences_of_any_alphabet(alphabet, order, lazy, canonical, data):
    letters = LETTERS[alphabet] if order < 3 or alphabet != "protein" else "ACD"
    unknown = {"dna": "N", "rna": "N", "protein": "X"}[alphabet]
    length = data.draw(st.integers(1, 9))
    text = st.text(letters + unknown, min_size=length, max_size=length)
    texts = data.draw(st.lists(text, min_size=1, max_size=5))
    x = ga.from_sequences(texts, alphabet=alphabet)[alphabet]
    x = x.chunk(sequence=2, offset=4) if lazy else x
    options = {"alphabet": alphabet, "canonical": canonical and alphabet != "protein"}
    found = ga.kmer_counts(x, order, canonical=options["canonical"])
    assert found.dims == ("sequence", "channel")
    assert found.id.values.tolist() == x.id.values.tolist()
    assert (found.chunks is not None) == lazy
    check(found.compute(scheduler="synchronous"), texts, order, **options)
    if alphabet == "protein" and canonical:
        with pytest.raises(ga.GenomeError, match="has no canonical k-mers: 'D' has no complement"):
            ga.kmer_counts(x, order, canonical=True)


def test_kmer_counts__are_the_sums_of_one_hot():
    ds = ga.testing.random_genome({"chr1": 60, "chr2": 30}).chunk(position=25)
    x = ga.windows(ds, ["chr1:3-23", "chr2:5-25:-", "chr1:40-60"])
    for order in (1, 2, 3):
        expected = ga.one_hot(x.dna, order).sum("offset")
        for found in (
            ga.kmer_counts(x.dna, order),
            ga.kmer_counts(x, order),
            ga.kmer_counts(x.dna.transpose(), order),
            ga.kmer_counts(ds, order, ["chr1:3-23", "chr2:5-25:-", "chr1:40-60"]),
        ):
            np.testing.assert_array_equal(found.values, expected.values)
            assert found.channel.values.tolist() == expected.channel.values.tolist()
    assert ga.kmer_counts(x.dna, 2).window.values.tolist() == x.window.values.tolist()
    one = ga.kmer_counts(x.dna.isel(window=0), 2)
    assert one.dims == ("channel",)
    haplotypes = xr.concat([x.dna, x.dna[::-1].drop_vars("window")], "haplotype", coords="minimal",
                           compat="override", join="override")  # fmt: skip
    found = ga.kmer_counts(haplotypes, 2)
    assert found.dims == ("haplotype", "window", "channel")
    np.testing.assert_array_equal(found[0], ga.kmer_counts(x.dna, 2))


def test_kmer_counts__of_order_8_in_blocks_that_fit():
    rng = np.random.default_rng(0)
    text = "".join(rng.choice(list("ACGT"), 500))
    x = ga.from_sequences([text, turned(text), "T" * 500]).dna.chunk(sequence=3)
    with ga.set_options(chunk_bytes=2**19):
        found = ga.kmer_counts(x, 8)
    assert found.chunks == ((2, 1), (4**8,))
    assert int(found.sel(channel="TTTTTTTT")[2]) == 493
    check(found.compute(), [text, turned(text), "T" * 500], 8)
    both = ga.kmer_counts(x, 8, canonical=True).compute()
    assert both.sizes["channel"] == (4**8 + 4**4) // 2
    np.testing.assert_array_equal(both[0], both[1])
    assert int(both.sel(channel="AAAAAAAA")[2]) == 493


def test_kmer_counts__is_lazy_and_reads_each_region_once():
    ds = ga.testing.random_genome({"chr1": 10_000, "chr2": 500})
    source = Counted(ds.dna.values)
    lazy = ds.dna.copy(data=da.from_array(source, chunks=(1_000,)))
    with ga.testing.count_computes() as computed:
        found = ga.kmer_counts(lazy, 3, ["chr1:500-2500", "chr1:700-2600:-", "chr2:0-20"])
        assert not computed
        assert not source.reads
        found.compute()
        assert len(computed) == 1
    reads = list(map(str, source.reads))
    assert len(reads) == len(set(reads)) > 2
    x = ga.windows(lazy, ["chr1:500-520", "chr1:700-720:-"])
    with ga.testing.count_computes() as computed:
        assert ga.kmer_counts(x.dna, 3).chunks is not None
        assert not computed


def test_kmer_counts__of_regions_that_leave_their_contig_or_are_none():
    dna = genome(["ACGTA", "GG"])
    regions = ga.read_regions(["chr0:3-8", "chr1:0-2"], like=dna, out_of_bounds="pad")
    check(ga.kmer_counts(dna, 2, regions), ["TA", "GG"], 2)
    none = ga.kmer_counts(dna, 2, regions.isel(region=[]))
    assert none.shape == (0, 16)


def test_kmer_counts__refuses():
    ds = ga.testing.random_genome({"chr1": 60})
    with pytest.raises(ga.GenomeError, match=r"is a genome: which regions= of it\?"):
        ga.kmer_counts(ds.dna, 2)
    for order in (0, 16, 2.5):
        with pytest.raises(ga.GenomeError, match="is not possible"):
            ga.kmer_counts(ds.dna, order, ["chr1:0-5"])
    with pytest.raises(ga.GenomeError, match=r"'signal' with dims .* is no sequence"):
        ga.kmer_counts(ds.signal, 2, ["chr1:0-5"])
    with pytest.raises(ga.GenomeError, match=r"which variable holds the letters: signal.*ds\["):
        ga.kmer_counts(ds.drop_vars("dna"), 2, ["chr1:0-5"])
    x = ga.windows(ds, ["chr1:0-5", "chr1:7-14"], ragged=True)
    with pytest.raises(ga.GenomeError, match=r"ga\.kmer_counts\(dna, order, regions\)"):
        ga.kmer_counts(x.dna, 2)
    x = ga.windows(ds, ["chr1:0-5", "chr1:7-12"])
    with pytest.raises(ga.GenomeError, match="leave out regions="):
        ga.kmer_counts(x.dna, 2, ["chr1:0-5"])
    with ga.set_options(byte_limit=1000), pytest.raises(ga.GenomeError, match="all 3-mers would"):
        ga.kmer_counts(x.dna, 3)
    with ga.set_options(byte_limit=4**3 * 64), pytest.raises(ga.GenomeError, match="makes them"):
        ga.kmer_counts(ds.dna, 3, ["chr1:0-5"] * 50)
    with ga.set_options(byte_limit=4**3 * 64), pytest.raises(ga.GenomeError, match="window=1000"):
        ga.kmer_counts(ga.windows(ds, ["chr1:0-5"] * 50).dna.compute(), 3)
    with pytest.raises(ga.RegionError, match="ends past its contig"):
        ga.kmer_counts(ds.dna, 2, ga.read_regions(["chr1:50-70"]))
