"""bigWig, in and out."""
