import numpy as np

from genoarrays import _compiled as compiled


def total(values):
    out = 0
    for value in values:
        out += value
    return out


def test_compiled__runs_without_a_place_for_its_cache(monkeypatch):
    asked = []

    def nowhere(**options):
        asked.append(options)
        if options.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return real(**options)

    real = compiled.njit
    monkeypatch.setattr(compiled, "njit", nowhere)
    kernel = compiled.compiled(total)
    assert kernel(np.arange(5)) == 10
    assert kernel.nopython_signatures
    assert [one.get("cache", False) for one in asked] == [True, False]
    assert all(one["nogil"] for one in asked)
