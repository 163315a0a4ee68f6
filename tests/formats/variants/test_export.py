import numpy as np
import pandas as pd
import pysam
import pytest
import xarray as xr

import genoarrays as ga

TEXT = np.dtypes.StringDType()


def effects(rows=50, seed=0, **more):
    """As `ga.variant_effects` gives them, of two tracks; some numbers are missing."""
    rng = np.random.default_rng(seed)
    start = np.sort(rng.integers(0, 900, rows))
    scores = rng.normal(size=(rows, 2)).astype("float32")
    scores[rng.random((rows, 2)) < 0.2] = np.nan
    columns = {
        "contig": np.array(["chr2", "chr1"], TEXT)[(np.arange(rows) > rows // 2).astype(int)],
        "start": start, "end": start + 1,
        "ref": np.array(["A"] * rows, TEXT),
        "alt": np.array(["C", "AT", "G"], TEXT)[rng.integers(0, 3, rows)],
        "id": np.array(["", "rs1"], TEXT)[rng.integers(0, 2, rows)],
        "quality": np.where(rng.random(rows) < 0.5, np.nan, 30.5).astype("float32"),
        "filter": np.array([".", "PASS", "low;q10"], TEXT)[rng.integers(0, 3, rows)],
        "orientation": np.array(["+", "-"], TEXT)[rng.integers(0, 2, rows)], **more,
    }  # fmt: skip
    table = xr.Dataset(coords={name: ("variant", v) for name, v in columns.items()})
    table["difference"] = ("variant", "track"), scores, {"long_name": 'alt - "ref"'}
    table["log_odds"] = "variant", scores[:, 0] * 1e-9
    table["profile"] = ("variant", "offset"), np.zeros((rows, 5), "float32")
    assembly = xr.Variable((), "digest", {"name": "toy"})
    table = table.assign_coords(track=["Reb1", "Pol II"], assembly=assembly)
    return table.assign_attrs(contig_lengths={"chr1": 1000, "chr2": 2000}, model="a.model")


@pytest.mark.parametrize("name", ["e.vcf", "e.vcf.gz"])
def test_to_vcf__is_what_pysam_reads(tmp_path, name):
    table = effects()
    path = ga.to_vcf(table, tmp_path / name)
    assert path == str(tmp_path / name)
    with pysam.VariantFile(path) as file:
        header = file.header
        assert list(header.contigs) == ["chr1", "chr2"]
        assert header.contigs["chr2"].length == 2000
        assert list(header.filters) == ["PASS", "low", "q10"]
        info = {n: (f.number, f.type, f.description) for n, f in header.info.items()}
        assert info["difference_Reb1"] == ("A", "Float", 'alt - \\"ref\\" (track Reb1)')
        assert set(info) == {"difference_Reb1", "difference_Pol_II", "log_odds", "ORIENTATION"}
        records = list(file)
    assert len(records) == table.sizes["variant"]
    for number, record in enumerate(records):
        row = table.isel(variant=number)
        assert (record.contig, record.start) == (str(row.contig.values), int(row.start))
        assert (record.ref, record.alts) == (str(row.ref.values), (str(row.alt.values),))
        assert (record.id or "") == str(row.id.values)
        assert (record.qual is None) == bool(np.isnan(row.quality))
        assert (";".join(record.filter) or ".") == str(row["filter"].values)
        assert record.info["ORIENTATION"] == str(row.orientation.values)
        for field, value in (
            ("difference_Reb1", row.difference[0]), ("difference_Pol_II", row.difference[1]),
            ("log_odds", row.log_odds),
        ):  # fmt: skip
            (found,) = record.info[field]
            if np.isnan(value):
                assert found is None
            else:
                np.testing.assert_allclose(found, value, rtol=1e-5)


def test_to_vcf__is_bgzipped_so_that_it_can_be_indexed(tmp_path):
    table = effects().sortby(["contig", "start"])
    path = ga.to_vcf(table, tmp_path / "e.vcf.gz")
    pysam.tabix_index(path, preset="vcf")
    with pysam.VariantFile(path) as file:
        assert len(list(file.fetch("chr1"))) == int((table.contig == "chr1").sum())


def test_to_vcf__names_fields_as_vcf_allows_and_no_two_alike(tmp_path):
    table = effects(3).drop_vars(["log_odds", "profile"]).assign_coords(track=["a b", "a-b"])
    stranded = table.difference.rename(track="strand").assign_coords(strand=["+", "-"])
    table = table.drop_vars("difference").assign(
        x=table.difference, stranded=stranded, ref_matches=("variant", [True, False, True]),
        feature_name=("variant", np.array(["a;b = 50%", "", "x"], TEXT)),
    )  # fmt: skip
    with pysam.VariantFile(ga.to_vcf(table, tmp_path / "e.vcf")) as file:
        assert {"x_a_b", "x_a_b_2", "stranded_plus", "stranded_minus"} <= set(file.header.info)
        records = list(file)
    assert ["REF_MISMATCH" in r.info for r in records] == [False, True, False]
    assert records[0].info["FEATURE_NAME"] == "a%3Bb%20%3D%2050%25"
    assert "FEATURE_NAME" not in records[1].info


def test_to_vcf__of_some_scores_and_of_none(tmp_path):
    table = effects(4)
    with pysam.VariantFile(ga.to_vcf(table, tmp_path / "a.vcf", scores="log_odds")) as file:
        assert set(file.header.info) == {"log_odds", "ORIENTATION"}
    bare = table[["contig", "start", "ref", "alt"]].reset_coords().drop_vars("assembly")
    bare = bare[["contig", "start", "ref", "alt"]].assign_attrs({})
    with pysam.VariantFile(ga.to_vcf(bare, tmp_path / "b.vcf")) as file:
        assert [r.start for r in file] == table.start.values.tolist()
    for scores in ("profile", "nothing"):
        with pytest.raises(ga.GenomeError, match=f"no score '{scores}'.*it has difference, log_"):
            ga.to_vcf(table, tmp_path / "c.vcf", scores=scores)
    with pytest.raises(ga.GenomeError, match="no table of variants"):
        ga.to_vcf(table.drop_vars("alt"), tmp_path / "c.vcf")
    assert not (tmp_path / "c.vcf").exists()


@pytest.mark.parametrize("write", [ga.to_vcf, ga.effects_to_tsv])
def test_files__appear_whole_and_are_not_replaced_unasked(tmp_path, write, monkeypatch):
    path = tmp_path / "e.out"
    write(effects(5), path)
    before = path.read_bytes()
    with pytest.raises(ga.GenomeError, match="exists already"):
        write(effects(6), path)
    lazy = effects(40).chunk(variant=8)
    lazy["log_odds"] = lazy.log_odds.copy(data=lazy.log_odds.data.map_blocks(_stop, dtype="f4"))
    monkeypatch.setattr("genoarrays.formats.variants.export._ROWS", 8)
    with pytest.raises(RuntimeError, match="stop"):
        write(lazy, path, overwrite=True)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["e.out"]
    write(effects(6), path, overwrite=True)
    assert path.read_bytes() != before


def _stop(block, block_info=None):
    if block_info and block_info[0]["chunk-location"] == (3,):
        raise RuntimeError("stop")
    return block


@pytest.mark.parametrize("write", [ga.to_vcf, ga.effects_to_tsv])
def test_files__of_lazy_effects_are_the_same_in_pieces(tmp_path, write, monkeypatch):
    table = effects(70)
    write(table, tmp_path / "whole")
    monkeypatch.setattr("genoarrays.formats.variants.export._ROWS", 16)
    write(table.chunk(variant=30), tmp_path / "pieces")
    assert (tmp_path / "whole").read_bytes() == (tmp_path / "pieces").read_bytes()


@pytest.mark.parametrize("name", ["e.tsv", "e.tsv.gz"])
def test_effects_to_tsv__is_what_pandas_reads(tmp_path, name):
    table = effects(window_start=np.arange(50))
    frame = pd.read_csv(
        ga.effects_to_tsv(table, tmp_path / name), sep="\t", keep_default_na=False,
        na_values={n: [""] for n in ("difference_Reb1", "difference_Pol II", "quality")},
    )  # fmt: skip
    assert list(frame.columns[:8]) == [
        "contig", "start", "end", "ref", "alt", "id", "quality", "filter"
    ]  # fmt: skip
    assert list(frame.columns[-3:]) == ["difference_Reb1", "difference_Pol II", "log_odds"]
    for column in ("start", "quality", "window_start"):
        np.testing.assert_allclose(frame[column], table[column])
    np.testing.assert_allclose(frame["difference_Pol II"], table.difference[:, 1], rtol=1e-5)
    assert frame["alt"].tolist() == table.alt.values.tolist()


def test_files__of_no_variants_have_their_head(tmp_path):
    table = effects(1).isel(variant=slice(0))
    with pysam.VariantFile(ga.to_vcf(table, tmp_path / "e.vcf")) as file:
        assert list(file) == []
    assert (tmp_path / "e.vcf").read_text().count("##INFO") == 4
    ga.effects_to_tsv(table, tmp_path / "e.tsv")
    assert len((tmp_path / "e.tsv").read_text().splitlines()) == 1
