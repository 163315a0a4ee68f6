"""Zarr shaped like a genome: layout, writing, opening."""
