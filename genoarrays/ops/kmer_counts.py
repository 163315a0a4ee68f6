"""How often does each k-mer occur in each of many stretches of codes?

One loop over the codes, without the GIL: what came before is kept as a number, so that a k-mer
costs as much as a letter.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from genoarrays._compiled import compiled

__all__ = ["count_kmers"]


@compiled
def count_kmers(
    codes: Any, first: Any, size: Any, letters: Any, order: Any, column: Any, out: Any
) -> None:
    """Count the k-mers of row r, `size[r]` codes from `first[r]` on, in `out[r, column[k-mer]]`.

    Codes 0 to `letters` - 1 are known; a k-mer with another one is not counted.
    """
    rest = letters ** (order - 1)  # k-mers that begin alike
    for r in range(len(first)):
        counts, kmer, known = out[r], np.int64(0), 0
        for k in range(first[r], first[r] + size[r]):
            code = np.int64(codes[k])
            if code < 0 or code >= letters:
                known = 0
                continue
            # without a division where it can be: three times as fast
            before = (kmer & (rest - 1)) << 2 if letters == 4 else kmer % rest * letters
            kmer = before + code
            known += 1
            if known >= order:
                counts[column[kmer]] += 1
