"""Where on the genome? The axis, its indexes, regions and assemblies; no files, no dask."""
