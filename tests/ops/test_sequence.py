from itertools import product

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import genoarrays as ga
from genoarrays.ops.sequence import ALPHABETS, kmer_codes, reverse_complement_codes

COMPLEMENT = str.maketrans("ACGTN", "TGCAN")


def brute_one_hot(text, order, letters="ACGT", unknown=0.0):
    kmers = ["".join(k) for k in product(letters, repeat=order)]
    seen = [text[i : i + order] for i in range(len(text) - order + 1)]
    return [[float(one == k) if one in kmers else unknown for k in kmers] for one in seen]


@given(
    st.sampled_from(["dna", "rna", "protein"]), st.integers(1, 3), st.sampled_from([0.0, 0.25]),
    st.data(),
)  # fmt: skip
def test_one_hot__equals_brute_force(alphabet, order, unknown, data):
    letters = ALPHABETS[alphabet]
    order = order if alphabet != "protein" else min(order, 2)
    text = data.draw(st.text(letters + "X", min_size=3, max_size=12))
    codes = np.array([letters.find(letter) for letter in text], dtype=np.int8)
    codes[codes < 0] = len(letters)
    array = xr.DataArray(codes, dims="offset")
    own = array.assign_attrs(alphabet=letters)
    for hot in (
        ga.one_hot(array, order, alphabet, unknown),
        ga.one_hot(own, order, unknown=unknown),
        ga.one_hot(own.chunk(offset=-1), order, unknown=unknown),
    ):
        assert hot.dtype == np.float32
        assert hot.values.tolist() == brute_one_hot(text, order, letters, unknown)
        assert hot.channel.values.tolist() == ["".join(k) for k in product(letters, repeat=order)]


@given(st.text("ACGTN", min_size=3, max_size=12), st.integers(1, 3))
def test_reverse_complement__of_codes_and_of_kmers(text, order):
    turned = text.translate(COMPLEMENT)[::-1]
    codes = ga.reverse_complement(ga.testing.dna(text))
    assert codes.values.tolist() == ga.testing.dna(turned).values.tolist()
    hot = ga.reverse_complement(ga.one_hot(ga.testing.dna(text), order=order))
    assert hot.values.tolist() == brute_one_hot(turned, order)
    assert ga.reverse_complement(hot).values.tolist() == brute_one_hot(text, order)


@pytest.mark.parametrize("letters", ["ACGT", "ACGU", "TGCA"])
@pytest.mark.parametrize("order", range(1, 9))
def test_reverse_complement_codes__pair_each_kmer_with_its_reverse_complement(order, letters):
    partner = str.maketrans("ACGTU", "UGCAA" if "U" in letters else "TGCAA")
    kmers = ["".join(k) for k in product(letters, repeat=order)]
    codes = reverse_complement_codes(order, letters)
    assert [kmers[c] for c in codes] == [k.translate(partner)[::-1] for k in kmers]
    assert codes[codes].tolist() == list(range(4**order))
    hot = xr.DataArray(
        np.arange(4.0**order), {"channel": np.array(kmers, np.dtypes.StringDType())}, ["channel"]
    )
    turned = ga.reverse_complement(hot)
    assert turned.values.astype(int).tolist() == codes.tolist()
    assert turned.channel.values.tolist() == kmers
    assert ga.reverse_complement(turned).values.tolist() == hot.values.tolist()


def test_one_hot__of_order_8_and_back():
    rng = np.random.default_rng(0)
    text = "".join(rng.choice(list("ACGTN"), 30, p=[0.24] * 4 + [0.04]))
    hot = ga.one_hot(ga.testing.dna(text).chunk(), order=8)
    assert hot.sizes == {"offset": 23, "channel": 4**8}
    names = hot.channel.values
    whole = ["" if not row.any() else names[row.argmax()] for row in hot.values]
    assert whole == ["" if "N" in k else k for k in (text[i : i + 8] for i in range(23))]
    assert (hot.sum("channel").values == [k != "" for k in whole]).all()
    turned = ga.one_hot(ga.testing.dna(text.translate(COMPLEMENT)[::-1]), order=8)
    np.testing.assert_array_equal(ga.reverse_complement(hot), turned)


@given(st.text("ACGUN", min_size=3, max_size=12), st.integers(1, 3))
def test_reverse_complement__of_rna(text, order):
    codes = np.array(["ACGUN".index(letter) for letter in text], dtype=np.int8)
    array = xr.DataArray(codes, dims="offset", attrs={"alphabet": "ACGU"})
    turned = text.translate(str.maketrans("ACGU", "UGCA"))[::-1]
    assert ga.reverse_complement(array).values.tolist() == ["ACGUN".index(c) for c in turned]
    hot = ga.one_hot(array, order)
    expected = brute_one_hot(turned, order, "ACGU")
    assert ga.reverse_complement(hot).values.tolist() == expected
    assert ga.reverse_complement(ga.reverse_complement(hot)).values.tolist() == hot.values.tolist()


def test_reverse_complement__of_proteins_does_not_exist():
    letters = ALPHABETS["protein"]
    codes = xr.DataArray(np.array([0, 1, 5], dtype=np.int8), dims="offset", name="protein")
    with pytest.raises(ga.GenomeError, match="'protein' has no other strand"):
        ga.reverse_complement(codes.assign_attrs(alphabet=letters))
    for order in (1, 2):
        hot = ga.one_hot(codes, order, "protein")
        with pytest.raises(ga.GenomeError, match="'D', a letter of its channels"):
            ga.reverse_complement(hot)
    with pytest.raises(ga.GenomeError, match="has no complement"):
        ga.reverse_complement(ga.one_hot(codes.chunk(), 1, "protein"))


def test_kmer_codes__of_order_8_do_not_overflow():
    codes = kmer_codes(np.full(9, 3, dtype=np.int8), 8)
    assert codes.tolist() == [4**8 - 1] * 2
    with pytest.raises(ga.GenomeError, match="fit 31 bits"):
        kmer_codes(np.zeros(40, dtype=np.int8), 20)
    with pytest.raises(ga.GenomeError, match="has no 3-mer"):
        kmer_codes(np.zeros(2, dtype=np.int8), 3)


def test_one_hot__is_lazy_and_keeps_labels():
    ds = ga.testing.random_genome({"chr1": 40, "chr2": 20}).chunk(position=7)
    with ga.testing.count_computes() as computed:
        hot = ga.one_hot(ds.dna)
        three = ga.one_hot(ga.windows(ds, ["chr1:3-13", "chr2:5-15:-"]).dna, order=3)
    assert not computed
    assert hot.chunksizes["position"][0] == 7
    assert hot.sel(position="chr2:0-5").values.tolist() == (
        np.eye(5)[ds.dna.values[40:45]][:, :4].tolist()
    )
    assert three.sizes == {"window": 2, "offset": 8, "channel": 64}
    assert three.offset.values.tolist() == list(range(8))
    assert three.window.values.tolist() == ["chr1:3-13:.", "chr2:5-15:-"]


def test_one_hot__unknown_value_and_alphabets():
    assert ga.one_hot(ga.testing.dna("N"), unknown=0.25).values.tolist() == [[0.25] * 4]
    protein = xr.DataArray(np.array([0, 19, 20], dtype=np.int8), dims="offset")
    hot = ga.one_hot(protein, alphabet="protein")
    assert hot.sizes["channel"] == 20
    assert hot.sum("channel").values.tolist() == [1, 1, 0]
    assert ga.one_hot(ga.testing.dna("ACGT"), alphabet="rna").channel.values.tolist() == list(
        "ACGU"
    )


def test_one_hot__refuses():
    ds = ga.testing.random_genome({"chr1": 40})
    with pytest.raises(ga.GenomeError, match="would cross contig ends"):
        ga.one_hot(ds.dna, order=2)
    with pytest.raises(ga.GenomeError, match="order=0 is not possible"):
        ga.one_hot(ds.dna, order=0)
    with pytest.raises(ga.GenomeError, match="'dna' holds codes of ACGT, not of ACDEFG"):
        ga.one_hot(ds.dna, alphabet="protein")
    with pytest.raises(ga.GenomeError, match="is no sequence"):
        ga.one_hot(ds.signal)
    with ga.set_options(byte_limit=100), pytest.raises(ga.GenomeError, match="makes it lazy"):
        ga.one_hot(ds.dna)


def test_reverse_complement__of_windows_equals_windows_on_the_other_strand():
    ds = ga.testing.random_genome({"chr1": 40, "chr2": 20})
    plus = ga.windows(ds, ["chr1:3-13:+", "chr2:2-12:+"], flank=(1, 3))
    minus = ga.windows(ds, ["chr1:3-13:-", "chr2:2-12:-"], flank=(3, 1))
    for array in minus.data_vars.values():
        del array.attrs["windows"]  # the record of the cut, whose flanks have changed sides
    xr.testing.assert_identical(ga.reverse_complement(plus).compute(), minus.compute())


@pytest.mark.parametrize(
    ("plus", "minus"),
    [("x_plus", "x_minus"), ("x.fwd", "x.rev"), ("POS-1", "neg-1"), ("x (+)", "x (-)"), ("f", "r")],
)
def test_reverse_complement__warns_of_strands_that_are_tracks(plus, minus):
    values = np.arange(6.0).reshape(1, 2, 3)
    dims = ("window", "offset", "track")
    x = xr.DataArray(values, {"track": [plus, "z", minus]}, dims, name="cage")
    for one in (x, x.chunk(), x.to_dataset()):
        with pytest.warns(UserWarning, match=r"'cage' look like the strands.*ga\.open_bigwig\(\{"):
            turned = ga.reverse_complement(one)
    np.testing.assert_array_equal(turned.cage.values, values[:, ::-1])
    ga.reverse_complement(x.isel(track=[0, 1]))
    ga.reverse_complement(x.assign_coords(track=["surplus", "z", "surminus"]))
    strands = x.isel(track=[0, 2]).expand_dims(strand=["+", "-"])
    ga.reverse_complement(strands.transpose("window", ...))


def test_reverse_complement__has_a_rule_or_refuses():
    x = xr.DataArray(np.zeros((1, 2)), dims=("window", "frequency"), name="spectrum")
    with pytest.raises(ga.GenomeError, match="'spectrum' has the dimension 'frequency'"):
        ga.reverse_complement(x)
    with pytest.raises(ga.GenomeError, match="'frequency'"):
        ga.reverse_complement(x.chunk())
    with pytest.raises(ga.GenomeError, match="without labels"):
        ga.reverse_complement(x.rename(frequency="channel"))
    odd = x.rename(frequency="channel").assign_coords(channel=["A", "C"])
    with pytest.raises(ga.GenomeError, match="not closed"):
        ga.reverse_complement(odd)
    three = xr.DataArray(np.zeros((1, 3)), {"strand": ["+", "-", "."]}, ("window", "strand"))
    with pytest.raises(ga.GenomeError, match=r"the other strand needs \+ and -"):
        ga.reverse_complement(three)
    label = xr.DataArray([1.0, 0.0], dims="window")
    assert ga.reverse_complement(label).values.tolist() == [1, 0]


@pytest.mark.parametrize("dtype", [bool, "float32"])
def test_numbers_made_of_codes__are_never_taken_for_codes(dtype, tmp_path):
    # xarray keeps the attributes of codes in comparisons, and the other strand of 1 is not 2
    ds = ga.testing.random_genome({"chr1": 30})
    gc = ((ds.dna == 1) | (ds.dna == 2)).astype(dtype)
    assert "alphabet" in gc.attrs
    regions = ga.read_regions(["chr1:25-35:-"], like=ds, out_of_bounds="pad")
    with pytest.raises(ga.GenomeError, match=r"which are no codes.*drop_attrs\(deep=False\)"):
        ga.windows(gc.to_dataset(name="gc"), regions)
    x = ga.windows(gc.drop_attrs(deep=False).to_dataset(name="gc"), regions)
    there = gc.values[25:][::-1]
    np.testing.assert_array_equal(x.gc.values[0, 5:], there)
    np.testing.assert_array_equal(
        x.gc.values[0, :5], [False] * 5 if dtype is bool else [np.nan] * 5
    )

    x = ga.windows(ds[["dna"]], ["chr1:5-15"])
    x = x.assign(c=(x.dna == 1).astype(dtype))
    for array in (x.c, x.c.chunk()):
        with pytest.raises(ga.GenomeError, match=r"'c' has .* no codes"):
            ga.reverse_complement(array)
    with pytest.raises(ga.GenomeError, match=r"'c' has .* no codes"):
        ga.batches(x, inputs="c", batch_size=1, augment=ga.Augment(reverse_complement=True))
    turned = ga.reverse_complement(x.c.drop_attrs(deep=False))
    np.testing.assert_array_equal(turned.values, x.c.values[:, ::-1])

    ga.to_zarr(gc.to_dataset(name="gc"), tmp_path / "x.zarr")
    stored = ga.open_zarr(tmp_path / "x.zarr").gc
    np.testing.assert_array_equal(stored.values, gc.values)
