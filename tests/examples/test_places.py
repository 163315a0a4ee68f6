import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import genoarrays as ga
from genoarrays.examples.places import Places
from genoarrays.genome.regions import region_columns
from tests.genome.test_resize import rows_of, tables


def by_hand(free, width, pool, by_contig):
    return sorted(
        (contig, at)
        for contig, start, end, _ in rows_of(free)
        for at in range(start, end - width + 1)
        if not by_contig or ["chr1", "chr2"].index(contig) == pool
    )


@given(tables(), st.booleans(), st.data())
def test_places__are_those_where_a_region_fits(regions, by_contig, data):
    free = ga.merge_regions(regions)
    places = Places(region_columns(free), by_contig)
    widths = data.draw(st.lists(st.integers(1, 30), min_size=1, max_size=4))
    for width in widths:
        for pool in (0, 1) if by_contig else (0,):
            want = by_hand(free, width, pool, by_contig)
            code, start = places.every(width, pool)
            found = [(f"chr{c + 1}", s) for c, s in zip(code.tolist(), start.tolist(), strict=True)]
            assert sorted(found) == want
            assert places.count(width, pool) == len(want)
            if want:
                rng = np.random.default_rng(0)
                many = np.full(len(want) * 40, width), np.full(len(want) * 40, pool)
                code, start = places.draw(rng, *many)
                assert {(f"chr{c + 1}", s) for c, s in zip(code, start, strict=True)} <= set(want)


def test_places__are_drawn_uniformly_for_many_widths_at_once():
    free = ga.read_regions(["chr1:0-8", "chr1:20-23", "chr1:30-50"])
    places = Places(region_columns(free))
    width = np.repeat([1, 3, 4, 20], 20_000)
    _, start = places.draw(np.random.default_rng(1), width, np.zeros_like(width))
    for one, number in ((1, 31), (3, 6 + 1 + 18), (4, 5 + 17), (20, 1)):
        counts = np.bincount(start[width == one])
        counts = counts[counts > 0]
        assert len(counts) == number == places.count(one, 0)
        if number > 1:
            chi = ((counts - 20_000 / number) ** 2 / (20_000 / number)).sum()
            assert chi < number + 5 * np.sqrt(2 * number)
