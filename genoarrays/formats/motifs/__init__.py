"""Motif files to labelled matrices."""
