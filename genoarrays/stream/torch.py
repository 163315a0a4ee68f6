"""How do batches reach PyTorch, each window once over all workers and ranks?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
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
        Those of `ga.batches`: inputs, targets, weights, batch_size, shuffle, seed, epoch, memory,
        augment, drop_last, passes, index, missing_targets, threads.

    Returns
    -------
    torch.utils.data.IterableDataset
        Of batches, as `ga.batches` gives them, as tensors: use
        `DataLoader(data, batch_size=None)`. Workers of a loader and ranks share the windows, each
        is given once; the budget is divided among them. With several ranks and `shuffle`, all give
        equally many batches, so up to one batch of each rank is left out of an epoch. Each
        iteration is a new epoch: `set_epoch` says which one, for loaders that start workers anew.

    Raises
    ------
    GenomeError
        As `ga.batches`.
    ImportError
        When PyTorch is not installed.
    """
    torch = optional("torch", purpose="streaming into PyTorch", extra="torch")
    whole = batches(x, **options)
    if ranks is None and torch.distributed.is_available() and torch.distributed.is_initialized():
        rank, ranks = torch.distributed.get_rank(), torch.distributed.get_world_size()
    me, all_of_us = rank or 0, ranks or 1
    even_ranks = all_of_us > 1 and whole.shuffle

    def tensors(item: Any) -> Any:
        if isinstance(item, tuple):
            return tuple(map(tensors, item))
        if isinstance(item, Mapping):
            return {name: tensors(array) for name, array in item.items()}
        return torch.from_numpy(np.ascontiguousarray(item))

    class Stream(torch.utils.data.IterableDataset):  # type: ignore[misc, name-defined, unused-ignore]
        """Batches of this rank and worker."""

        def __init__(self) -> None:
            super().__init__()
            self.stream = whole

        def __len__(self) -> int:
            return len(whole.shard(me, all_of_us, even=even_ranks))

        def __iter__(self) -> Iterator[Any]:
            worker = torch.utils.data.get_worker_info()
            workers, number = (1, 0) if worker is None else (worker.num_workers, worker.id)
            even = even_ranks and workers == 1
            share = whole.shard(me * workers + number, all_of_us * workers, even=even)
            whole.set_epoch(whole._epoch + 1)
            for item in share:
                yield tensors(item)

        def set_epoch(self, epoch: int) -> None:
            """Number of the next epoch."""
            whole.set_epoch(epoch)

    return Stream()
