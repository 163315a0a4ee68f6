"""Does a probe tell windows that were changed from those that were not?"""

import json
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

import genoarrays as ga
from genoarrays.models.probe import numbers_of, probe_of
from genoarrays.models.signature import Signature

TOY = ga.Assembly("toy", {"chr1": 2000, "chr2": 1000})


def genome(seed=0, contigs=None):
    rng = np.random.default_rng(seed)
    signal = np.where(rng.random(3000) < 0.01, rng.integers(1, 9, 3000), 0)
    ds = xr.Dataset(
        {
            "dna": ("position", rng.integers(0, 4, 3000).astype("int8"), {"alphabet": "ACGT"}),
            "signal": ("position", signal.astype("float32")),
        },
        ga.genome_coords(TOY),
    )
    return ds if contigs is None else ds.sel(contig=contigs)


def windows(ds, step=50):
    tiles = ga.tile_regions(ds, 50, step=step)
    return ga.windows(ds, tiles, 50).assign(y=lambda x: x.signal.sum("offset"))


def examples(x, obj, **options):
    signature = replace(
        Signature.of(x, ["dna", "signal"], "y"), probe=probe_of(x, ["dna", "signal"])
    )
    told = json.loads(json.dumps(signature.to_json()))
    return Signature.from_json(told).examples(obj, **options)


@pytest.mark.parametrize(
    ("change", "how"),
    [
        (np.log1p, "is .* on average here, and was"),
        (lambda s: s * 2, "is .* on average here, and was"),
        (lambda s: s.shift(offset=1, fill_value=0), "holds|has the same mean|is .* on average"),
        (
            lambda s: s.isel(offset=slice(None, None, -1)).assign_coords(offset=s.offset),
            "holds|has the same mean",
        ),
        (lambda s: s.where(s > 0, np.nan), "has 0 missing values here, and had"),
        (lambda s: s.clip(max=3), "is .* on average here, and was"),
        (lambda s: s + 1e-3, "is .* on average here, and was"),
    ],
)
def test_probe__finds_what_was_done_to_windows(change, how):
    ds = genome()
    x = windows(ds)
    make = examples(x.assign(signal=change(x.signal).assign_attrs(x.signal.attrs)), ds)
    with pytest.raises(ga.GenomeError, match=rf"'signal' at chr\d:\d+-\d+:. ({how})") as caught:
        make(["chr1:0-50"])
    assert "as by np.log1p" in str(caught.value)
    assert "check=False" in str(caught.value)


def test_probe__lets_the_same_windows_pass():
    ds = genome()
    x = windows(ds)
    for same in (x, x.assign(signal=(x.signal * 3 / 3).assign_attrs(x.signal.attrs)), x.compute()):
        examples(same, ds)(["chr1:0-50"])


def test_probe__is_of_places_that_are_there():
    x = windows(genome())
    other = genome(seed=1)
    with pytest.raises(ga.GenomeError, match="'dna' at chr1:0-50"):
        examples(x, other)(["chr1:0-50"])
    examples(x, other, check=False)(["chr1:0-50"])
    here = x.isel(window=np.flatnonzero(x.contig.values == "chr2"))
    examples(here, genome(contigs="chr1"))(["chr1:0-50"])
    with pytest.raises(ga.GenomeError, match="'dna' at chr2:"):
        examples(here, genome(seed=1, contigs="chr2"))(["chr2:0-50"])


def test_probe__is_compared_once():
    ds = genome()
    make = examples(windows(ds), ds)
    make(["chr1:0-50"])
    make.signature = None
    make.check = False
    make(["chr1:0-50"])


def test_probe_of__takes_windows_that_vary():
    ds = genome()
    ds["signal"] = ds.signal.where(ds.signal < 0, 0)
    ds["signal"][1500:1520] = 1.0
    chosen = probe_of(windows(ds), ["dna", "signal"])
    assert len(chosen) <= 4
    assert any(one["values"]["signal"]["mean"] > 0 for one in chosen)
    assert (chosen[0]["contig"], chosen[0]["start"]) == ("chr1", 0)


def test_probe_of__reads_a_few_windows_only(tmp_path):
    ga.to_zarr(genome(), tmp_path / "x.zarr")
    x = windows(ga.open_zarr(tmp_path / "x.zarr"), step=1)
    seen = []

    def noted(block):
        seen.append(len(block))
        return block

    assert x.sizes["window"] > 2500
    lazy = ga.windows(genome().chunk(position=500), ga.tile_regions(genome(), 50, step=1), 50,
                      block=100)  # fmt: skip
    signal = lazy.signal.copy(data=lazy.signal.data.map_blocks(noted, dtype="float32"))
    seen.clear()
    probe_of(lazy.assign(signal=signal), ["dna", "signal"])
    assert 0 < sum(seen) <= 100
    assert probe_of(x, ["signal"])[0]["values"]["signal"]["some"]


def test_probe_of__leaves_the_margin_out():
    ds = genome()
    tiles = ga.tile_regions(ds, 50)
    plain, wide = (ga.windows(ds, tiles, 50, jitter=j) for j in (0, 7))
    assert probe_of(plain, ["dna", "signal"]) == probe_of(wide, ["dna", "signal"])


def test_numbers_of__a_single_value_and_missing_ones():
    assert numbers_of(np.array(3.0)) == {
        "mean": 3.0, "size": 3.0, "slope": 0.0, "missing": 0, "some": [3.0],
    }  # fmt: skip
    assert numbers_of(np.array([np.nan, -2.0]))["missing"] == 1
