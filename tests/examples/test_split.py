from itertools import chain

import numpy as np
import pytest

import genoarrays as ga


def some(count=40):
    groups = [f"g{number % 10}" for number in range(count)]
    return ga.from_sequences(["ACGT"] * count, set=["fit", "eval"] * (count // 2), family=groups)


def ids(parts):
    return [part.id.values.tolist() for part in parts]


def test_split_sequences__by_id_and_by_label():
    x = some(6)
    assert ids(ga.split_sequences(x, valid="1", test=["5", "0"])) == [
        ["2", "3", "4"],
        ["1"],
        ["0", "5"],
    ]
    assert ids(ga.split_sequences(x, test="eval", by="set")) == [["0", "2", "4"], ["1", "3", "5"]]


def test_split_sequences__draws_shares_of_whole_groups():
    x = some()
    parts = ga.split_sequences(x, valid=0.25, test=0.1)
    assert [part.sizes["sequence"] for part in parts] == [26, 10, 4]
    assert sorted(chain(*ids(parts)), key=int) == x.id.values.tolist()
    families = [
        set(p.family.values) for p in ga.split_sequences(x, valid=0.2, test=0.3, by="family")
    ]
    assert [len(one) for one in families] == [5, 2, 3]
    assert len(set().union(*families)) == 10
    assert ids(ga.split_sequences(x, test=0.5)) != ids(ga.split_sequences(x, test=0.5, seed=1))


def test_split_sequences__shares_do_not_depend_on_the_order():
    x = some()
    turned = x.isel(sequence=np.random.default_rng(0).permutation(40))
    for one, other in zip(
        ga.split_sequences(x, valid=0.3, test=["4"]),
        ga.split_sequences(turned, valid=0.3, test=["4"]),
        strict=True,
    ):
        assert set(one.id.values) == set(other.id.values)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "nothing is held out"),
        ({"valid": [], "test": ()}, "nothing is held out"),
        ({"test": "99"}, "test='99': no sequence has this id"),
        ({"valid": ["1", "2"], "test": "2"}, "id '2' is in valid and in test"),
        ({"test": 1.5}, "test=1.5 is no share"),
        ({"test": 0.01}, "no sequence is left for test"),
        ({"valid": "fit", "test": "eval", "by": "set"}, "no sequence is left for train"),
        ({"test": "a", "by": "dna"}, "by='dna' is no label along `sequence`; there are id, length"),
        ({"test": "a", "by": "clan"}, "by='clan' is no label"),
    ],
)
def test_split_sequences__refuses(options, message):
    with pytest.raises(ga.GenomeError, match=message):
        ga.split_sequences(some(), **options)
