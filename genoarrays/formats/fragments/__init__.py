"""Fragments of single cells and of ATAC-seq, as counts."""
