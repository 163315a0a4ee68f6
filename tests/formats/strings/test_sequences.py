import gzip
import pickle

import numpy as np
import pandas as pd
import pysam
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import genoarrays as ga
from genoarrays.errors import GenomeError, InputError, RegionError
from genoarrays.formats.strings import letters
from genoarrays.formats.strings.sequences import open_sequences
from genoarrays.formats.text import lines
from genoarrays.ops.sequence import ALPHABETS

PROTEIN = "ACDEFGHIKLMNPQRSTVWY"


def write(path, text):
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def encode(text, known="ACGT", length=None):
    """Codes one letter at a time."""
    text = text.upper().replace(*("UT" if known == "ACGT" else "TU" if known == "ACGU" else "  "))
    codes = [known.find(letter) if letter in known else len(known) for letter in text]
    length = len(codes) if length is None else length
    return (codes + [len(known)] * length)[:length]


@st.composite
def fasta(draw, alphabet="ACGTNacgtnRYu-"):
    """Sequences, and a FASTA of them with lines of any length, blank lines and ends of any kind."""
    texts = draw(st.lists(st.text(alphabet, min_size=1, max_size=30), min_size=1, max_size=8))
    out = draw(st.sampled_from(["", "\n", "\r\n\r\n", "\ufeff"]))
    for number, text in enumerate(texts):
        end = draw(st.sampled_from(["\n", "\r\n", " \n"]))
        out += f">s{number} some>words" + end
        while text:
            width = draw(st.integers(1, 31))
            out += text[:width] + end * draw(st.integers(1, 2))
            text = text[width:]
    return texts, out.rstrip() if draw(st.booleans()) else out


@settings(max_examples=60)
@given(fasta(), st.integers(1, 35), st.sampled_from(["plain", "gzip", "bgzip"]), st.data())
def test_open_sequences__equals_letter_by_letter(tmp_path_factory, made, length, packing, data):
    texts, text = made
    folder = tmp_path_factory.mktemp("f")
    path = write(folder / "x.fa", text)
    if packing == "gzip":
        path = write(folder / "y.gz", gzip.compress(text.encode()))
    elif packing == "bgzip":
        pysam.tabix_compress(str(path), f"{path}.gz")
        path = folder / "x.fa.gz"
    block = data.draw(st.integers(1, 40))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "_BLOCK", block)
        patch.setattr("genoarrays.formats.strings.rows._STEP", block)
        x = ga.open_sequences(path, length=length, chunks=data.draw(st.sampled_from([2, None])))
        expected = [encode(one, length=length) for one in texts]
        assert x.dna.values.tolist() == expected
        rows = data.draw(st.lists(st.integers(0, len(texts) - 1), max_size=5))
        assert x.dna[rows, 0].values.tolist() == [expected[row][0] for row in rows]
    assert x.id.values.tolist() == [f"s{number}" for number in range(len(texts))]
    assert x.length.values.tolist() == [len(one) for one in texts]
    joined = "".join(texts).upper()
    assert x.dna.attrs["letters"] == {
        "known": sum(joined.count(letter) for letter in "ACGTU"),
        **{letter: joined.count(letter) for letter in "NRY-" if letter in joined},
    }


@given(st.lists(st.text("ACGUTNacgu", min_size=1, max_size=9), min_size=1), st.integers(1, 12))
def test_from_sequences__equals_letter_by_letter(texts, length):
    for alphabet, known in (("dna", "ACGT"), ("rna", "ACGU")):
        x = ga.from_sequences(texts, alphabet=alphabet, length=length)
        assert x[alphabet].values.tolist() == [encode(one, known, length) for one in texts]
        assert x[alphabet].dtype == np.int8
        assert x[alphabet].attrs["alphabet"] == known
    assert x.id.values.tolist() == [str(number) for number in range(len(texts))]


def test_open_sequences__proteins_have_empty_columns_that_are_counted(tmp_path):
    path = write(tmp_path / "p.fa", f">a\n{PROTEIN}\n>b\nmXbZuOj*-.\n")
    x = ga.open_sequences(path, alphabet="protein", length=20)
    assert x.protein.values.tolist() == [list(range(20)), [10] + [20] * 19]
    assert x.protein.attrs["alphabet"] == PROTEIN
    assert x.protein.attrs["letters"] == {"known": 21, **dict.fromkeys("XBZUOJ*-.", 1)}
    hot = ga.one_hot(x.protein)
    assert hot.channel.values.tolist() == list(PROTEIN)
    assert hot.sum(("offset", "channel")).values.tolist() == [20, 1]
    pairs = ga.one_hot(x.protein, order=2)
    assert pairs.sel(id="a", channel="DE").values.tolist() == [float(i == 2) for i in range(19)]


def test_open_sequences__files_are_sources_and_may_mix_kinds(tmp_path):
    text = b">a x\nACGT\n>b\nGG\n"
    one = write(tmp_path / "one.fa", text)
    two = write(tmp_path / "two.fasta.gz", gzip.compress(b">c\nTTTTT\n"))
    x = ga.open_sequences([one, two], length=4, name="seq")
    assert x.seq.values.tolist() == [[0, 1, 2, 3], [2, 2, 4, 4], [3, 3, 3, 3]]
    assert x.source.values.tolist() == ["one", "one", "two"]
    assert x.seq.attrs["source"] == [str(one), str(two)]
    assert x.seq[[2, 0, 2]].values[:, 1].tolist() == [3, 1, 3]
    named = ga.open_sequences({"pos": one, "neg": two}, length=4, ids="number")
    assert named.id.values.tolist() == ["pos:0", "pos:1", "neg:0"]
    assert named.source.values.tolist() == ["pos", "pos", "neg"]
    assert ga.open_sequences(one, length=4, ids="header").id.values.tolist() == ["a x", "b"]
    assert ga.open_sequences(one, length=4, ids=["p", "q"]).id.values.tolist() == ["p", "q"]
    assert "source" not in ga.open_sequences(one, length=4).coords


def test_open_sequences__is_lazy_and_travels(tmp_path):
    path = write(tmp_path / "x.fa", "".join(f">s{i}\n{'ACGT'[i % 4] * 6}\n" for i in range(20)))
    with ga.testing.count_computes() as computed:
        x = ga.open_sequences(path, chunks=8)
        hot = ga.one_hot(ga.reverse_complement(x.dna), order=3)
    assert not computed
    assert x.dna.chunksizes["sequence"] == (8, 8, 4)
    copy = pickle.loads(pickle.dumps(x))
    xr.testing.assert_identical(copy.compute(), ga.open_sequences(path, chunks=None).compute())
    assert x.dna.data.name == ga.open_sequences(path, chunks=8).dna.data.name
    assert hot.sel(id="s0", channel="TTT").values.tolist() == [1] * 4
    path.write_text(">other\nACGT\n")
    with pytest.raises(InputError, match="changed after it was opened"):
        x.dna.values  # noqa: B018
    path.unlink()
    with pytest.raises(InputError, match=r"x\.fa: cannot be read"):
        x.dna.values  # noqa: B018


def test_index__selects_by_id_and_never_aligns_two_sets():
    x = ga.from_sequences(["AA", "CC", "GG"], ids=["a", "b", "c"], y=[1.0, 2.0, 3.0])
    assert isinstance(x.xindexes["id"], ga.SequenceIndex)
    assert x.sel(id="b").y.item() == 2
    assert x.sel(id=["c", "a"]).y.values.tolist() == [3, 1]
    assert (x.y + x.sel(id=["a", "b", "c"]).y).values.tolist() == [2, 4, 6]
    for other in (x.y[:2], x.y[::-1], x.sel(id=["a", "b", "b"]).y):
        with pytest.raises(RegionError, match="two different sets of sequences"):
            x.y - other
    for asked in ("d", ["a", "d"]):
        with pytest.raises(RegionError, match=r"no sequence has the id 'd'; ids read like \['a'\]"):
            x.sel(id=asked)
    with pytest.raises(RegionError, match="not by slice"):
        x.sel(id=slice("a", "b"))
    twice = x.isel(sequence=[0, 1, 1])
    assert twice.sel(id="b").y.values.tolist() == [2, 2]
    with pytest.raises(RegionError, match="some ids occur several times"):
        twice.sel(id=["a"])
    with pytest.raises(RegionError, match="different sets"):
        x.y.reindex_like(x.y[:2])
    both = xr.concat([x[{"sequence": [0]}], x[{"sequence": [1, 2]}]], "sequence")
    xr.testing.assert_identical(both, x)
    assert isinstance(both.xindexes["id"], ga.SequenceIndex)
    assert "3 from 'a'" in repr(x.xindexes["id"])


def test_index__is_given_back_to_what_xarray_stored(tmp_path):
    x = ga.from_sequences(["AAA", "CC"], ids=["a", "b"], length=3, y=[1.0, 2.0], set=["p", "q"])
    x.to_zarr(tmp_path / "x.zarr", consolidated=False)
    found = xr.open_zarr(tmp_path / "x.zarr", consolidated=False)
    found = found.set_xindex("id", ga.SequenceIndex).load()
    xr.testing.assert_identical(found, x)
    assert isinstance(found.xindexes["id"], ga.SequenceIndex)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("\n \n", "line 1: no '>' is there: it is no FASTA"),
        ("\nACGT\n>a\nAC\n", "line 2: 'ACGT' stands before the first '>'"),
        (">a\nAC\n>\nAC\n", "line 3: '>' without a name; name the sequence"),
        (">a\nAC\n>b\n\n>c\nA", "line 3: 'b' has no sequence; remove the header"),
        (">a\nAC\n>b", "line 3: 'b' has no sequence"),
        (b">a\nAC\n>\xe9\nAC\n", "line 3: '\ufffd' is no UTF-8 text"),
        (">a\nAC\nACE\n", "'a', position 4: 'E' is no letter of DNA; .* alphabet=\"protein\""),
        (">a\nAC\n>b\nA4\n", "'b', position 1: '4' is no letter of DNA; allowed are A C G T N"),
        (">a\nAC\n; note\n", "'a', position 2: ';' is no letter .* lines that start with ';'"),
        (">a\nAC\n>b\nAC\n>a x\nAC\n", "line 5: id 'a' is already that of .*, line 1; rename"),
    ],
)
@pytest.mark.parametrize("block", [1, 2**22])
def test_open_sequences__names_what_is_wrong(tmp_path, monkeypatch, text, message, block):
    monkeypatch.setattr(lines, "_BLOCK", block)
    path = write(tmp_path / "bad.fa", text)
    with pytest.raises(InputError, match=f"bad.fa.*{message}"):
        open_sequences(path)
    assert list(tmp_path.iterdir()) == [path]


def test_open_sequences__refuses_lengths_and_doubled_ids_by_name(tmp_path):
    one = write(tmp_path / "one.fa", ">a\nACGT\n>b\nACGT\n>c\nACGTACG\n")
    with pytest.raises(GenomeError, match=r"'a' has 4 letters, 'c' 7; .* length=7 keeps"):
        ga.open_sequences(one)
    two = write(tmp_path / "two.fa", "\n>b\nACGT\n")
    with pytest.raises(InputError, match=r"two\.fa, line 2: id 'b' .* of .*one\.fa, line 3; ren"):
        ga.open_sequences([one, two], length=4)
    with pytest.raises(GenomeError, match="length=0 is not possible"):
        ga.open_sequences(one, length=0)
    with pytest.raises(GenomeError, match="alphabet='codon' is not known"):
        ga.open_sequences(one, alphabet="codon")
    with pytest.raises(GenomeError, match="ids='first' is not known"):
        ga.open_sequences(one, ids="first")
    with pytest.raises(GenomeError, match="2 ids for 3 sequences"):
        ga.open_sequences(one, length=4, ids=["x", "y"])
    with pytest.raises(GenomeError, match="name='length' is taken"):
        ga.open_sequences(one, length=4, name="length")


def test_open_sequences__refuses_damaged_and_large_gzip(tmp_path):
    text = "".join(f">s{i}\n{'ACGTTGCA' * 9}\n" for i in range(300))
    packed = gzip.compress(text.encode())
    with pytest.raises(InputError, match="gzip data are damaged"):
        ga.open_sequences(write(tmp_path / "cut.fa.gz", packed[:-20]))
    plain = write(tmp_path / "x.fa", text)
    pysam.tabix_compress(str(plain), str(tmp_path / "b.fa.gz"))
    whole = (tmp_path / "b.fa.gz").read_bytes()
    with pytest.raises(InputError, match="mark that ends a BGZF file is missing"):
        ga.open_sequences(write(tmp_path / "c.fa.gz", whole[:-28]))
    held = write(tmp_path / "held.fa.gz", packed)
    with ga.set_options(byte_limit=20_000):
        with pytest.raises(GenomeError, match=r"held\.fa\.gz.* recompress it with bgzip"):
            ga.open_sequences(held)
        assert ga.open_sequences(tmp_path / "b.fa.gz").sizes == {"sequence": 300, "offset": 72}


def test_from_sequences__keeps_labels():
    table = pd.DataFrame(
        {
            "x": ["ACG", "TTT"],
            "y": [0.5, np.nan],
            "set": ["fit", "eval"],
            "n0": [1, 2],
            "n1": [3, 4],
        },
        index=[7, 9],
    )
    x = ga.from_sequences(
        table.x, set=table.set, y=table.y, counts=table[["n0", "n1"]], hit=[True, False]
    )
    assert x.id.values.tolist() == ["7", "9"]
    assert x.counts.sel(track="n1", id="9").item() == 4
    assert (set(x.data_vars), "set" in x.coords) == ({"dna", "y", "counts", "hit"}, True)
    assert ga.from_sequences(table.x, ids=table.set).id.values.tolist() == ["fit", "eval"]


@pytest.mark.parametrize(
    ("strings", "options", "message"),
    [
        ("ACGT", {}, "a single text; give a list"),
        ([], {}, "there are no sequences"),
        (["AC", None], {}, "sequence '1' is None; give text"),
        (["AC", ""], {}, "sequence '1' is ''"),
        (["AC", "ACG"], {}, "'0' has 2 letters, '1' 3"),
        (["AC", "AE"], {}, "sequence '1', position 1: 'E' is no letter of DNA; .*protein"),
        (["AC", "A "], {}, "sequence '1', position 1: ' ' is no letter"),
        (["AC", "A\u0100"], {}, "sequence '1', position 1: '\u0100' is no letter"),
        (["AC", "GT"], {"ids": ["a", "a"]}, "id 'a' is in rows 0 and 1"),
        (["AC", "GT"], {"ids": ["a"]}, "1 ids for 2 sequences"),
        (["AC", "GT"], {"y": [1.0]}, r"'y' has the shape \(1,\) for 2 sequences"),
        (["AC", "GT"], {"offset": [1, 2]}, "the label 'offset' is taken"),
        (["AC", "GT"], {"set": ["a", None]}, "'set' of sequence '1' is None"),
        (pd.Series(["AC", "GT"]), {"y": pd.Series([1, 2], [1, 0])}, "'y' has another index"),
    ],
)
def test_from_sequences__names_what_is_wrong(strings, options, message):
    with pytest.raises(GenomeError, match=message):
        ga.from_sequences(strings, **options)


def test_reverse_complement__of_sequences_but_not_of_proteins():
    x = ga.from_sequences(["ACGG", "TTNA"], ids=["a", "b"])
    turned = ga.reverse_complement(x)
    assert turned.dna.values.tolist() == [encode("CCGT"), encode("TNAA")]
    xr.testing.assert_identical(ga.reverse_complement(turned), x)
    rna = ga.from_sequences(["ACGU"], alphabet="rna")
    assert ga.reverse_complement(ga.one_hot(rna.rna)).values.argmax(-1).tolist() == [[0, 1, 2, 3]]
    protein = ga.from_sequences(["MAFS"], alphabet="protein")
    for one in (protein, protein.chunk()):
        with pytest.raises(GenomeError, match="'protein' has no other strand: 'D' has no comple"):
            ga.reverse_complement(one)


def test_alphabets__cover_the_same_letters_in_files_and_arrays():
    for alphabet, known in ALPHABETS.items():
        found = letters.letters_of(alphabet)
        codes = found.table[list((known + known.lower()).encode())].tolist()
        assert codes == [*range(len(known))] * 2
        assert len(set(known + found.unknown)) == len(known + found.unknown)


# ---- real files


def test_uniprot__counts_unusual_letters(shared_data):
    folder = shared_data / "protein_fasta"
    paths = [folder / f"uniprot_{n}_mixed_organisms.fasta.gz" for n in (20000, 500)]
    x = ga.open_sequences(paths, alphabet="protein", length=500, ids="number")
    assert x.sizes == {"sequence": 20500, "offset": 500}
    with pysam.FastxFile(str(paths[1])) as file:
        texts = [record.sequence for record in file]
    assert x.protein[20000:].values.tolist() == [encode(t, PROTEIN, 500) for t in texts]
    assert x.length.values.sum() == 9055569 + 245830
    more = {letter: sum(t.count(letter) for t in texts) for letter in "XBZUO"}
    assert x.protein.attrs["letters"] == {
        "known": 9055569 + 245830 - 3092 - sum(more.values()),
        **{
            k: n + more[k]
            for k, n in {"X": 3088, "B": 2, "Z": 2, "U": 0, "O": 0}.items()
            if n + more[k]
        },
    }


def test_nfe2_and_tables__are_read(shared_data):
    folder = shared_data / "human_encode_tf_sequences"
    files = {kind: folder / f"NFE2_GM12878_{kind}.fa" for kind in ("positives", "negatives")}
    x = ga.open_sequences(files, length=235)
    assert x.sizes == {"sequence": 1288, "offset": 235}
    assert x.length.groupby("source").sum().values.tolist() == [146034, 145294]
    table = pd.read_csv(folder / "REST_GM12878_NRSF_HudsonAlpha_B.seq.gz", sep="\t")
    tf = ga.from_sequences(table.seq, ids=table.EventID, bound=table.Bound)
    assert (tf.sizes["offset"], int(tf.bound.sum())) == (101, 500)
    folder = shared_data / "sequence_activity_regression"
    table = pd.read_csv(folder / "mpsa_5ss_splicing.csv.gz")
    mpsa = ga.from_sequences(table.x, alphabet="rna", y=table.y, set=table.set)
    assert mpsa.rna.shape == (30483, 9)
    parts = ga.split_sequences(mpsa, valid="validation", test="test", by="set")
    sizes = table.set.value_counts()
    assert [p.sizes["sequence"] for p in parts] == sizes[
        ["training", "validation", "test"]
    ].tolist()
    table = pd.read_csv(folder / "sortseq_lac_promoter.csv.gz")
    lac = ga.from_sequences(table.x, counts=table.filter(like="ct_"))
    assert (lac.dna.shape, lac.counts.shape) == ((50518, 75), (50518, 10))


def test_qki__is_one_set_as_dna_and_as_rna(shared_data):
    folder = shared_data / "rbp_qki_sequences"
    files = {kind: folder / f"qki.test.{kind}.fasta.gz" for kind in ("positive", "negative")}
    dna = ga.open_sequences(files, ids="number")
    rna = ga.open_sequences(files, ids="number", alphabet="rna")
    assert (rna.rna.values == dna.dna.values).all()
    assert rna.rna.attrs["letters"] == dna.dna.attrs["letters"] == {"known": 433400, "N": 1800}
    assert ga.one_hot(rna.rna).channel.values.tolist() == list("ACGU")
    with pytest.raises(
        InputError, match=r"negative.*, line 3211: id .* of .*positive.*, line 5086"
    ):
        ga.open_sequences(files)
