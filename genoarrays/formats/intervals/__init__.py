"""BED, narrowPeak, broadPeak, bedGraph, GFF and GTF, as labels and as regions."""
