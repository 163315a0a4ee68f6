import json

import numpy as np
import pandas as pd
import pysam
import pytest
import xarray as xr

import genoarrays as ga
from genoarrays.models.signature import Signature

from .test_cli import fails, ok

TOY = ga.Assembly("toy", {"chr1": 300, "chr2": 200})
WIDTH = 20


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A store, a model with its signature, a VCF and a GFF."""
    keras = pytest.importorskip("keras")
    folder = tmp_path_factory.mktemp("effects")
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 4, 500).astype("int8")
    ds = xr.Dataset({"dna": ("position", codes, {"alphabet": "ACGT"})}, ga.genome_coords(TOY))
    ga.to_zarr(ds, folder / "a.zarr", progress=False)
    keras.utils.set_random_seed(0)
    entry = keras.Input((WIDTH + 10,), dtype="int8", name="dna")
    hot = keras.layers.Flatten()(ga.models.OneHot()(entry))
    model = keras.Model(entry, keras.layers.Dense(2, "sigmoid", name="bound")(hot))
    x = ga.windows(ds, ["chr1:20-40", "chr1:40-60"], WIDTH, flank=5)
    x["bound"] = ("window", "track"), np.zeros((2, 2), "float32")
    x = x.assign_coords(track=["reb1", "rap1"])
    (folder / "m").mkdir()
    model.save(folder / "m" / "model.keras")
    told = json.dumps(Signature.of(x, "dna", "bound").to_json())
    (folder / "m" / "signature.json").write_text(told)
    lines = ["##fileformat=VCFv4.2", "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"]
    for contig, start in (("chr1", 30), ("chr1", 100), ("chr2", 120), ("chr2", 199)):
        ref = "ACGT"[ds.dna.sel(contig=contig).values[start]]
        other = "CGTA"["ACGT".index(ref)]
        lines.append(f"{contig}\t{start + 1}\t.\t{ref}\t{other},{ref}TT,<DEL>\t.\tPASS\t.")
    lines.append("chr3\t5\t.\tA\tC\t.\t.\t.")
    (folder / "v.vcf").write_text("\n".join(lines) + "\n")
    gff = ["##gff-version 3", "chr2\tx\tgene\t111\t130\t.\t-\t.\tID=g",
           "chr2\tx\texon\t111\t125\t.\t+\t.\tID=e"]  # fmt: skip
    (folder / "g.gff3").write_text("\n".join(gff) + "\n")
    return folder


def test_variants__equal_the_function(place, capsys):
    files = [place / "m", place / "a.zarr", place / "v.vcf"]
    gene = ["--annotation", place / "g.gff3", "--feature", "gene"]
    ok("variants", *files, "--out", place / "e.tsv", "--both-strands", *gene)
    line = capsys.readouterr().out
    assert line == (
        f"{place / 'e.tsv'}: 8 alleles of 5 records; not scored, or marked: 1 contig dropped, "
        "4 symbolic\n"
    )
    tree = ga.open_datatree(place / "a.zarr")
    genes = ga.read_regions(place / "g.gff3", like=TOY, feature="gene")
    due = ga.variant_effects(
        place / "m", place / "v.vcf", like=tree, annotation=genes, both_strands="mean"
    )
    frame = pd.read_csv(place / "e.tsv", sep="\t")
    np.testing.assert_allclose(frame["log_odds_rap1"], due.log_odds.sel(track="rap1"), rtol=1e-4)
    assert frame["orientation"].tolist() == ["+"] * 4 + ["-"] * 2 + ["+"] * 2
    assert {p.name for p in place.iterdir()} == {"a.zarr", "m", "v.vcf", "g.gff3", "e.tsv"}

    ok("variants", *files, "--out", place / "e.vcf.gz", "--tracks", "reb1", "--scores",
       "difference,log_odds", "--annotation", place / "g.gff3")  # fmt: skip
    with pysam.VariantFile(str(place / "e.vcf.gz")) as file:
        records = list(file)
    assert set(records[0].info) == {"difference_reb1", "log_odds_reb1", "ORIENTATION"}
    assert [r.info["ORIENTATION"] for r in records[4:6]] == ["+", "+"]  # of the exon, the shorter
    ok("variants", *files, "--out", place / "e.zarr")
    stored = xr.open_zarr(place / "e.zarr", consolidated=False)
    plain = ga.variant_effects(place / "m", place / "v.vcf", like=tree)
    np.testing.assert_allclose(stored.alt_score, plain.alt_score, atol=1e-6)


def test_variants__tell_mistakes_in_one_line(place, capsys):
    files = [place / "m", place / "a.zarr", place / "v.vcf"]
    assert "end it in .zarr, .tsv" in fails(capsys, "variants", *files, "--out", "e.bed")
    (place / "old.tsv").write_text("")
    line = fails(capsys, "variants", *files, "--out", place / "old.tsv")
    assert "exists already" in line
    assert "--overwrite" in line
    (place / "old.tsv").unlink()
    out = ["--out", place / "new.tsv"]
    assert "give that, too" in fails(capsys, "variants", *files, *out, "--feature", "gene")
    assert "has no track 'gal4'" in fails(capsys, "variants", *files, *out, "--tracks", "gal4")
    away = place / "no" / "e.tsv"
    assert "there is no folder" in fails(capsys, "variants", *files, "--out", away)
    assert not (place / "new.tsv").exists()
