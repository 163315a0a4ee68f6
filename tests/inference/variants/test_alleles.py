import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import genoarrays as ga
from genoarrays.inference.variants.alleles import Alleles, Letters, contradictions, substitute

TEXT = np.dtypes.StringDType()
bases = st.text("ACGT", min_size=1, max_size=9)


def codes(text):
    return np.array([["ACGTN".index(base) for base in text]], "int8")


@given(st.text("ACGTN", min_size=60, max_size=60), st.integers(0, 14), bases, bases, st.data())
def test_substitute__equals_changing_the_text(genome, at, ref, alt, data):
    """A window of 15 of a text of 60, and the same further on."""
    genome = genome[:at] + ref + genome[at + len(ref) :]
    removed = max(len(ref) - len(alt), 0)
    shift = data.draw(st.integers(removed, 15)) if removed else 0
    letters = Letters("ACGT", "dna")
    alleles = Alleles.of(np.array([ref], TEXT), np.array([alt], TEXT), letters)
    window, beyond = codes(genome[:15]), codes(genome[shift : shift + 15])
    where = window, beyond, np.array([shift]), np.array([at])
    changed = genome[:at] + alt + genome[at + len(ref) :]
    np.testing.assert_array_equal(substitute(*where, alleles), codes(changed[:15]))
    assert not contradictions(*where, alleles).any()
    other = Alleles.of(np.array(["CGTA"["ACGT".index(ref[0])] + ref[1:]], TEXT), _one(alt),
                       letters)  # fmt: skip
    assert contradictions(*where, other).all()


def _one(alt):
    return np.array([alt], TEXT)


@given(st.text("ACGTN", min_size=1, max_size=20))
def test_turn__is_the_reverse_complement(text):
    turned = Letters("ACGT", "dna").turn(codes(text))
    np.testing.assert_array_equal(
        turned, codes(text.translate(str.maketrans("ACGT", "TGCA"))[::-1])
    )


def test_letters__in_another_order_and_of_no_dna():
    letters = Letters("TGCA", "dna")
    found, lengths = letters.encode(np.array(["GA", "T"], TEXT))
    assert found.tolist() == [[1, 3], [0, 4]]
    assert lengths.tolist() == [2, 1]
    assert letters.turn(np.int8([[0, 1, 4]])).tolist() == [[4, 2, 3]]
    with pytest.raises(ga.GenomeError, match=r"input 'peptide' has the letters ARND.*no sequence"):
        Letters("ARND", "peptide")
