"""Seqlets, k-mers, motifs and what they are like."""

from itertools import product

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import genoarrays as ga

MOTIF = "TTACCCG"
TURNED = "CGGGTAA"


def planted(regions=None, count=60, seed=0):
    """Windows with a motif on either strand, and contributions of 1 on it, noise elsewhere."""
    rng = np.random.default_rng(seed)
    size = 50 * count
    letters = rng.choice(list("ACGT"), size)
    weight = rng.normal(0, 0.05, size).astype("float32")
    for number in range(count):
        at = 50 * number + 10 + number % 25
        letters[at : at + 7] = list(MOTIF if number % 2 else TURNED)
        weight[at : at + 7] = 1 + (number % 3) / 10
    coords = ga.genome_coords(ga.Assembly("toy", {"chr1": size}))
    codes = np.array(["ACGT".index(x) for x in letters], "int8")
    ds = xr.Dataset(
        {"dna": ("position", codes, {"alphabet": "ACGT"}), "weight": ("position", weight)}, coords
    )
    x = ga.windows(ds, regions or [f"chr1:{50 * n}-{50 * n + 50}:{'+-'[n % 4 > 1]}"
                                   for n in range(count)], width=50)  # fmt: skip
    return ds, x, x.weight.drop_attrs(deep=False) * ga.one_hot(x.dna)


@pytest.fixture(scope="module")
def data():
    return planted()


# ---- seqlets


def test_find_seqlets__finds_what_contributes_at_its_true_place(data):
    ds, x, a = data
    s = ga.find_seqlets(a, x.dna, width=7, flank=4, per_window=1)
    assert s.sizes["region"] == 60
    assert (np.diff(s.score) <= 1e-5).all()
    assert set(s.sequence.values.tolist()) == {MOTIF, TURNED}
    again = ga.windows(ds, s[["contig", "start", "end", "strand"]], width=7)
    for codes, text in zip(again.dna.values, s.sequence.values, strict=True):
        assert "".join("ACGT"[code] for code in codes) == text
    np.testing.assert_allclose(again.weight.sum("offset"), s.score, rtol=1e-5)
    np.testing.assert_allclose(
        s.contribution.sel(offset=slice(0, 6)).sum("offset"), s.score, rtol=1e-5
    )
    wide = ga.windows(ds, ga.expand(s[["contig", "start", "end", "strand"]], 4), width=15)
    np.testing.assert_array_equal(wide.dna, s.dna)


def test_find_seqlets__are_the_best_stretches_apart(data):
    _, x, a = data
    a = a.sum("channel").copy(data=np.random.default_rng(5).normal(size=(60, 50)))
    total = a.values
    s = ga.find_seqlets(a, x.dna, width=5, per_window=3, top=10_000)
    found = {}
    for row in range(60):
        sums = [total[row, i : i + 5].sum() for i in range(46)]
        taken = []
        for at in np.argsort(sums)[::-1]:
            if sums[at] > 0 and all(abs(at - other) >= 5 for other in taken):
                taken.append(at)
        found[row] = sorted(sums[at] for at in taken[:3])
    expected = sorted(v for some in found.values() for v in some)
    np.testing.assert_allclose(sorted(s.score.values), expected, rtol=1e-4)
    low = ga.find_seqlets(-a, x.dna, width=5, per_window=3, top=10_000, negative=True)
    np.testing.assert_allclose(low.score, -s.score, rtol=1e-4)


def test_find_seqlets__of_overlapping_windows_are_given_once():
    _, x, a = planted(["chr1:0-50", "chr1:10-60", "chr1:5-55:-"])
    s = ga.find_seqlets(a, x.dna, width=7, per_window=1)
    assert s.sizes["region"] == 1
    assert (int(s.start[0]), int(s.end[0])) == (10, 17)


def test_find_seqlets__of_sequences_have_ids():
    x = ga.from_sequences(["AAAAAGATTACAAAAA", "CCCCCCCCCCCCCCCC"], ids=["a", "b"])
    a = xr.zeros_like(x.dna.drop_attrs(deep=False), dtype="float32")
    a[0, 5:12] = 1
    s = ga.find_seqlets(a, x.dna, width=7, per_window=1)
    assert s.sizes["seqlet"] == 1
    assert (s.contig.values[0], int(s.start[0]), s.sequence.values[0]) == ("a", 5, "GATTACA")
    none = ga.find_seqlets(a * 0, x.dna, width=7)
    assert none.sizes["seqlet"] == 0
    assert ga.align_seqlets(none).sizes["motif"] == 0


def test_find_seqlets__refuses_what_does_not_belong_together(data):
    _, x, a = data
    for other, match in [
        (x.weight, "no array of codes"),
        (x.dna.isel(offset=slice(40)), "or other offsets"),
        (x.dna.isel(window=slice(None, None, -1)), "another order"),
    ]:
        with pytest.raises(ga.GenomeError, match=match):
            ga.find_seqlets(a, other)
    with pytest.raises(ga.GenomeError, match="width=60"):
        ga.find_seqlets(a, x.dna, width=60)


# ---- k-mers


@pytest.mark.parametrize("canonical", [True, False])
@pytest.mark.parametrize("by", ["mean", "total"])
def test_top_kmers__equal_counting_by_hand(data, canonical, by):
    _, x, a = data
    k, total = 4, a.sum("channel").values
    found = {}
    for codes, values in zip(x.dna.values, total, strict=True):
        text = "".join("ACGT"[code] for code in codes)
        for i in range(len(text) - k + 1):
            kmer = text[i : i + k]
            other = kmer.translate(str.maketrans("ACGT", "TGCA"))[::-1]
            name = min(kmer, other) if canonical else kmer
            found.setdefault(name, []).append(values[i : i + k].sum())
    rank = {n: np.mean(v) if by == "mean" else np.sum(v) for n, v in found.items() if len(v) >= 5}
    best = sorted(rank, key=rank.get, reverse=True)[:10]
    t = ga.top_kmers(a, x.dna, k, by=by, top=10, least=5, canonical=canonical)
    np.testing.assert_allclose(
        t.mean_contribution if by == "mean" else t.total_contribution,
        [rank[name] for name in best], rtol=1e-4,
    )  # fmt: skip
    for name, count in zip(t.kmer.values, t.occurrences.values, strict=True):
        assert len(found[name]) == count


def test_top_kmers__tell_where_and_on_which_strand_they_stand(data):
    ds, x, a = data
    t = ga.top_kmers(a, x.dna, 7, top=3)
    assert t.kmer.values[0] == TURNED
    assert int(t.occurrences[0]) >= 60  # one more may stand there by chance
    assert t.sizes["occurrence"] == int(t.occurrences.sum())
    places = ga.read_regions(
        list(zip(t.contig.values, t.start.values, t.end.values, t.strand.values, strict=True)), ds
    )
    again = ga.windows(ds, places, width=7)
    names = t.kmer.values[t.number.values]
    for codes, name in zip(again.dna.values, names, strict=True):
        assert "".join("ACGT"[code] for code in codes) == name
    np.testing.assert_allclose(again.weight.sum("offset"), t.contribution, rtol=1e-4, atol=1e-5)


def test_top_kmers__leave_unknown_letters_out():
    x = ga.from_sequences(["ACGNACG"])
    t = ga.top_kmers(xr.ones_like(x.dna, dtype="float32").drop_attrs(), x.dna, 3, least=1)
    assert dict(zip(t.kmer.values, t.occurrences.values, strict=True)) == {"ACG": 2}
    assert ga.top_kmers(x.dna.drop_attrs() * 1.0, x.dna, 3, least=9).sizes["kmer"] == 0


@pytest.mark.parametrize(("told", "match"), [({"k": 16}, "k=16"), ({"by": "max"}, "mean or total")])
def test_top_kmers__refuse_what_is_not_possible(data, told, match):
    _, x, a = data
    with pytest.raises(ga.GenomeError, match=match):
        ga.top_kmers(a, x.dna, **told)
    protein = ga.from_sequences(["MAFSAED"], alphabet="protein")
    a = xr.ones_like(protein.protein, dtype="float32").drop_attrs()
    with pytest.raises(ga.GenomeError, match="canonical=False"):
        ga.top_kmers(a, protein.protein, 2)
    assert ga.top_kmers(a, protein.protein, 2, canonical=False, least=1).sizes["kmer"] == 6


# ---- motifs


def test_align_seqlets__find_the_planted_motif_on_both_strands(data):
    _, x, a = data
    s = ga.find_seqlets(a, x.dna, width=11, flank=6, per_window=1)
    m = ga.align_seqlets(s)
    text = m.consensus.values[0]
    assert MOTIF in text or TURNED in text
    assert int(m.sites[0]) == 60
    np.testing.assert_allclose(m.probability.sum("channel"), 1, rtol=1e-5)
    core = text.find(TURNED if TURNED in text else MOTIF)
    np.testing.assert_allclose(m.probability[0, core : core + 7].max("channel"), 1)
    np.testing.assert_allclose(m.contribution[0, core : core + 7].sum("channel"), 1.1, atol=0.02)
    texts = []
    for codes, begin, turned in zip(s.dna.values, m.begin.values, m.turned.values, strict=True):
        sequence = "".join("ACGT"[code] if code < 4 else "N" for code in codes)
        if turned:
            sequence = sequence.translate(str.maketrans("ACGT", "TGCA"))[::-1]
        texts.append(sequence[begin + 6 : begin + 17][core : core + 7])
    assert set(texts) == {text[core : core + 7]}
    forward = ga.align_seqlets(s, both_strands=False, motifs=2, least=5)
    assert sorted(forward.sites.values.tolist()) == [30, 30]
    assert {0, 1} == set(forward.number.values.tolist())


def test_align_seqlets__refuse_what_are_none(data):
    _, x, a = data
    with pytest.raises(ga.GenomeError, match="these are no seqlets"):
        ga.align_seqlets(x)
    with pytest.raises(ga.GenomeError, match="width=99"):
        ga.align_seqlets(ga.find_seqlets(a, x.dna), width=99)


def table(matrices):
    longest = max(map(len, matrices))
    values = np.full((len(matrices), longest, 4), np.nan)
    for row, matrix in zip(values, matrices, strict=True):
        row[: len(matrix)] = matrix
    coords = {"motif": [f"m{n}" for n in range(len(matrices))], "channel": list("ACGT")}
    return xr.Dataset({"probability": (("motif", "offset", "channel"), values)}, coords)


def similarity(a, b, metric):
    if metric == "euclidean":
        return -np.sqrt(((a - b) ** 2).sum())
    return np.corrcoef(a, b)[0, 1] if a.std() > 1e-9 and b.std() > 1e-9 else 0.0


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(["pearson", "euclidean"]), st.integers(1, 3))
def test_compare_motifs__equals_listing_every_null(seed, metric, overlap):
    rng = np.random.default_rng(seed)
    known = [rng.dirichlet([0.5] * 4, rng.integers(1, 4)) for _ in range(3)]
    query = rng.dirichlet([0.5] * 4, rng.integers(1, 4))
    strands = [known, [m[::-1, ::-1] for m in known]]
    columns = np.concatenate([m for strand in strands for m in strand])
    raw = np.array([[similarity(q, c, metric) for c in columns] for q in query])
    low, unit = raw.min(), (raw.max() - raw.min()) / 100 or 1.0
    levels = np.rint((raw - low) / unit).astype(int)
    r = ga.compare_motifs(table([query]), table(known), metric=metric, overlap=overlap)
    for n, lone in enumerate(known):
        best, places = 2.0, 0
        for strand in strands:
            motif = strand[n]
            for start in range(1 - len(motif), len(query)):
                shared = [i for i in range(len(query)) if 0 <= i - start < len(motif)]
                if len(shared) < min(overlap, len(query), len(lone)):
                    continue
                places += 1
                real = sum(
                    int(np.rint((similarity(query[i], motif[i - start], metric) - low) / unit))
                    for i in shared
                )
                nulls = [sum(some) for some in product(*(levels[i] for i in shared))]
                best = min(best, np.mean(np.array(nulls) >= real))
        expected = 1 - (1 - min(best, 1 - 1e-16)) ** places
        np.testing.assert_allclose(float(r.p_value[0, n]), expected, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(r.e_value, 3 * r.p_value)


def test_compare_motifs__find_a_part_of_a_motif_on_the_other_strand():
    rng = np.random.default_rng(0)
    known = [rng.dirichlet([0.2] * 4, rng.integers(9, 14)) for _ in range(80)]
    part = known[17][2:][::-1, ::-1]
    query = np.concatenate([np.full((2, 4), 0.25), part])
    r = ga.compare_motifs(table([known[5], query]), table(known))
    assert r["motif_rank"].sel(query="m0", motif="m5") == 1
    assert r["motif_rank"].sel(query="m1", motif="m17") == 1
    one = r.sel(query="m1", motif="m17")
    assert one.orientation.values == "-"
    assert int(one.start) == 2
    assert int(one.columns) == len(part)
    np.testing.assert_allclose(one.correlation, 1, rtol=1e-6)
    assert float(one.p_value) < 1e-3
    assert sorted(r["motif_rank"].values[0].tolist()) == list(range(1, 81))
    forward = ga.compare_motifs(table([query]), table(known), both_strands=False)
    assert (forward.orientation == "+").all()
    assert float(forward.p_value.sel(motif="m17")[0]) > float(one.p_value)


def test_compare_motifs__of_random_motifs_has_uniform_p_values():
    rng = np.random.default_rng(1)
    known = table([rng.dirichlet([0.3] * 4, 8) for _ in range(150)])
    queries = table([rng.dirichlet([0.3] * 4, 7) for _ in range(12)])
    p = ga.compare_motifs(queries, known).p_value.values.ravel()
    # the places of a motif overlap, so that the correction for their number is a little too much
    for level in (0.01, 0.05, 0.2):
        assert 0.3 * level < np.mean(p <= level) < 1.3 * level


@pytest.mark.parametrize(
    ("query", "told", "match"),
    [
        (xr.DataArray(np.ones((2, 4)) / 4, dims=("a", "b")), {}, "has the dims"),
        (table([np.ones((2, 4))]), {}, "do not sum to 1"),
        (xr.DataArray(np.ones((2, 4)) / 4, dims=("offset", "channel")), {}, "without labels"),
        (xr.Dataset(), {}, "no Dataset of motifs"),
        (table([np.ones((2, 4)) / 4]).assign_coords(channel=list("ABCD")), {}, "letters differ"),
        (table([np.ones((2, 4)) / 4]), {"metric": "tomtom"}, "pearson or euclidean"),
    ],
)  # fmt: skip
def test_compare_motifs__refuse_what_are_none(query, told, match):
    with pytest.raises(ga.GenomeError, match=match):
        ga.compare_motifs(query, table([np.ones((2, 4)) / 4]), **told)


def test_find_seqlets__takes_attributions_from_a_file(data, tmp_path):
    _, x, a = data
    texts = {
        n: v.astype(np.dtypes.StringDType()) for n, v in a.coords.items() if v.dtype.kind == "U"
    }
    a.assign_coords(texts).to_dataset(name="a").to_zarr(tmp_path / "a.zarr", consolidated=False)
    stored = xr.open_zarr(tmp_path / "a.zarr", consolidated=False).a
    s, t = (ga.find_seqlets(one, x.dna) for one in (a, stored))
    np.testing.assert_array_equal(s.start, t.start)
    np.testing.assert_allclose(s.score, t.score, rtol=1e-5)
    with pytest.raises(ga.GenomeError, match="windows without contig"):
        ga.find_seqlets(stored.drop_vars("contig"), x.dna)
