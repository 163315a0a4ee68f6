import xarray as xr

import genoarrays as ga
from genoarrays.genome.pyramid import (
    level_attrs,
    level_name,
    levels_in,
    plain_attrs,
    without_levels,
)


def level(node, factor):
    return {level_name(node, factor): {"title": "x", **level_attrs(node, factor)}}


def test_levels_in__needs_name_attributes_and_node():
    nodes = {"1bp": {}, **level("1bp", 8), **level("1bp", 64)}
    assert levels_in(nodes) == {"1bp_x8": ("1bp", 8), "1bp_x64": ("1bp", 64)}
    assert levels_in({"1bp": {}, "1bp_x8": {}}) == {}  # the name alone
    assert levels_in({"1bp": {}, "8bp": nodes["1bp_x8"]}) == {}  # the attributes alone
    assert levels_in({"1bp": {}, "1bp_x9": nodes["1bp_x8"]}) == {}  # of another factor
    assert levels_in(level("1bp", 8)) == {}  # without its node


def test_levels_in__looks_among_siblings():
    nodes = {"a/1bp": {}, **{f"a/{n}": at for n, at in level("1bp", 8).items()}}
    assert levels_in(nodes) == {"a/1bp_x8": ("a/1bp", 8)}
    assert levels_in({"b/1bp": {}, "a/1bp_x8": nodes["a/1bp_x8"]}) == {}


def test_plain_attrs__keep_all_else():
    attrs = level("1bp", 8)["1bp_x8"]
    assert plain_attrs(attrs) == {"title": "x"}


def test_without_levels__keeps_nodes_and_drops_empty_ones():
    toy = ga.Assembly("toy", {"chr1": 16})
    fine, coarse = (xr.Dataset({"x": ("position", range(n))}, ga.genome_coords(toy, 16 // n))
                    for n in (16, 2))  # fmt: skip
    own = coarse.assign_attrs(level_attrs("1bp", 8))
    tree = xr.DataTree.from_dict({"1bp": fine, "1bp_x8": own, "8bp": coarse})
    assert list(without_levels(tree)) == ["1bp", "8bp"]
    xr.testing.assert_identical(without_levels(tree)["8bp"], coarse)
    alone = xr.DataTree.from_dict({"1bp_x8": own})
    assert list(without_levels(alone)) == ["1bp_x8"]
