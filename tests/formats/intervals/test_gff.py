import contextlib
import gzip
import re

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import genoarrays as ga
from genoarrays.errors import GenomeError, InputError
from genoarrays.formats.text import lines as module
from tests.formats.files import TOY

GTF = (
    "#!genome-build toy\n"
    '#track name="x"\n'
    'chr1\thand\tgene\t11\t90\t0.5\t-\t.\tgene_id "g1"; gene_type "protein_coding";\n'
    'chr1\thand\texon\t11\t20\t.\t-\t2\tgene_id "g1"; gene_type "protein_coding"; '
    'tag "a"; tag "b";\n'
    'chr1\thand\texon\t81\t90\t.\t-\t0\tgene_id "g1"; gene_type "protein_coding"; '
    'note "x; y"; n 7\n'
    'chr2\tauto\tgene\t1\t1\t7\t?\t.\tgene_id "g2"; gene_type "lncRNA"; gene_name "two"\n'
)
GFF3 = (
    "##gff-version 3\n"
    "chr1\thand\tgene\t11\t90\t.\t+\t.\tID=g%3B1;Name=A%2CB;Note=caf%C3%A9 x\n"
    "###\n"
    "chr1\thand\tmRNA\t11\t90\t.\t+\t.\tID=t1; Parent=g1,g0;\n"
    "chr%31\tmy%20hand\tCDS\t11\t13\t1e-3\t+\t0\t.\n"
    "##FASTA\n"
    ">chr1\n"
    "ACGT\n"
)


def write(tmp_path, text, name="x.gtf"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def spans(regions):
    names = ("contig", "start", "end", "strand")
    return list(zip(*(regions[name].values.tolist() for name in names), strict=True))


@pytest.mark.parametrize("change", [str, lambda t: t.replace("\n", "\r\n"), lambda t: t[:-1],
                                    lambda t: gzip.compress(t.encode())])  # fmt: skip
def test_read_regions__reads_gtf(tmp_path, monkeypatch, change):
    path = write(tmp_path, change(GTF))
    for block in (2**22, 1):
        monkeypatch.setattr(module, "_BLOCK", block)
        regions = ga.read_regions(
            path, TOY, format="gtf", attributes=["gene_id", "tag", "note", "n"]
        )
        assert spans(regions) == [
            ("chr1", 10, 90, "-"), ("chr1", 10, 20, "-"), ("chr1", 80, 90, "-"),
            ("chr2", 0, 1, "."),
        ]  # fmt: skip
        got = {name: regions[name].values.tolist() for name in list(regions.data_vars)[4:]}
        assert got.pop("score")[::3] == [0.5, 7]
        assert got == {
            "source": ["hand", "hand", "hand", "auto"],
            "feature": ["gene", "exon", "exon", "gene"],
            "frame": [-1, 2, 0, -1],
            "gene_id": ["g1", "g1", "g1", "g2"],
            "tag": ["", "a,b", "", ""],
            "note": ["", "", "x; y", ""],
            "n": ["", "", "7", ""],
        }


def test_read_regions__reads_gff3(tmp_path):
    names = ["ID", "Parent", "Name", "Note"]
    regions = ga.read_regions(write(tmp_path, GFF3, "x.gff3"), TOY, attributes=names)
    assert spans(regions) == [("chr1", 10, 90, "+"), ("chr1", 10, 90, "+"), ("chr1", 10, 13, "+")]
    got = {name: regions[name].values.tolist() for name in ["source", "feature", "phase", *names]}
    assert got == {
        "source": ["hand", "hand", "my hand"],
        "feature": ["gene", "mRNA", "CDS"],
        "phase": [-1, -1, 0],
        "ID": ["g;1", "t1", ""],
        "Parent": ["", "g1,g0", ""],
        "Name": ["A,B", "", ""],
        "Note": ["café x", "", ""],
    }
    np.testing.assert_array_equal(regions.score, [np.nan, np.nan, 1e-3])
    assert ga.read_regions(write(tmp_path, GFF3.replace("##FASTA\n", ""), "y.gff")).sizes == {
        "region": 3
    }


@pytest.mark.parametrize(
    ("asked", "starts"),
    [
        ({"feature": "gene"}, [10, 0]),
        ({"feature": ["exon", "gene"]}, [10, 10, 80, 0]),
        ({"where": {"gene_type": "lncRNA"}}, [0]),
        ({"where": {"gene_type": ["lncRNA", "protein_coding"]}, "feature": "gene"}, [10, 0]),
        ({"where": {"gene_id": "g1", "tag": "a,b"}}, [10]),
        ({"where": {"source": "auto"}}, [0]),
        ({"where": {"strand": ["-"], "n": 7}}, [80]),
        ({"feature": "gene", "attributes": "gene_name"}, [10, 0]),
    ],
)
def test_read_regions__takes_the_rows_asked_for(tmp_path, monkeypatch, asked, starts):
    for block in (2**22, 1):
        monkeypatch.setattr(module, "_BLOCK", block)
        assert ga.read_regions(write(tmp_path, GTF), TOY, **asked).start.values.tolist() == starts


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"feature": "Gene"}, "there is no feature 'Gene'; features are 'gene', 'exon'"),
        ({"feature": ["gene", "cds"]}, "there is no feature 'cds'"),
        (
            {"feature": "gene", "attributes": ["tag"]},
            "no row of feature 'gene' has the attribute 'tag'; attributes are 'gene_id', "
            "'gene_type', 'gene_name'",
        ),
        ({"where": {"biotype": "x"}}, "no row has the attribute 'biotype'; attributes are"),
        (
            {"where": {"gene_type": ["x", "y"]}},
            "no row has gene_type 'x' or 'y'; there are gene_type: 'protein_coding', 'lncRNA'",
        ),
        ({"where": {"source": "x"}, "feature": "gene"}, "source: 'hand', 'auto'"),
        ({"where": "lncRNA"}, "where='lncRNA' is no dict"),
        ({"attributes": ["score"]}, "the attribute 'score' would take the place of a column"),
    ],
)
def test_read_regions__says_what_there_is_when_nothing_is_selected(tmp_path, asked, message):
    with pytest.raises(GenomeError, match=re.escape(message)):
        ga.read_regions(write(tmp_path, GTF), TOY, **asked)


ROW = 'chr1\th\tgene\t11\t90\t.\t-\t.\tgene_id "g1";\n'


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (ROW.replace("11\t90", "0\t90"), "start 0 and end 90 are no interval: 1 <= start <= end"),
        (ROW.replace("11\t90", "91\t90"), "start 91 and end 90 are no interval"),
        (ROW.replace("11", "1e1"), "start is '1e1', no whole number"),
        (ROW.replace("\t.\t-", "\thigh\t-"), "score is 'high', no number"),
        (ROW.replace("-", "x"), r"strand is 'x'; strands are '\+', '-', '\.', '\?'"),
        (ROW.replace("-\t.", "-\t3"), "frame is '3'; frames are '0', '1', '2', '.'"),
        (ROW.replace('"g1"', '"g1'), "the attributes are .* where gtf has key"),
        (ROW.replace("gene_id ", "gene_id="), "the attributes are .*; correct the row, or name"),
        (ROW.replace("\t.\t-", "\t-"), "8 columns in .*, gtf has 9"),
        (ROW.replace("\t", " "), "1 columns in|[0-9]+ columns in .*, gtf has 9"),
        (ROW.replace("g1", "\xff").encode("latin-1"), "the attributes are .*; use UTF-8 text"),
    ],
)
def test_read_regions__names_the_line_that_is_wrong(tmp_path, bad, message):
    bad = bad if isinstance(bad, bytes) else bad.encode()
    path = write(tmp_path, b"#head\n" + ROW.encode() + bad + ROW.encode())
    with pytest.raises(InputError, match=r"x\.gtf, line 3: .*" + message):
        ga.read_regions(path, TOY, attributes=["gene_id"])


def test_read_regions__refuses_gtf_in_a_gff3_file(tmp_path):
    with pytest.raises(
        InputError, match=r"where gff3 has key=value;key=value; .*name another form"
    ):
        ga.read_regions(write(tmp_path, GTF, "x.gff3"), attributes=["gene_id"])
    with pytest.raises(InputError, match=r"line 2: the attributes are .*use UTF-8 text"):
        ga.read_regions(write(tmp_path, GFF3.replace("%C3%A9", "%C3"), "x.gff3"), attributes=["ID"])


@settings(max_examples=200)
@given(st.binary(max_size=60), st.integers(0, len(GTF)), st.integers(0, 30), st.booleans())
def test_read_regions__damaged_text_is_read_or_an_error(tmp_path_factory, junk, at, gone, gff3):
    text = (GFF3 if gff3 else GTF).encode()
    path = tmp_path_factory.mktemp("x") / ("x.gff3" if gff3 else "x.gtf")
    path.write_bytes(text[:at] + junk + text[at + gone :])
    with contextlib.suppress(GenomeError):
        regions = ga.read_regions(path, attributes=["ID" if gff3 else "gene_id"])
        assert (regions.start >= 0).all()
        assert (regions.start <= regions.end).all()


def test_open_intervals__labels_features(tmp_path):
    path = write(tmp_path, GTF)
    exons = ga.open_intervals(path, like=TOY, feature="exon").label
    assert np.flatnonzero(exons.values).tolist() == [*range(10, 20), *range(80, 90)]
    engine = xr.open_dataset(path, engine="bed", like=TOY, feature="exon")
    xr.testing.assert_identical(engine.label.load(), exons.load())
    coding = ga.open_intervals(
        path, like=TOY, feature="gene", where={"gene_type": "lncRNA"}, mode="score"
    ).label
    assert np.flatnonzero(coding.values).tolist() == [1037]
    assert float(coding[1037]) == 7
    with pytest.raises(InputError, match="line 4: there is no score"):
        ga.open_intervals(path, like=TOY, mode="score")
    kinds = ga.open_intervals(path, like=TOY, mode="category").label
    assert kinds.category.values.tolist() == ["exon", "gene"]
    assert kinds.sum("position").values.tolist() == [20, 81]
    assert kinds.attrs["by"] == "feature"
    types = ga.open_intervals(path, like=TOY, mode="category", by="gene_type", feature="gene").label
    assert types.sum("position").to_series().to_dict() == {"lncRNA": 1, "protein_coding": 80}
    with pytest.raises(InputError, match="line 3: there is no gene_name"):
        ga.open_intervals(path, like=TOY, mode="category", by="gene_name")


def test_read_regions__reads_real_annotation(shared_data):
    folder = shared_data / "yeast_sacCer3" / "annotation"
    path = folder / "sacCer3_ares_v15.gtf.gz"
    exons = ga.read_regions(path, feature="exon", attributes=["gene_id", "gene_type"])
    with gzip.open(path, "rt") as lines:
        rows = [line.rstrip("\n").split("\t") for line in lines if not line.startswith("#")]
    rows = [row for row in rows if len(row) == 9 and row[0]]
    assert exons.start.values.tolist() == [int(row[3]) - 1 for row in rows]
    assert exons.end.values.tolist() == [int(row[4]) for row in rows]
    assert exons.gene_id.values.tolist() == [row[8].split('"')[1] for row in rows]
    coding = ga.read_regions(path, where={"gene_type": "protein_coding"})
    assert coding.sizes["region"] == int((exons.gene_type == "protein_coding").sum()) == 7244
    assert ga.read_regions(folder / "Xu_2009_ORF-Ts_V64.gff3.gz").sizes["region"] == 5171
