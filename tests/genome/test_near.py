from hypothesis import given
from hypothesis import strategies as st

from genoarrays.genome.near import count_near
from genoarrays.genome.regions import region_columns
from tests.genome.test_resize import rows_of, tables


@given(tables(), tables(), st.integers(0, 12))
def test_count_near__equals_all_pairs(a, b, guard):
    want = []
    for contig, start, end, _ in rows_of(a):
        away = [max(start, s) - min(end, e) for c, s, e, _ in rows_of(b) if c == contig]
        want.append(sum(one < guard for one in away))
    assert count_near(region_columns(a), region_columns(b), guard).tolist() == want
