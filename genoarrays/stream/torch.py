"""How do batches reach PyTorch, each window once over all workers and ranks?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import xarray as xr

from genoarrays._optional import optional
from genoarrays.stream.batches import batches

if TYPE_CHECKING:
    import torch

__all__ = ["to_torch"]


def to_torch(
    x: xr.Dataset, *, rank: int | None = None, ranks: int | None = None, **options: Any
) -> torch.utils.data.IterableDataset[Any]:
    """Stream windows or sequences into PyTorch.

    Parameters
    ----------
    x
        Windows, as `ga.windows` gives them, or sequences, as `ga.open_sequences` does.
    rank, ranks
        Number of this process, from 0, and how many train together; by default those of
        `torch.distributed` where it is initialized, else 0 of 1.
    **options
        All of `ga.batches`: inputs, targets, weights, batch_size, shuffle, seed, memory, augment,
        sample and the others.

    Returns
    -------
    torch.utils.data.IterableDataset
        Of batches, as `ga.batches` gives them, as tensors: use
        `DataLoader(data, batch_size=None)`. Workers of a loader and ranks share the windows, each
        is given once; the budget is divided among them. With several ranks and `shuffle`, all give
        equally many batches, so up to one batch of each rank is left out of an epoch. Each
        iteration is a new epoch, with workers too; `set_epoch` says which one comes next. It can be
        pickled, so workers may be forked or spawned. Without workers it has `state_dict` and
        `load_state_dict`, as `ga.batches` has.

    Raises
    ------
    GenomeError
        As `ga.batches`.
    ImportError
        When PyTorch is not installed.
    """
    torch = optional("torch", purpose="streaming into PyTorch", extra="torch")
    from genoarrays.stream.tensors import Tensors

    if ranks is None and torch.distributed.is_available() and torch.distributed.is_initialized():
        rank, ranks = torch.distributed.get_rank(), torch.distributed.get_world_size()
    return Tensors(batches(x, **options), rank or 0, ranks or 1)
