"""What does a stretch of the genome look like?"""

from genoarrays.plot.tracks import plot_tracks

__all__ = ["plot_tracks"]
