import pickle

import pytest

import genoarrays as ga
from genoarrays.genome.naming import did_you_mean, guess_mapping, to_style


def test_digest__is_of_names_and_lengths_in_order():
    one = ga.Assembly("a", {"chr1": 10, "chr2": 5})
    assert one.digest == ga.Assembly("b", {"chr1": 10, "chr2": 5}).digest
    assert one.digest != ga.Assembly("a", {"chr2": 5, "chr1": 10}).digest
    assert one.digest != ga.Assembly("a", {"chr1": 10, "chr2": 6}).digest
    assert one == pickle.loads(pickle.dumps(one))


def test_digest__of_names_and_lengths_equals_the_published_level_1_digests():
    # the example of the GA4GH specification: the first three contigs of GRCh38
    from genoarrays.genome.assembly import sha512t24u

    assert sha512t24u("[248956422,242193529,198295559]") == "5K4odB173rjao1Cnbk5BnvLt9V7aPAa2"
    assert sha512t24u('["chr1","chr2","chr3"]') == "g04lKdxiYtG3dOGeUC5AdKEifw65G0Wp"


def test_sequence_digests__tell_apart_genomes_of_equal_lengths():
    lengths = {"chr1": 10, "chr2": 5}
    one = ga.Assembly("a", lengths, sequence_digests={"chr1": "aa", "chr2": "bb"})
    assert one == ga.Assembly("b", lengths)
    assert one == ga.Assembly("b", lengths, sequence_digests={"chr1": "aa"})
    other = ga.Assembly("b", lengths, sequence_digests={"chr2": "cc"})
    assert one != other
    assert "the bases of chr2 differ" in str(one.conflict(other))


@pytest.mark.parametrize("lengths", [{}, {"": 5}, {"chr1": 0}, {"chr1": -1}, {"chr1": 1.5}])
def test_assembly__refuses_nonsense(lengths):
    with pytest.raises(ga.AssemblyError):
        ga.Assembly("bad", lengths)


def test_from_pairs__refuses_a_contig_listed_twice():
    with pytest.raises(ga.AssemblyError, match="'chr1' is listed twice"):
        ga.Assembly.from_pairs("bad", [("chr1", 5), ("chr1", 5)])


def test_select__keeps_the_order_of_the_assembly():
    one = ga.Assembly("a", {"chr2": 5, "chr1": 10, "chrUn_1": 3})
    assert one.select(["chr1", "chr2"]).names == ("chr2", "chr1")
    assert one.select("chr?").names == ("chr2", "chr1")
    with pytest.raises(ga.ContigError, match="no contig of assembly 'a' matches 'scaffold"):
        one.select("scaffold*")
    with pytest.raises(ga.ContigError, match="did you mean 'chr1'"):
        one.select(["Chr1"])


def test_rename__refuses_two_contigs_of_one_name():
    with pytest.raises(ga.AssemblyError, match="listed twice"):
        ga.Assembly("a", {"1": 5, "chr1": 5}).rename({"1": "chr1"})


ROMAN = ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XVI", "Mito"]
ARABIC = ["chr1", "chr2", "chr3", "chr4", "chr5", "chr6", "chr7", "chr8", "chr9", "chr10", "chr11",
          "chr16", "chrM"]  # fmt: skip


def test_guess_mapping__reads_roman_and_arabic_and_mitochondria():
    have, want = dict.fromkeys(ARABIC), dict.fromkeys(ROMAN)
    assert guess_mapping(have, want) == dict(zip(ARABIC, ROMAN, strict=True))
    assert guess_mapping(want, have) == dict(zip(ROMAN, ARABIC, strict=True))


def test_guess_mapping__never_joins_contigs_of_different_length():
    assert guess_mapping({"chr1": 10, "chr2": 7}, {"1": 10, "2": 5}) == {"chr1": "1"}


def test_guess_mapping__leaves_sex_chromosomes_alone():
    human = {"1": None, "2": None, "10": None, "X": None}
    assert guess_mapping({f"chr{name}": None for name in human}, human) == {
        f"chr{name}": name for name in human
    }


@pytest.mark.parametrize(
    ("style", "expected"),
    [("ucsc", ARABIC), ("roman", ROMAN), ("ensembl", [*(a[3:] for a in ARABIC[:-1]), "MT"])],
)
def test_to_style__writes_yeast_in_each_style(style, expected):
    for names in (ROMAN, ARABIC):
        mapping = to_style(names, style)
        assert [mapping.get(name, name) for name in names] == expected


def test_to_style__keeps_chrX_and_scaffolds():
    assert to_style(["chr1", "chrX", "chrUn_KI1", "chrM"], "ensembl") == {
        "chr1": "1", "chrX": "X", "chrM": "MT",
    }  # fmt: skip
    with pytest.raises(ValueError, match="unknown style"):
        to_style(["chr1"], "klingon")


def test_did_you_mean__prefers_the_same_contig_in_another_style():
    assert did_you_mean("1", ["chr11", "chr1"]) == "; did you mean 'chr1'?"
    assert did_you_mean(7, ["chr7"]) == "; contig names are text, not int"
    assert did_you_mean("banana", ["chr1"]) == ""
