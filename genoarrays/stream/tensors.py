"""Batches of one rank and worker as PyTorch's tensors; imported when PyTorch is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch

from genoarrays.stream.source import Batches

__all__ = ["Tensors"]

_WORKERS = 1024  # of one loader, at most


class Tensors(torch.utils.data.IterableDataset):  # type: ignore[misc, type-arg, unused-ignore]
    """Iterable over batches, each an epoch.

    Loaders start workers anew for each epoch, or keep them. So the number of the next epoch stands
    in memory that all share, once for each worker: none of them waits for another.
    """

    def __init__(self, stream: Batches, rank: int, ranks: int) -> None:
        super().__init__()
        self.stream, self.rank, self.ranks = stream, rank, ranks
        self._shares: dict[tuple[int, int], Batches] = {}
        self._share(0, 1)  # refuses a rank that is none
        self._next = torch.zeros(_WORKERS, dtype=torch.int64).share_memory_()
        self.set_epoch(stream._epoch)

    def __len__(self) -> int:
        return len(self._share(0, 1))

    def __iter__(self) -> Iterator[Any]:
        info = torch.utils.data.get_worker_info()
        worker, workers = (0, 1) if info is None else (info.id, info.num_workers)
        share = self._share(worker, workers)
        if not share._skip:  # else it goes on where another stream stood
            share.set_epoch(int(self._next[worker]))
        self._next[worker] += 1
        for batch in share:
            yield _tensors(batch)

    def _share(self, worker: int, workers: int) -> Batches:
        """What this worker gives, kept with what it holds in memory."""
        if self.ranks * workers == 1:
            return self.stream
        if (worker, workers) not in self._shares:
            even = self.ranks > 1 and self.stream.shuffle and workers == 1
            part = self.rank * workers + worker
            share = self.stream.shard(part, self.ranks * workers, even=even)
            self._shares[worker, workers] = share
        return self._shares[worker, workers]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_shares": {}}

    def set_epoch(self, epoch: int) -> None:
        """Number of the next epoch."""
        self.stream.set_epoch(epoch)
        self._next.fill_(epoch)

    def state_dict(self) -> dict[str, int]:
        """Where the iteration stands, without workers and ranks."""
        return self.stream.state_dict()

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Go on where another stream stood, without workers and ranks."""
        self.stream.load_state_dict(state)
        self._next.fill_(self.stream._epoch)


def _tensors(item: Any) -> Any:
    if isinstance(item, tuple):
        return tuple(map(_tensors, item))
    if isinstance(item, Mapping):
        return {name: _tensors(array) for name, array in item.items()}
    return torch.from_numpy(np.ascontiguousarray(item))
