"""Aligned reads: BAM and CRAM as counts."""
