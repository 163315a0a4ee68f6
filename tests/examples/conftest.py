import pytest
import xarray as xr

import genoarrays as ga
from tests.examples import brute


@pytest.fixture(scope="session")
def genomes(tmp_path_factory):
    """Of each small genome both nodes, from every kind of source."""
    found = []
    for number, lengths in enumerate(brute.GENOMES):
        path = tmp_path_factory.mktemp("genomes") / f"{number}.zarr"
        nodes = {"1bp": brute.fine(lengths), f"{brute.BIN}bp": brute.coarse(lengths)}
        ga.to_zarr(nodes, path, chunk=10, shard=20, progress=False)
        by_node = {node: brute.sources(ds, path, node) for node, ds in nodes.items()}
        trees = {
            kind: xr.DataTree.from_dict({node: kinds[kind] for node, kinds in by_node.items()})
            for kind in brute.KINDS
        }
        found.append((lengths, nodes, by_node, trees))
    return found
