"""How do background regions find places that suit them?

In rounds: places are drawn from what is free, their bases counted, and those that suit are taken in
random order until each template has one. What is taken is no longer free in the next round, which
draws more places for the templates that are left. Where few places are free all of them are looked
at, so that what fails then is not possible, or not beside what was placed before.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import RegionError
from genoarrays.examples.places import Places
from genoarrays.genome.clip import Ints
from genoarrays.genome.columns import Columns, concat_columns
from genoarrays.genome.overlap import subtract_regions
from genoarrays.genome.regions import columns_dataset, region_columns
from genoarrays.ops.content import base_counts

__all__ = ["Rules", "place"]

_ALL = 2**18  # places of which all are looked at
_ROUND = 2**21  # most places to look at in one round: counting their bases takes 0.44 GB
_MOST = 2**26  # most places to look at in all
_CELLS = 2**22  # most cells of the genome in which `pick` looks for what was taken
_BINS = 2**20  # more bins of GC content than there are
_YIELD = 0.01  # of those that are left; three full rounds that place fewer are the last
_GROWTH = 4  # more places in the next round, where this one did not suffice
_CURES = {
    "space": "there is no free place that is wide enough; take a smaller guard or width, fewer "
    "exclusions, or a larger within=",
    "unknown": "free places have more unknown bases than max_unknown={}; raise it",
    "gc": "no free place was found with the GC content of its positive; take a wider gc_bin, a "
    'smaller ratio, or leave out match="gc"',
    "overlap": "free places lie on background regions placed before; ask for fewer, or say "
    "overlap=True",
}


class Rules(NamedTuple):
    """What background regions must be; `gc_bin` is None where their GC content does not matter."""

    dna: xr.DataArray | None
    max_unknown: float
    gc_bin: float | None
    by_contig: bool
    overlap: bool

    @property
    def needs_bases(self) -> bool:
        """Whether bases must be counted."""
        return self.dna is not None and (self.max_unknown < 1 or self.gc_bin is not None)


def place(
    positives: Columns,
    width: Ints,
    template: Ints,
    free: Columns,
    rules: Rules,
    rng: np.random.Generator,
) -> Columns:
    """Background regions, with the strands of their templates.

    Parameters
    ----------
    positives
        What they are like.
    width
        bp of a background region, for each of the positives.
    template
        The positive of each background region.
    free
        Disjoint stretches that they may lie in.
    rules
        What they must be.
    rng
        Draws the places.

    Raises
    ------
    RegionError
        When some find no place, or a positive has no base to compare with.
    """
    search = _Search(positives, width, template, free, rules, rng)
    while search.left.size and search.looked < _MOST and search.idle < 3:
        search.round()
    if number := search.left.size + search.stuck.total():
        raise RegionError(
            f"only {len(template) - number:,} of {len(template):,} background regions found a "
            f"place: {search.why()}"
        )
    orientation = positives.orientation[template]
    end = search.start + search.width
    return Columns(free.names, search.code, search.start, end, orientation, free.assembly)


class _Search:
    """Background regions on their way to a place; those in `left` have none yet."""

    def __init__(
        self,
        positives: Columns,
        width: Ints,
        template: Ints,
        free: Columns,
        rules: Rules,
        rng: np.random.Generator,
    ) -> None:
        size = len(template)
        self.positives, self.template, self.rules, self.rng = positives, template, rules, rng
        self.free, self.width = free, width[template]
        self.space = int((free.end - free.start).sum())
        self.pool = positives.code.astype(np.int64)[template] * rules.by_contig
        self.code, self.start = np.zeros(size, dtype=np.int32), np.zeros(size, dtype=np.int64)
        self.left, self.done = np.arange(size), np.arange(0)
        self.idle = self.looked = 0
        self.stuck: Counter[str] = Counter()  # for which there is no place, by reason
        self.hindrance: Counter[str] = Counter()  # why those that are left have no place yet
        self.many = 8.0 if rules.gc_bin else 1.25 if rules.needs_bases else 1.0
        self.bins: Ints | None = None  # of the GC content of the positives
        kinds, self.kind = np.unique(np.stack([self.width, self.pool]), axis=1, return_inverse=True)
        self.kinds = kinds[0], kinds[1]
        assert free.assembly is not None
        self.offset = np.concatenate([[0], np.cumsum(free.assembly.lengths)])

    def round(self) -> None:
        """Draw places, and give those that suit to templates."""
        places = Places(self.free, self.rules.by_contig)
        number = places.count(*self.kinds)
        there = number[self.kind[self.left]] > 0
        self.stuck["overlap" if self.looked else "space"] += int((~there).sum())
        self.left = self.left[there]
        if not self.left.size:
            return
        kinds = np.unique(self.kind[self.left])
        exhausts = number[kinds].sum() <= _ALL
        candidates, kind = self._all(places, kinds) if exhausts else self._some(places)
        self.looked += max(candidates.size, 1)
        placed = self._take(candidates, kind, exhausts)
        if exhausts and self.left.size:
            self.stuck += self.hindrance
            self.left = self.left[:0]
        elif candidates.size >= _ROUND and placed <= _YIELD * self.left.size:
            self.idle += 1
        self.many *= _GROWTH

    def _all(self, places: Places, kinds: Ints) -> tuple[Columns, Ints]:
        found = [places.every(int(self.kinds[0][n]), int(self.kinds[1][n])) for n in kinds.tolist()]
        kind = np.repeat(kinds, [len(start) for _, start in found])
        code, start = (np.concatenate(some) for some in zip(*found, strict=True))
        order = self.rng.permutation(len(start))
        return self._columns(code[order], start[order], kind[order]), kind[order]

    def _some(self, places: Places) -> tuple[Columns, Ints]:
        size = min(int(self.many * self.left.size) + 1, _ROUND)
        kind = self.kind[np.resize(self.rng.permutation(self.left), size)]
        code, start = places.draw(self.rng, self.kinds[0][kind], self.kinds[1][kind])
        return self._columns(code, start, kind), kind

    def _columns(self, code: npt.NDArray[np.int32], start: Ints, kind: Ints) -> Columns:
        nil = np.zeros(len(start), dtype=np.int8)
        end = start + self.kinds[0][kind]
        return Columns(self.free.names, code, start, end, nil, self.free.assembly)

    def _take(self, candidates: Columns, kind: Ints, exhausts: bool) -> int:
        """Give candidates to templates; how many were given."""
        suits, bins = self._suiting(candidates)
        suited = np.bincount(kind[suits], minlength=len(self.kinds[0])) > 0
        # templates and candidates of one kind and one bin of GC content are one group
        mine = self.kind[self.left]
        if self.bins is not None:
            mine = mine * _BINS + self.bins[self.template[self.left]]
            kind = kind * _BINS + bins
        groups, of, wanted = np.unique(mine, return_inverse=True, return_counts=True)
        group = np.minimum(np.searchsorted(groups, kind), len(groups) - 1)
        rows = np.flatnonzero(suits & (groups[group] == kind))
        # those that have least choice come first, so that others do not take their places
        choice = np.bincount(group[rows], minlength=len(groups)) / wanted
        rows = rows[np.argsort(choice[group[rows]], kind="stable")]
        chosen, hindered = self._pick(candidates.take(rows), group[rows], wanted)
        taken = rows[chosen]
        # both in the order of groups, in each of which the first ones get a place
        taken = taken[np.argsort(group[taken], kind="stable")]
        order = np.argsort(of, kind="stable")
        rank = np.arange(len(of)) - np.searchsorted(of[order], of[order])
        got = rank < np.bincount(group[taken], minlength=len(groups))[of[order]]
        rows = self.left[order[got]]
        full = (hindered > 0) | (exhausts & (choice > 0))
        why = np.where(suited[self.kind[self.left]], "gc", "unknown")
        away = np.where(full[of], "overlap", why)
        self.hindrance = Counter(away[order[~got]].tolist())
        self.code[rows], self.start[rows] = candidates.code[taken], candidates.start[taken]
        self.done = np.concatenate([self.done, rows])
        self.left = np.sort(self.left[order[~got]])
        if self.left.size and taken.size and not self.rules.overlap:
            free, used = columns_dataset(self.free), columns_dataset(candidates.take(taken))
            self.free = region_columns(subtract_regions(free, used))
        return int(taken.size)

    def _pick(self, candidates: Columns, group: Ints, wanted: Ints) -> tuple[Ints, Ints]:
        """Rows of the candidates that are taken; how many of each group have no room for that."""
        from genoarrays.examples.picking import pick

        start = self.offset[candidates.code] + candidates.start
        end = start + candidates.end - candidates.start
        before = 0
        if self.rules.overlap:  # what has a place keeps it
            before = len(self.done)
            first = self.offset[self.code[self.done]] + self.start[self.done]
            start = np.concatenate([first, start])
            end = np.concatenate([first + self.width[self.done], end])
            group = np.concatenate([np.full(before, -1), group])
        width = self.width[self.left]
        cell = max(int(width.mean()), int(self.offset[-1]) // _CELLS) + 1
        cells = int(self.offset[-1]) // cell + 1
        most = before + int((width // cell + 2).sum())
        taken, hindered = pick(
            start, end, group, wanted.copy(), before, not self.rules.overlap, cell, cells, most
        )
        return np.flatnonzero(taken[before:]), hindered

    def _suiting(self, candidates: Columns) -> tuple[npt.NDArray[np.bool_], Ints]:
        """Which candidates have known bases enough, and the bin of the GC content of each."""
        rules, size = self.rules, candidates.size
        nil = np.zeros(size, dtype=np.int64)
        if not rules.needs_bases:
            return np.ones(size, dtype=bool), nil
        assert rules.dna is not None
        first = rules.gc_bin is not None and self.bins is None  # one pass for both
        both = concat_columns([candidates, self.positives]) if first else candidates
        counts = base_counts(rules.dna, both)
        unknown = (counts.all - counts.known)[:size]
        suits = unknown / counts.all[:size] <= rules.max_unknown
        if rules.gc_bin is None:
            return suits, nil
        bins = counts.gc_bins(rules.gc_bin)
        if first:
            self.bins = bins[size:]
            if (bad := np.flatnonzero(self.bins < 0)).size:
                raise RegionError(
                    f"region {self.positives.labels(bad[:1]).tolist()[0]} (one of {bad.size:,}) "
                    "has no known base, so there is no GC content to match; leave it out, or "
                    'match="gc"'
                )
        return suits, bins[:size]

    def why(self) -> str:
        """What was in the way, the main reason first, and what to do."""
        if self.left.size:
            self.stuck += self.hindrance
        parts = []
        if self.done.size and not self.rules.overlap:
            used, free = int(self.width[self.done].sum()), self.space
            parts = [f"they take {used:,} of {free:,} bp that were free"]
        parts += [
            f"for {number:,} {_CURES[reason].format(self.rules.max_unknown)}"
            for reason, number in self.stuck.most_common()
            if number
        ]
        return "; ".join(parts)
