import gzip

import keras
import numpy as np
import pysam
import pytest
import xarray as xr
from keras import layers

import genoarrays as ga
from genoarrays.models.signature import Signature

TOY = ga.Assembly("toy", {"chr1": 140, "tiny": 9, "chr2": 160})
WIDTH = 20
FLANK = {"dna": (3, 5), "wide": 8, "cuts": 2}
LETTERS = "ACGT"
COMPLEMENT = str.maketrans("ACGTN", "TGCAN")


def letters(seed=0):
    """Contigs as strings, with some N."""
    rng = np.random.default_rng(seed)
    return {
        name: "".join(rng.choice(list("ACGT" * 12 + "N"), length))
        for name, length in zip(TOY.names, TOY.lengths.tolist(), strict=True)
    }


GENOME = letters()


def axis_dataset():
    bases = "".join(GENOME.values())
    codes = np.array(["ACGTN".index(b) for b in bases], "int8")
    rng = np.random.default_rng(1)
    return xr.Dataset(
        {
            "dna": ("position", codes, {"alphabet": LETTERS}),
            "wide": ("position", codes, {"alphabet": LETTERS}),
            "cuts": (("position", "strand"), rng.integers(0, 5, (len(codes), 2)).astype("float32")),
        },
        ga.genome_coords(TOY),
    ).assign_coords(strand=["+", "-"])


DS = axis_dataset()


def examples(regions):
    return ga.windows(DS, regions, WIDTH, flank=FLANK)


def network(order, seed=0):
    """Of two sequences with flanks of their own, and cuts; gives outputs of all kinds."""
    keras.utils.set_random_seed(seed)
    dna = keras.Input((WIDTH + 8,), dtype="int8", name="dna")
    wide = keras.Input((WIDTH + 16,), dtype="int8", name="wide")
    cuts = keras.Input((WIDTH + 4, 2), name="cuts")
    hidden = [
        layers.Conv1D(5, 3, padding="same", activation="tanh")(ga.models.OneHot(order=order)(one))
        for one in (dna, wide)
    ]
    flat = layers.Concatenate()([layers.Flatten()(h) for h in hidden] + [layers.Flatten()(cuts)])
    outputs = {
        "open": layers.Dense(1, "sigmoid", name="open")(flat),
        "bound": layers.Dense(3, name="bound")(flat),
        "profile": layers.Reshape((WIDTH, 2), name="profile")(
            layers.Dense(2 * WIDTH, "softplus")(flat)
        ),
    }
    model = keras.Model([dna, wide, cuts], list(outputs.values()))
    x = examples(["chr1:20-40", "chr1:40-60"])
    rows = x.sizes["window"]
    x = x.assign(
        open=("window", np.zeros(rows, "float32")),
        bound=(("window", "track"), np.zeros((rows, 3), "float32")),
        profile=(("window", "offset", "strand"), np.zeros((rows, WIDTH, 2), "float32")),
    ).assign_coords(track=["reb1", "rap1", "abf1"], offset=np.arange(WIDTH))
    model.signature = Signature.of(x, ["dna", "wide", "cuts"], list(outputs))
    return model


@pytest.fixture(scope="module", params=[1, 2, 3])
def model(request):
    return network(request.param)


@pytest.fixture(scope="module")
def first_order():
    return network(1)


def random_variants(seed=0, count=60):
    """(contig, start, ref, alts) of all kinds, also at the ends, REF as the genome has it."""
    rng = np.random.default_rng(seed)
    found = []
    for contig, sequence in GENOME.items():
        if contig == "tiny":
            continue
        size = len(sequence)
        starts = [0, 1, 2, size - 1, size - 2, *rng.integers(0, size, count).tolist()]
        for start in sorted(starts):
            ref = sequence[start : start + int(rng.choice([1, 1, 1, 2, 4, 7, 15]))]
            if "N" in ref:
                continue
            alts = set()
            while len(alts) < 1 + (start % 5 == 0):
                length = int(rng.choice([1, len(ref), 3, 9]))
                alts.add("".join(rng.choice(list(LETTERS), length)))
            if ref not in alts:
                found.append((contig, start, ref, sorted(alts)))
    return found


def write_vcf(path, variants, contigs=TOY):
    lines = ["##fileformat=VCFv4.2", '##FILTER=<ID=low,Description="x">']
    lines += [f"##contig=<ID={c},length={n}>" for c, n in
              zip(contigs.names, contigs.lengths.tolist(), strict=True)]  # fmt: skip
    lines.append("#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO")
    for number, (contig, start, ref, alts) in enumerate(variants):
        kind = ["PASS", ".", "low"][number % 3]
        lines.append(f"{contig}\t{start + 1}\trs{number}\t{ref}\t{','.join(alts)}\t.\t{kind}\t.")
    path.write_text("\n".join(lines) + "\n")
    return path


def cut_by_hand(sequence, low, high):
    return "".join(sequence[i] if 0 <= i < len(sequence) else "N" for i in range(low, high))


def inputs_by_hand(contig, start, ref, alt, minus, width=WIDTH):
    """Codes of both sequences: the FASTA itself is changed, as text."""
    sequence = GENOME[contig]
    changed = sequence[:start] + alt + sequence[start + len(ref) :]
    begin = start - (width - 1) // 2
    found = {}
    for name in ("dna", "wide"):
        up, down = FLANK[name] if isinstance(FLANK[name], tuple) else (FLANK[name],) * 2
        left, right = (down, up) if minus else (up, down)
        low, high = begin - left, begin + width + right
        pair = []
        for text in (sequence, changed):
            window = cut_by_hand(text, low, high)
            if minus:
                window = window.translate(COMPLEMENT)[::-1]
            pair.append(["ACGTN".index(base) for base in window])
        found[name] = np.array(pair, "int8")
    cuts, cut = np.zeros((width + 4, 2), "float32"), DS.cuts.sel(contig=contig).values
    for row, place in enumerate(range(begin - 2, begin + width + 2)):
        if 0 <= place < len(sequence):
            cuts[row] = cut[place]
    found["cuts"] = np.stack([cuts[::-1, ::-1] if minus else cuts] * 2)
    return found


def by_hand(model, rows, minus=None):
    """Predictions of both alleles, by output: (variant, allele, ...)."""
    minus = [False] * len(rows) if minus is None else minus
    some = [inputs_by_hand(*row, back) for row, back in zip(rows, minus, strict=True)]
    given = [np.concatenate([one[name] for one in some]) for name in ("dna", "wide", "cuts")]
    out = model.predict(given, verbose=0)
    return {
        name: np.reshape(y, (len(rows), 2, *y.shape[1:]))
        for name, y in zip(model.output_names, out, strict=True)
    }


def split(variants):
    return [(contig, start, ref, alt) for contig, start, ref, alts in variants for alt in alts
            if alt != ref]  # fmt: skip


def no_nan_fill(regions):
    return ga.windows(DS, regions, WIDTH, flank=FLANK, fill={"cuts": 0})


def test_variant_effects__equal_a_changed_fasta_cut_by_hand(model, tmp_path):
    variants = random_variants()
    path = write_vcf(tmp_path / "toy.vcf", variants)
    rows = split(variants)
    kinds = {np.sign(len(alt) - len(ref)) for _, _, ref, alt in rows}
    assert kinds == {-1, 0, 1}
    assert any(len(r) == len(a) > 1 for _, _, r, a in rows)
    e = ga.variant_effects(model, path, no_nan_fill, like=DS, batch_size=16)
    found = zip(e.contig.values, e.start.values, e.ref.values, e.alt.values, strict=True)
    assert [(str(c), int(s), str(r), str(a)) for c, s, r, a in found] == rows
    known = by_hand(model, rows)
    for name in ("open", "bound", "profile"):
        ref, alt = known[name][:, 0].squeeze(-1) if name == "open" else known[name][:, 0], None
        alt = known[name][:, 1].squeeze(-1) if name == "open" else known[name][:, 1]
        np.testing.assert_allclose(e[f"ref_score_{name}"], ref, atol=2e-6)
        np.testing.assert_allclose(e[f"alt_score_{name}"], alt, atol=2e-6)
        np.testing.assert_allclose(e[f"difference_{name}"], alt - ref, atol=4e-6)
    assert e.difference_bound.dims == ("variant", "track")
    assert e.track.values.tolist() == ["reb1", "rap1", "abf1"]
    assert (e.window_start == e.start - 9).all()
    assert set(e.orientation.values) == {"+"}
    assert e.attrs["variants"]["scored"] == len(rows)
    assert all(v.dtype == "float32" for v in e.data_vars.values())


def test_variant_effects__of_many_batches_and_in_any_order_are_the_same(first_order, monkeypatch):
    rows = split(random_variants(3))
    whole = score(first_order, rows)
    monkeypatch.setattr("genoarrays.inference.variants.scores._ROWS", 8)
    order = np.random.default_rng(0).permutation(len(rows))
    some = score(first_order, [rows[n] for n in order])
    for name in whole.data_vars:
        np.testing.assert_allclose(some[name], whole[name][order], atol=2e-6)


def table(rows, **more):
    contig, start, ref, alt = zip(*rows, strict=True)
    text = np.dtypes.StringDType()
    columns = {"contig": np.array(contig, text), "start": np.array(start), **more}
    columns |= {"ref": np.array(ref, text), "alt": np.array(alt, text)}
    names = [f"{c}:{s}:{r}>{a}" for c, s, r, a in rows]
    return xr.Dataset({n: ("variant", v) for n, v in columns.items()}, {"variant": names})


def score(model, rows, **options):
    options = {"like": DS, "batch_size": 16, "examples": no_nan_fill, **options}
    variants = table(rows) if isinstance(rows, list) else rows
    return ga.variant_effects(model, variants, **options)


def test_scores__are_those_of_the_formulas(first_order):
    rows = split(random_variants(1, 10))
    e = score(first_order, rows, pseudocount=0.5)
    p, q = (e[f"{which}_score_open"].values.astype(float) for which in ("ref", "alt"))
    logit = lambda x: np.log(x / (1 - x))  # noqa: E731
    np.testing.assert_allclose(e.log_odds_open, logit(q) - logit(p), atol=1e-5)
    assert "log2_ratio_open" not in e
    assert "log_odds_bound" not in e
    ref, alt = (e[f"{which}_score_bound"].values.astype(float) for which in ("ref", "alt"))
    with np.errstate(invalid="ignore"):
        due = np.where((ref > -0.5) & (alt > -0.5), np.log2((alt + 0.5) / (ref + 0.5)), np.nan)
    np.testing.assert_allclose(e.log2_ratio_bound, due, atol=1e-5)
    assert np.isnan(due).any()
    assert np.isfinite(due).any()
    ref, alt = (e[f"{which}_score_profile"].values.astype(float) for which in ("ref", "alt"))
    np.testing.assert_allclose(e.sum_difference_profile, (alt - ref).sum(1), atol=1e-5)
    np.testing.assert_allclose(e.l2_profile, np.linalg.norm(alt - ref, axis=1), atol=1e-5)
    distance = pytest.importorskip("scipy.spatial.distance")
    np.testing.assert_allclose(e.jsd_profile, distance.jensenshannon(ref, alt, axis=1), atol=1e-5)
    assert e.jsd_profile.dims == ("variant", "strand")
    assert e.attrs["pseudocount"] == 0.5
    assert "c = 0.5" in e.log2_ratio_bound.attrs["long_name"]


def test_log_odds__are_clipped():
    from genoarrays.inference.variants.effects import Effects
    from genoarrays.models.signature import VariableSignature

    one = Effects("y", "", VariableSignature((), (), "float32"), {}, ("log_odds",), True, 1.0)
    found = one(np.float32([0, 0.5]), np.float32([1, 0.5]))["log_odds"]
    np.testing.assert_allclose(found, [2 * np.log((1 - 1e-7) / 1e-7), 0], rtol=1e-6)


@pytest.mark.parametrize(
    ("last", "probable"),
    [
        (layers.Dense(2, "sigmoid"), True),
        (layers.Dense(2, "softmax"), True),
        (layers.Softmax(), True),
        (layers.Activation("sigmoid"), True),
        (keras.ops.sigmoid, True),
        (lambda y: layers.Reshape((2, 1))(keras.ops.sigmoid(y)), True),
        (layers.Dense(2), False),
        (layers.Dense(2, "softplus"), False),
        (lambda y: layers.Reshape((2, 1))(y), False),
    ],
)
def test_probabilities__come_from_a_sigmoid_or_softmax(last, probable):
    from genoarrays.inference.variants.effects import gives_probabilities

    entry = keras.Input((2,))
    model = keras.Model(entry, last(layers.Dense(2)(entry)))
    assert gives_probabilities(model, 0) is probable


# ---- strands


def test_variant_effects__on_a_minus_feature_are_of_the_reverse_complement(model):
    rows = split(random_variants(5))
    features = ga.read_regions(
        ["chr1:0-150:+", "chr2:110-130:-", "chr1:30-60:-", "chr1:40-50:+", "chr2:0-9:."], like=None
    ).isel(region=[1, 2, 3, 4])
    e = score(model, rows, annotation=features)

    def minus(contig, start):
        if contig == "chr2":
            return 110 <= start < 130
        return 30 <= start < 60 and not 40 <= start < 50  # the shorter feature is the own one

    back = [minus(contig, start) for contig, start, _, _ in rows]
    assert 5 < sum(back) < len(rows) - 5
    assert (e.orientation.values == "-").tolist() == back
    known = by_hand(model, rows, back)
    np.testing.assert_allclose(e.alt_score_bound, known["bound"][:, 1], atol=2e-6)
    np.testing.assert_allclose(e.ref_score_profile, known["profile"][:, 0], atol=2e-6)
    of = dict(zip(rows, e.feature.values, strict=True))
    assert {f for (c, s, *_), f in of.items() if c == "chr2" and 110 <= s < 130} == {
        "chr2:110-130:-"
    }
    assert {f for (c, s, *_), f in of.items() if c == "chr2" and s < 9} == {""}


def test_case_115__a_variant_in_a_minus_feature_is_seen_as_the_reverse_complement():
    """Annotation chr2:110-130 '-': that variant's pair is the reverse complement."""
    seen = []

    class Echo(keras.layers.Layer):
        def call(self, codes):
            return keras.ops.cast(codes, "float32")

    entry = keras.Input((WIDTH,), dtype="int8", name="dna")
    model = keras.Model(entry, layers.Reshape((WIDTH, 1))(Echo()(entry)))
    start = next(s for s in range(115, 125) if GENOME["chr2"][s] != "N")
    ref = GENOME["chr2"][start]
    alt = "ACGT".replace(ref, "")[0]

    def examples(regions):
        return ga.windows(DS[["dna"]], regions, WIDTH)

    for annotation in (None, ["chr2:110-130:-"]):
        e = ga.variant_effects(
            model, table([("chr2", start, ref, alt)]), examples, like=DS, width=WIDTH,
            annotation=annotation,
        )  # fmt: skip
        seen.append([e[f"{which}_score"].values[0, :, 0] for which in ("ref", "alt")])
    (ref_plus, alt_plus), (ref_minus, alt_minus) = seen
    turn = lambda codes: np.where(codes < 4, 3 - codes, 4)[::-1]  # noqa: E731
    np.testing.assert_array_equal(ref_minus, turn(ref_plus))
    np.testing.assert_array_equal(alt_minus, turn(alt_plus))
    assert np.flatnonzero(ref_plus != alt_plus).tolist() == [(WIDTH - 1) // 2]
    assert "ACGT"[int(alt_plus[9])] == alt


def test_annotation__without_strands_or_of_another_genome_is_refused(first_order):
    rows = split(random_variants(1, 3))
    with pytest.raises(ga.GenomeError, match="none of the 1 features of annotation= has a strand"):
        score(first_order, rows, annotation=["chr1:0-100"])
    other = ga.read_regions(["chr1:0-100:+"], like=ga.Assembly("other", {"chr1": 500}))
    with pytest.raises(ga.AssemblyError, match="cannot match variants of"):
        score(first_order, rows, annotation=other)


def test_both_strands__average_each_allele(first_order):
    rows = split(random_variants(2, 10))
    e = score(first_order, rows, both_strands="mean")
    forward = by_hand(first_order, rows)
    # flanks of the other strand are real bases only where both sides are equally long
    x = {}
    for which in (0, 1):
        pair = [inputs_by_hand(*row, False) for row in rows]
        given = {n: np.stack([p[n][which] for p in pair]) for n in ("dna", "wide", "cuts")}
        turned = [np.where(given[n] < 4, 3 - given[n], 4)[:, ::-1].astype("int8")
                  for n in ("dna", "wide")]  # fmt: skip
        turned.append(given["cuts"][:, ::-1, ::-1])
        x[which] = first_order.predict(turned, verbose=0)
    for which, name in ((0, "ref_score"), (1, "alt_score")):
        np.testing.assert_allclose(
            e[f"{name}_open"], (forward["open"][:, which] + x[which][0])[:, 0] / 2, atol=2e-6
        )
        back = x[which][2][:, ::-1, ::-1]
        np.testing.assert_allclose(
            e[f"{name}_profile"], (forward["profile"][:, which] + back) / 2, atol=2e-6
        )


# ---- what is asked for


def test_outputs_tracks_and_scores__are_a_subset(first_order):
    rows = split(random_variants(1, 5))
    whole = score(first_order, rows)
    e = score(first_order, rows, targets="bound", tracks=["abf1", "reb1"], scores="difference")
    assert list(e.data_vars) == ["difference"]
    assert e.track.values.tolist() == ["abf1", "reb1"]
    np.testing.assert_array_equal(e.difference, whole.difference_bound.sel(track=["abf1", "reb1"]))
    few = score(first_order, rows, scores=["jsd", "difference"])
    assert set(few) == {"difference_open", "difference_bound", "difference_profile", "jsd_profile"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"targets": "reb1"}, "the model has no output 'reb1'; it has 'open', 'bound', 'profile'"),
        ({"tracks": "gal4"}, "has no track 'gal4'; it has reb1, rap1, abf1"),
        ({"targets": "open", "tracks": "reb1"}, "none of the outputs has a dimension `track`"),
        ({"scores": "delta"}, "scores= names 'delta'"),
        ({"mismatch": "drop"}, "mismatch='drop' is not known; say skip, flag, raise"),
        ({"width": 30}, "width=30 bp, and the model was trained on windows of 20 bp"),
        ({"both_strands": True}, "both_strands=True is not known"),
        ({"batch_size": 1}, "give at least 2"),
        ({"pseudocount": -1}, "give 0 or more"),
        ({"like": TOY}, "like= holds no DNA at 1 bp"),
        ({"examples": lambda r: examples(r).drop_vars("cuts")}, "have no variable 'cuts'"),
        ({"examples": lambda r: examples(r)[["dna"]], "check": False}, "gives no variable 'wide'"),
        ({"examples": lambda r: ga.windows(DS, r, WIDTH, flank=1)}, "as in training"),
        ({"examples": lambda r: examples(ga.shift(r, 1))}, r"gave the window chr1:\d+-\d+:\+ for"),
    ],
)
def test_mistakes__are_told_by_name(first_order, options, words):
    rows = [("chr1", 60, GENOME["chr1"][60], "A" if GENOME["chr1"][60] != "A" else "C")]
    with pytest.raises(ga.GenomeError, match=words):
        score(first_order, rows, **options)


def test_windows_of_another_shape__are_refused_without_a_signature_too():
    entry = keras.Input((30,), dtype="int8", name="dna")
    model = keras.Model(entry, layers.Dense(1)(layers.Flatten()(ga.models.OneHot()(entry))))
    row = ("chr1", 60, GENOME["chr1"][60], "ACC")
    with pytest.raises(ga.RegionError, match=r"has the shape \(20,\).*takes \(30,\)"):
        score(model, [row], width=20, examples=lambda r: ga.windows(DS[["dna"]], r, 20))
    with pytest.raises(ga.RegionError, match="how wide are the windows"):
        score(model, [row], examples=lambda r: ga.windows(DS[["dna"]], r, 30))
    with pytest.raises(ga.GenomeError, match="has no signature to make windows from"):
        ga.variant_effects(model, table([row]), like=DS, width=30)
    entry = keras.Input((20, 2), name="cuts")
    model = keras.Model(entry, layers.Dense(1)(layers.Flatten()(entry)))
    with pytest.raises(ga.GenomeError, match="none of the inputs cuts is a sequence"):
        score(model, [row], width=20, examples=lambda r: ga.windows(DS[["cuts"]], r, 20))


def test_one_hot_inputs__are_refused():
    entry = keras.Input((WIDTH, 4), name="hot")
    model = keras.Model(entry, layers.Dense(1)(layers.Flatten()(entry)))

    def examples(regions):
        return xr.Dataset({"hot": ga.one_hot(ga.windows(DS[["dna"]], regions, WIDTH).dna)})

    with pytest.raises(ga.GenomeError, match="input 'hot' is one-hot already"):
        score(model, [("chr1", 60, GENOME["chr1"][60], "AC")], examples=examples, width=WIDTH)


def test_nan__in_inputs_and_predictions_names_the_place(first_order):
    near_the_end = [("chr1", 1, GENOME["chr1"][1], "ACCCA")]
    with pytest.raises(ga.GenomeError, match=r"NaN in 'cuts'|'cuts'.*NaN"):
        score(first_order, near_the_end, examples=examples)  # floats are NaN off the contig
    entry = keras.Input((WIDTH,), dtype="int8", name="dna")
    hot = layers.Flatten()(ga.models.OneHot()(entry))
    broken = keras.Model(entry, layers.Dense(1, name="y")(hot))
    broken.set_weights([np.full_like(w, np.nan) for w in broken.get_weights()])
    with pytest.raises(ga.GenomeError, match="predicts NaN for 'y' around chr1:60"):
        score(broken, [("chr1", 60, GENOME["chr1"][60], "ACC")], width=WIDTH,
              examples=lambda r: ga.windows(DS[["dna"]], r, WIDTH))  # fmt: skip


# ---- what does not fit the genome


def test_mismatch__is_skipped_flagged_or_raised_and_counted(first_order, tmp_path):
    variants = random_variants(4)
    contig, start, ref, _ = next(v for v in variants if 30 < v[1] < 100)
    wrong = [(contig, start, ref.translate(str.maketrans("ACGT", "CGTA")), [ref])]
    place = variants.index(next(v for v in variants if v[:2] == (contig, start)))
    path = write_vcf(tmp_path / "w.vcf", variants[:place] + wrong + variants[place:])
    rows = split(variants)
    for given in (path, ga.read_variants(path, TOY)):
        skipped = score(first_order, given)
        assert skipped.attrs["variants"]["ref_mismatch"] == 1
        assert skipped.sizes["variant"] == skipped.attrs["variants"]["scored"] == len(rows)
        flagged = score(first_order, given, mismatch="flag")
        assert flagged.sizes["variant"] == len(rows) + 1
        row = int(np.flatnonzero(~flagged.ref_matches.values)[0])
        assert flagged.alt.values[row] == ref
        assert flagged.attrs["variants"]["ref_mismatch"] == 1
        # ALT is what the genome has there: nothing changes
        np.testing.assert_allclose(flagged.difference_bound[row], 0, atol=1e-6)
        with pytest.raises(ga.InputError, match=f"REF is {wrong[0][2]}, and the genome has {ref}"):
            score(first_order, given, mismatch="raise")


def test_variants__off_contigs_or_on_others_are_counted(first_order):
    rows = split(random_variants(6, 20))
    odd = [
        ("chr1", 139, GENOME["chr1"][139] + "A", "C"), ("chrX", 5, "A", "C"),
        ("tiny", 3, "A", "C"), ("tiny", 4, GENOME["tiny"][4], "ACGTAC"), ("chr1", 50, "A", "<DEL>"),
        ("chr1", -1, "A", "C"),
    ]  # fmt: skip
    e = score(first_order, rows + odd)
    counts = e.attrs["variants"]
    assert counts["variants"] == len(rows) + 6
    assert counts["scored"] == len(rows)
    assert counts["out_of_bounds"] == 2
    assert counts["contig_dropped"] == 1
    assert counts["symbolic"] == 1
    assert counts["contig_too_short"] + counts.get("ref_mismatch", 0) == 2
    np.testing.assert_allclose(e.difference_open, score(first_order, rows).difference_open)


def test_another_assembly__is_an_error(first_order, tmp_path):
    rows = random_variants(4, 20)
    longer = ga.Assembly("toy2", {"chr1": 141, "chr2": 160})
    with pytest.raises(ga.AssemblyError, match=r"chr1.*141"):
        score(first_order, write_vcf(tmp_path / "a.vcf", rows, longer))
    other = ga.Assembly("toy3", {"1": 140, "2": 160})
    named = [(v[0].removeprefix("chr"), *v[1:]) for v in rows]
    path = write_vcf(tmp_path / "b.vcf", named, other)
    with pytest.raises(ga.ContigError, match="rename"):
        score(first_order, path)
    e = score(first_order, path, rename_contigs={"1": "chr1", "2": "chr2"})
    assert e.sizes["variant"] == len(split(rows))
    with pytest.raises(ga.ContigError, match="rename"):
        score(first_order, ga.read_variants(path).drop_vars("assembly"))
    shifted = [(c, s + 1, r, a) for c, s, r, a in rows if s < 120 and len(r) > 1]
    with pytest.raises(ga.AssemblyError, match="do not fit this genome"):
        score(first_order, write_vcf(tmp_path / "c.vcf", shifted))
    with pytest.raises(ga.AssemblyError, match="different assemblies"):
        score(first_order, ga.read_variants(path, other))


def test_examples__of_another_genome_than_like_are_an_error(first_order):
    row = next(v for v in split(random_variants(7)) if v[0] == "chr1" and 40 < v[1] < 90)
    other = DS.assign(wide=DS.wide.copy(data=(DS.wide.values + 1) % 4))
    with pytest.raises(ga.GenomeError, match="input 'wide' of the model has something else"):
        score(first_order, [row], examples=lambda r: ga.windows(other, r, WIDTH, flank=FLANK))


def test_no_variants__give_an_empty_result(first_order, tmp_path):
    e = score(first_order, write_vcf(tmp_path / "none.vcf", []))
    assert e.sizes["variant"] == 0
    assert e.difference_bound.dims == ("variant", "track")
    assert e.attrs["variants"]["scored"] == 0
    stored = score(first_order, write_vcf(tmp_path / "n.vcf", []), out=tmp_path / "none.zarr")
    assert stored.sizes["variant"] == 0


# ---- where windows come from


def test_signature__makes_the_windows_where_there_are_no_examples(first_order):
    rows = [row for row in split(random_variants(8)) if 20 < row[1] < 110]
    given = score(first_order, rows)
    tree = xr.DataTree.from_dict({"/1bp": DS})
    for like in (DS, tree):
        e = ga.variant_effects(first_order, table(rows), like=like, batch_size=16)
        np.testing.assert_allclose(e.alt_score_bound, given.alt_score_bound, atol=2e-6)


def test_windows__on_a_grid_keep_the_variant_where_it_is():
    """Deletions reach into the next window, which lies on the grid too."""
    coarse = ga.coarsen(DS[["cuts"]], 10, "sum")
    tree = xr.DataTree.from_dict({"/1bp": DS[["dna"]], "/10bp": coarse})
    dna, cuts = keras.Input((WIDTH,), dtype="int8", name="dna"), keras.Input((2, 2), name="cuts")
    seen = layers.Flatten()(ga.models.OneHot()(dna))
    both = layers.Concatenate()([seen, layers.Flatten()(cuts)])
    model = keras.Model([dna, cuts], layers.Dense(2, name="y")(both))
    rows = [row for row in split(random_variants(9)) if 30 < row[1] < 100]
    assert any(len(ref) > len(alt) for _, _, ref, alt in rows)
    x = ga.windows(tree, ["chr1:20-40", "chr1:40-60"], WIDTH)
    x["y"] = ("window", "track"), np.zeros((2, 2), "float32")
    model.signature = Signature.of(x, ["dna", "cuts"], "y")
    e = ga.variant_effects(model, table(rows), like=tree)
    pairs, signals = [], []
    for contig, start, ref, alt in rows:
        begin = (start - 9 + 5) // 10 * 10
        changed = GENOME[contig][:start] + alt + GENOME[contig][start + len(ref) :]
        for text in (GENOME[contig], changed):
            pairs.append(["ACGTN".index(b) for b in cut_by_hand(text, begin, begin + WIDTH)])
            signals.append(coarse.cuts.sel(contig=contig).values[begin // 10 : begin // 10 + 2])
    due = model.predict([np.int8(pairs), np.stack(signals)], verbose=0)
    np.testing.assert_allclose(e.ref_score, due[::2], atol=1e-5)
    np.testing.assert_allclose(e.alt_score, due[1::2], atol=1e-5)
    assert e.attrs["snap"] == 10
    assert (e.window_start == (e.start - 4) // 10 * 10).all()

    def snapping(regions):
        return ga.windows(tree, regions, WIDTH, snap="down")

    known = score(model, rows, examples=snapping, snap=10)
    np.testing.assert_allclose(known.alt_score, e.alt_score, atol=1e-6)
    with pytest.raises(ga.RegionError, match="give their size as snap="):
        score(model, rows, examples=snapping)
    with pytest.raises(ga.GenomeError, match="snap='down' is not possible"):
        score(model, rows, snap="down")
    long = [("chr1", 50, GENOME["chr1"][50:75], "A")]
    if "N" not in long[0][2]:
        with pytest.raises(ga.GenomeError, match="deletes more than a window of 20 bp"):
            score(model, long, examples=snapping, snap=10)


def test_region_only_genomes__leave_out_what_they_do_not_hold(first_order):
    part = DS.sel(position=["chr1:30-110", "chr2:0-80"])
    rows = [row for row in split(random_variants(10)) if row[0] == "chr1" or row[1] < 60]
    kept = [row for row in rows if (row[0] == "chr2" or 39 <= row[1] <= 99)]
    e = score(first_order, rows, like=part)
    assert e.sizes["variant"] == len(kept)
    off = len(rows) - len(kept)
    assert e.attrs["variants"] == {"variants": len(rows), "scored": len(kept), "off_axis": off}
    np.testing.assert_allclose(e.difference_open, score(first_order, kept).difference_open)


# ---- stores


def test_out__is_the_same_in_a_store_that_appears_whole(first_order, tmp_path, monkeypatch):
    rows = split(random_variants(11))
    rows = [rows[n] for n in np.random.default_rng(1).permutation(len(rows))]
    whole = score(first_order, rows)
    monkeypatch.setattr("genoarrays.inference.variants.scores._ROWS", 16)
    monkeypatch.setattr("genoarrays.inference.variants.kept._ROWS", 24)
    path = tmp_path / "effects.zarr"
    e = score(first_order, rows, out=path)
    assert e.difference_bound.chunks is not None
    for opened in (e, xr.open_zarr(path, consolidated=False)):
        assert opened is not e or list(opened) == list(whole)
        for name in (*whole.data_vars, "start", "window_start"):
            np.testing.assert_allclose(opened[name], whole[name], atol=2e-6)
        for name in ("variant", "contig", "ref", "alt", "orientation"):
            assert opened[name].values.tolist() == whole[name].values.tolist()
        assert opened.attrs["variants"] == whole.attrs["variants"]
    with pytest.raises(ga.StoreError, match="exists already"):
        score(first_order, rows, out=path)
    score(first_order, rows[:3], out=path, overwrite=True)
    assert xr.open_zarr(path, consolidated=False).sizes["variant"] == 3
    with pytest.raises(ga.StoreError, match="is no zarr store"):
        score(first_order, rows, out=tmp_path, overwrite=True)
    with pytest.raises(ga.StoreError, match="there is no folder"):
        score(first_order, rows, out=tmp_path / "no" / "x.zarr")
    assert [p.name for p in tmp_path.iterdir()] == ["effects.zarr"]


def test_out__is_not_there_after_an_error(first_order, tmp_path, monkeypatch):
    rows = split(random_variants(11))
    monkeypatch.setattr("genoarrays.inference.variants.scores._ROWS", 16)
    calls = []

    def failing(regions):
        calls.append(1)
        if len(calls) > 3:
            raise ga.GenomeError("stop here")
        return no_nan_fill(regions)

    with pytest.raises(ga.GenomeError, match="stop here"):
        score(first_order, rows, examples=failing, out=tmp_path / "e.zarr")
    assert list(tmp_path.iterdir()) == []


def test_a_result_above_the_byte_limit__is_refused_with_the_cure(first_order):
    rows = split(random_variants(11))
    with (
        ga.set_options(byte_limit=10_000),
        pytest.raises(ga.GenomeError, match=r"these effects would take.*give out="),
    ):
        score(first_order, rows)


# ---- real variants


def test_rm11__ref_is_the_genome_for_all_nuclear_variants(shared_data, tmp_path):
    yeast = shared_data / "yeast_sacCer3"
    path = tmp_path / "genome.fa.gz"
    with (
        gzip.open(yeast / "sacCer3.R64-1-1.ensembl_names.fa.gz") as source,
        pysam.BGZFile(str(path), "wb") as file,
    ):
        file.write(source.read())
    dna = ga.open_fasta(path)
    keras.utils.set_random_seed(0)
    entry = keras.Input((WIDTH,), dtype="int8", name="dna")
    hot = layers.Flatten()(ga.models.OneHot()(entry))
    model = keras.Model(entry, layers.Dense(1, "sigmoid", name="bound")(hot))
    e = ga.variant_effects(
        model, yeast / "variants" / "RM11-1A.vcf.gz", lambda r: ga.windows(dna, r, WIDTH),
        like=dna, width=WIDTH, mismatch="flag", rename_contigs="match", batch_size=1024,
    )  # fmt: skip
    nuclear = e.isel(variant=(e.contig != "Mito").values)
    assert nuclear.sizes["variant"] >= 11_762
    assert bool(nuclear.ref_matches.all())
    assert np.isfinite(e.log_odds).all()
    assert (e.difference != 0).mean() > 0.99
