"""Predictions along whole contigs, tile by tile."""
