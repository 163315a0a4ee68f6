import gzip
import math

import numpy as np
import pysam
import pytest

import genoarrays as ga
from genoarrays.errors import AssemblyError, ContigError, GenomeError, InputError
from tests.formats.files import TOY, bgzip, random_bases, write_fasta

CONTIGS = "".join(f"##contig=<ID={c},length={n}>\n" for c, n in
                  zip(TOY.names, TOY.lengths.tolist(), strict=True))  # fmt: skip
COLUMNS = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO"]
BASES = {c: random_bases(i, int(TOY.length(c)), "ACGTacgtN") for i, c in enumerate(TOY.names)}


def write_vcf(path, rows, *, contigs=CONTIGS, samples=(), end="\n", last=True):
    """Rows: tuples of the first 5 to 7 columns, or of all; the others are filled in."""
    columns = COLUMNS + (["FORMAT", *samples] if samples else [])
    lines = ["##fileformat=VCFv4.2", *contigs.splitlines(), "\t".join(columns)]
    for row in rows:
        full = [*map(str, row), *[".", ".", "."][len(row) - 5 :]] if len(row) < 8 else row
        lines.append("\t".join(map(str, full)))
    text = end.join(lines) + (end if last else "")
    path.write_bytes(text.encode("latin-1"))
    return path


def indexed(path):
    pysam.tabix_compress(str(path), f"{path}.gz", force=True)
    pysam.tabix_index(f"{path}.gz", preset="vcf", force=True)
    return path.with_name(path.name + ".gz")


def as_bcf(path, index=True):
    out = path.with_suffix(".bcf")
    with (
        pysam.VariantFile(str(path)) as source,
        pysam.VariantFile(str(out), "wb", header=source.header) as sink,
    ):
        for record in source:
            sink.write(record)
    if index:
        pysam.tabix_index(str(out), preset="bcf", force=True)
    return out


def oracle(path, max_length=50):
    """Rows of plain alleles, by pysam."""
    found = []
    with pysam.VariantFile(str(path)) as file:
        for record in file:
            for allele, alt in enumerate(record.alts or (), 1):
                letters = set((record.ref + alt).upper())
                if letters <= set("ACGT") and max(len(record.ref), len(alt)) <= max_length:
                    found.append(
                        (record.contig, record.start, record.stop, record.ref.upper(), alt.upper(),
                         record.id or "", ";".join(record.filter.keys()) or ".", allele)
                    )  # fmt: skip
    return found


def rows_of(table):
    names = ("contig", "start", "end", "ref", "alt", "id", "filter", "allele")
    return list(zip(*(table[name].values.tolist() for name in names), strict=True))


def genome(tmp_path):
    return write_fasta(tmp_path / "toy.fa", BASES)


def variants_on(bases, seed, number=120):
    """Records whose REF is that of the genome, unsorted."""
    rng = np.random.default_rng(seed)
    rows = []
    while len(rows) < number:
        contig = str(rng.choice(TOY.names))
        length = int(rng.choice([1, 1, 1, 2, 5]))
        start = int(rng.integers(0, TOY.length(contig) - length + 1))
        ref = bases[contig][start : start + length].upper()
        if set(ref) <= set("ACGT"):
            alts = ["A" + ref, ref[:1] + "GATTACA", "acgt"[int(rng.integers(4))]]
            kept = [a for a in alts if a.upper() != ref][: int(rng.integers(1, 4))]
            rows.append((contig, start + 1, ".", ref, ",".join(kept), 30, "PASS"))
    return rows


@pytest.mark.parametrize("kind", ["plain", "gzip", "bgzip", "bcf", "crlf", "no last line end"])
def test_read_variants__gives_every_plain_allele_as_pysam(tmp_path, kind):
    rows = [*variants_on(BASES, 0), *[("chr2", 3, "rs1;x", "A", "<DEL>,C,*", "1e2", "q10;s50")]]
    contigs = CONTIGS + '##INFO=<ID=END,Number=1,Type=Integer,Description="e">\n'
    contigs += "##FILTER=<ID=q10,Description=a>\n##FILTER=<ID=s50,Description=a>\n"
    plain = write_vcf(tmp_path / "x.vcf", rows, contigs=contigs)
    expected = oracle(plain)
    path = plain
    if kind == "gzip":
        path = tmp_path / "y.vcf.gz"
        path.write_bytes(gzip.compress(plain.read_bytes()))
    elif kind == "bgzip":
        path = bgzip(plain)
    elif kind == "bcf":
        path = as_bcf(plain, index=False)
    elif kind == "crlf":
        path = write_vcf(tmp_path / "z.vcf", rows, contigs=contigs, end="\r\n")
    elif kind == "no last line end":
        path = write_vcf(tmp_path / "z.vcf", rows, contigs=contigs, last=False)
    table = ga.read_variants(path)
    assert rows_of(table) == expected
    assert table.attrs["variants"] == {
        "records": len(rows), "kept": len(expected), "spanning_deletion": 1, "symbolic": 1,
    }  # fmt: skip
    assert table.attrs["ref_checked"] is False
    assert table.quality.dtype == np.float32
    assert table.quality.values.tolist() == [30.0] * (len(expected) - 1) + [100.0]
    labels = [f"{c}:{start}:{ref}>{alt}" for c, start, _, ref, alt, *_ in expected]
    assert table["variant"].values.tolist() == labels
    assert "assembly" in table.coords


def test_read_variants__counts_what_is_left_out(tmp_path):
    rows = [
        ("chr1", 5, ".", "A", "."),
        ("chr1", 5, ".", "A", "*"),
        ("chr1", 5, ".", "A", "<INS:ME>"),
        ("chr1", 5, ".", "A", "A[chr2:7["),
        ("chr1", 5, ".", "A", "]chr2:7]A"),
        ("chr1", 5, ".", "A", ".A"),
        ("chr1", 5, ".", "A", "N"),
        ("chr1", 5, ".", "M", "T"),
        ("chr1", 5, ".", "A", "a"),
        ("chr1", 5, ".", "A", "A" * 51),
        ("chr1", 5, ".", "A" * 51, "A"),
        ("chr1", 0, ".", "A", "C"),
        ("chr1", 1037, ".", "A", "C"),
        ("chr1", 1037, ".", "AA", "C"),
        ("chrU", 5, ".", "A", "C"),
    ]
    path = write_vcf(tmp_path / "x.vcf", rows)
    table = ga.read_variants(path, TOY)
    assert table["variant"].values.tolist() == ["chr1:1036:A>C"]
    assert table.attrs["variants"] == {
        "records": 15, "kept": 1, "ambiguous_letters": 2, "contig_dropped": 1, "no_alternative": 1,
        "out_of_bounds": 2, "same_as_ref": 1, "spanning_deletion": 1, "symbolic": 4, "too_long": 2,
    }  # fmt: skip
    assert table.attrs["contigs_dropped"] == ["chrU"]
    assert ga.read_variants(path, TOY, max_length=None).sizes["variant"] == 3
    with pytest.raises(InputError, match=r"x\.vcf, line 17: POS 0 of REF A is not within chr1 of"):
        ga.read_variants(path, TOY, out_of_bounds="error")
    free = ga.read_variants(path)  # chrU has no length: nothing is known but that POS 0 is wrong
    assert free.attrs["variants"]["out_of_bounds"] == 1
    assert "assembly" not in free.coords


def test_read_variants__checks_ref_against_the_genome(tmp_path):
    good = variants_on(BASES, 1, number=40)
    contig, start = "chr1", BASES["chr1"].upper().index("G")
    unknown = BASES["chr2"].index("N")
    before = BASES["chr1"][start - 1 : start].upper()
    bad = [(contig, start + 1, "wrong", "A", "C"), ("chr2", unknown + 1, "masked", "A", "C"),
           ("chr1", start, "long", before + "A", "T")]  # fmt: skip
    path = write_vcf(tmp_path / "x.vcf", [*good, *bad])
    everything = oracle(path)
    fasta = genome(tmp_path)
    lazy = ga.open_fasta(fasta)
    reversed_order = lazy.sel(contig=["chr3", "chr2", "chr1"])
    for like in (fasta, bgzip(fasta), lazy, lazy.dna, lazy.load(), reversed_order):
        table = ga.read_variants(path, like)
        assert rows_of(table) == everything[:-3]
        assert table.attrs["variants"]["ref_mismatch"] == 3
        assert table.attrs["ref_checked"] is True
    table = ga.read_variants(path, fasta, ref_mismatch="flag")
    assert rows_of(table) == everything
    assert table.ref_matches.values.tolist() == [True] * (len(everything) - 3) + [False] * 3
    upper = {c: b.upper() for c, b in BASES.items()}
    for row in rows_of(table.isel(variant=table.ref_matches.values)):
        assert upper[row[0]][row[1] : row[2]] == row[3]
    line = 6 + len(good)
    with pytest.raises(InputError, match=rf"line {line}: REF is A, and the genome has G at chr1:"):
        ga.read_variants(path, fasta, ref_mismatch="error")
    some = lazy.sel(position=["chr1:0-1037"])
    table = ga.read_variants(path, some)
    assert table.attrs["variants"]["ref_mismatch"] == 2
    assert table.attrs["variants"]["ref_unchecked"] == sum(r[0] != "chr1" for r in everything)


def test_read_variants__refuses_another_genome(tmp_path):
    path = write_vcf(tmp_path / "x.vcf", variants_on(BASES, 1))
    other = write_fasta(tmp_path / "other.fa", {c: b[::-1] for c, b in BASES.items()})
    for how in ("drop", "flag"):
        with pytest.raises(AssemblyError, match=r"variants do not fit this genome.*line 6: REF is"):
            ga.read_variants(path, other, ref_mismatch=how)
    longer = ga.Assembly("longer", {"chr1": 1038})
    with pytest.raises(AssemblyError, match="has 1,037 bp here and 1,038 bp"):
        ga.read_variants(path, longer)
    renamed = ga.Assembly("renamed", {"1": 1037, "2": 500, "3": 91})
    with pytest.raises(ContigError, match='rename_contigs="match"'):
        ga.read_variants(path, renamed)
    table = ga.read_variants(path, renamed, rename_contigs="match")
    assert set(table.contig.values.tolist()) == {"1", "2", "3"}
    assert rows_of(ga.read_variants(path))[0][1:] == rows_of(table)[0][1:]
    bare = write_vcf(tmp_path / "bare.vcf", variants_on(BASES, 1), contigs="")
    with pytest.raises(GenomeError, match="rename_contigs= needs like="):
        ga.read_variants(bare, rename_contigs="ensembl")
    short = ga.Assembly("short", {"chr1": 10, "chr2": 10, "chr3": 10})
    with pytest.raises(AssemblyError, match="is not within chr"):
        ga.read_variants(bare, short)


@pytest.mark.parametrize("kind", ["vcf", "bcf"])
def test_read_variants__counts_alleles_of_samples(tmp_path, kind):
    head = '##FORMAT=<ID=GT,Number=1,Type=String,Description="g">\n'
    head += '##FORMAT=<ID=DP,Number=1,Type=Integer,Description="d">\n'
    rows = [
        ("chr1", 5, ".", "A", "C,G", ".", ".", ".", "GT:DP", "0/1:3", "1|2:4", "./.:.", "2"),
        ("chr1", 9, ".", "A", "C", ".", ".", ".", "GT", "1/1", "0|0", "./1", "0/1/1"),
        ("chr1", 11, ".", "A", "C", ".", ".", ".", "DP", "1", "2", "3", "4"),
    ]
    samples = ["s1", "s2", "s3", "s4"]
    path = write_vcf(tmp_path / "x.vcf", rows, contigs=CONTIGS + head, samples=samples)
    path = as_bcf(path) if kind == "bcf" else path
    table = ga.read_variants(path, TOY, genotypes=True)
    assert table["sample"].values.tolist() == samples
    assert table.dosage.dtype == np.int8
    assert table.dosage.values.tolist() == [
        [1, 1, -1, 0], [0, 1, -1, 1], [2, 0, -1, 2], [-1, -1, -1, -1],
    ]  # fmt: skip
    assert "dosage" not in ga.read_variants(path, TOY)
    with ga.set_options(byte_limit=8), pytest.raises(GenomeError, match="region= at a time"):
        ga.read_variants(path, TOY, genotypes=True)


@pytest.mark.parametrize("call", ["0/3", "x", "0/", "-1/0"])
def test_read_variants__refuses_genotypes_without_an_allele(tmp_path, call):
    row = ("chr1", 5, ".", "A", "C,G", ".", ".", ".", "GT", call)
    path = write_vcf(tmp_path / "x.vcf", [row], samples=["s"])
    with pytest.raises(InputError, match=r"line 6: the genotype .* has alleles other than 0 to 2"):
        ga.read_variants(path, TOY, genotypes=True)


@pytest.mark.parametrize("kind", ["vcf", "bcf"])
def test_read_variants__reads_a_region_by_index(tmp_path, kind):
    order = sorted(variants_on(BASES, 2), key=lambda r: (r[0], r[1]))
    plain = write_vcf(tmp_path / "x.vcf", order)
    path = as_bcf(plain) if kind == "bcf" else indexed(plain)
    expected = [r for r in oracle(plain) if r[0] == "chr1" and r[1] < 700 and r[2] > 300]
    table = ga.read_variants(path, TOY, region="chr1:300-700")
    assert rows_of(table) == expected
    assert 0 < len(expected) < len(oracle(plain))
    assert table.attrs["variants"]["kept"] == len(expected)
    names = ga.Assembly("t", {"one": 1037})
    renamed = ga.read_variants(path, names, region="one:300-700", rename_contigs={"chr1": "one"})
    assert renamed.start.values.tolist() == table.start.values.tolist()
    with pytest.raises(ContigError, match="'chrX' is not in assembly"):
        ga.read_variants(path, TOY, region="chrX:0-5")
    (tmp_path / "bare").mkdir()
    bare = tmp_path / "bare" / path.name
    bare.write_bytes(path.read_bytes())
    with pytest.raises(InputError, match="index"):
        ga.read_variants(bare, TOY, region="chr1:300-700")
    if kind == "vcf":
        with pytest.raises(InputError, match="needs a bgzipped file and its index"):
            ga.read_variants(plain, TOY, region="chr1:300-700")


@pytest.mark.parametrize("seed", [3, 4])
@pytest.mark.parametrize("kind", ["vcf.gz.tbi", "vcf.gz.csi", "bcf.csi"])
def test_read_variants__refuses_an_index_of_another_file(tmp_path, kind, seed):
    paths = []
    for name, one, number in (("x", 2, 300), ("y", seed, 40), ("z", seed, 40)):
        rows = sorted(variants_on(BASES, one, number=number), key=lambda r: (r[0], r[1]))
        rows = [row for row in rows if row[0] != "chr1" or name != "z"]
        plain = write_vcf(tmp_path / f"{name}.vcf", rows)
        paths.append(as_bcf(plain) if kind == "bcf.csi" else bgzip(plain))
        if kind != "bcf.csi":
            pysam.tabix_index(str(paths[-1]), preset="vcf", csi=kind.endswith("csi"))
    path, suffix = paths[0], f".{kind.rsplit('.', 1)[1]}"
    expected = [r for r in oracle(path) if r[0] == "chr1" and r[1] < 700 and r[2] > 300]
    assert expected
    assert rows_of(ga.read_variants(path, TOY, region="chr1:300-700")) == expected
    index = path.with_name(path.name + suffix)
    message = rf"x\.{kind}, contig 'chr1': it is not the index of .*; make the index again: "
    for other in paths[1:]:  # the last has no rows on chr1
        index.write_bytes(other.with_name(other.name + suffix).read_bytes())
        with pytest.raises(InputError, match=message.replace(".gz.", r"\.gz\.")):
            ga.read_variants(path, TOY, region="chr1:300-700")
    index.write_bytes(b"hello")
    with pytest.raises(InputError, match="index"):
        ga.read_variants(path, TOY, region="chr1:300-700")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.replace("\t7\t", "\tx\t"), "line 7: POS is 'x', no whole number"),
        (lambda t: t.replace("\t7\t", "\t-7\t"), "line 7: POS is '-7'"),
        (lambda t: t.replace("\t7\t", "\t1_0\t"), "line 7: POS is '1_0'"),
        (lambda t: t.replace("\t7\t", "\t\t"), "line 7: POS is ''"),
        (lambda t: t.replace("\tT\t50", "\tT\thigh"), "line 7: QUAL is 'high', no number"),
        (lambda t: t.replace("\tG\tT", "\t\tT"), "line 7: REF is ''"),
        (lambda t: t.replace("\tG\tT", "\tG\t"), "line 7: ALT is ''"),
        (lambda t: t.replace("chr1\t7", "chr1 \t7"), "line 7: CHROM is 'chr1 '"),
        (lambda t: t.replace("\t7\t", " 7 "), "line 7: 6 columns in 'chr1 7 .* and 8 in the"),
        (lambda t: t.rstrip("\n") + "\nchr1\t9\t.\tA", "line 8: 4 columns .* and 8 in the header"),
        (lambda t: t + t[t.index("#CHROM") :], "line 8: the header line .* among the records"),
        (lambda t: t.replace("rs", "r\xff"), "line 7: it is no UTF-8 text"),
        (lambda t: t.replace("##fileformat=VCFv4.2", "@HD"), "line 1: it is no VCF file"),
        (lambda t: t.replace("#CHROM\t", "#CHROM "), "line 5: the line #CHROM POS ID"),
        (lambda t: t[: t.index("#CHROM")], "line 4: the line #CHROM POS ID"),
        (lambda t: t.replace("ID=chr2", "ID=chr1"), "line 3: contig 'chr1' is listed twice"),
        (lambda t: t.replace("ID=chr2,", ""), "line 3: a contig has no name"),
        (lambda t: "", "the file is empty"),
    ],
)
def test_read_variants__names_the_malformed_line(tmp_path, change, message):
    rows = [("chr1", 5, ".", "A", "C"), ("chr1", 7, "rs", "G", "T", 50)]
    path = write_vcf(tmp_path / "x.vcf", rows)
    text = change(path.read_bytes().decode("latin-1"))
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match=message):
        ga.read_variants(path, TOY)


def test_read_variants__finds_damage(tmp_path, capfd):
    rows = variants_on(BASES, 2, number=3000)
    path = write_vcf(tmp_path / "x.vcf", rows)
    zipped, bcf = bgzip(path), as_bcf(path, index=False)
    whole = zipped.read_bytes()
    for content, message in [
        (whole[:-28], "the file was cut off"),
        (gzip.compress(path.read_bytes())[:-40], "the gzip data are damaged"),
        (whole[: len(whole) // 2], "the file was cut off"),
        (b"\x1f\x8b\x08\x00", "the gzip data are damaged"),
    ]:
        zipped.write_bytes(content)
        with pytest.raises(InputError, match=message):
            ga.read_variants(zipped, TOY)
    whole = bcf.read_bytes()
    for content in (whole[: len(whole) // 2], whole[:-28], whole[:200]):
        bcf.write_bytes(content)
        with pytest.raises(InputError, match=r"x\.bcf.*cut off .*copy or make it again"):
            ga.read_variants(bcf, TOY)
    bcf.write_bytes(whole[: len(whole) // 2] + b"\7" + whole[len(whole) // 2 + 1 :])
    with pytest.raises(InputError, match=r"x\.bcf, after record \d+: the file is damaged"):
        ga.read_variants(bcf, TOY)
    assert capfd.readouterr().err == ""


def test_read_variants__reads_a_header_without_records(tmp_path):
    path = write_vcf(tmp_path / "x.vcf", [])
    table = ga.read_variants(path, genome(tmp_path))
    assert table.sizes["variant"] == 0
    assert table.attrs["variants"] == {"records": 0, "kept": 0}
    assert math.isnan(ga.read_variants(write_vcf(path, [("chr1", 5, ".", "A", "C")])).quality[0])
    for options in ({"ref_mismatch": "skip"}, {"out_of_bounds": "pad"}):
        with pytest.raises(GenomeError, match="is not known; known are drop"):
            ga.read_variants(path, **options)


def test_read_variants__is_a_table_of_regions(tmp_path):
    path = write_vcf(tmp_path / "x.vcf", variants_on(BASES, 4))
    table = ga.read_variants(path, TOY)
    regions = ga.read_regions(table, TOY)
    assert regions.start.values.tolist() == table.start.values.tolist()
    assert regions.alt.values.tolist() == table.alt.values.tolist()
    one = table["variant"].values[7]
    assert table.sel(variant=one).start.size >= 1


def test_read_variants__keeps_the_usable_ones_of_janggus_sample(shared_data):
    folder = shared_data / "janggu_samples"
    table = ga.read_variants(folder / "sample.vcf", folder / "sample_genome.fa")
    assert table.id.values.tolist() == [
        "firstbase", "rs6054258", "rs6054259", "rs6054253", "rs6054254",
    ]  # fmt: skip
    assert table.start.values.tolist() == [0, 59, 119, 179, 239]
    assert table.attrs["variants"] == {
        "records": 10, "kept": 5, "ambiguous_letters": 1, "no_alternative": 1, "out_of_bounds": 4,
        "ref_mismatch": 1,
    }  # fmt: skip


@pytest.mark.parametrize("strain", ["CEN.PK2-1Ca", "RM11-1A", "W303"])
def test_read_variants__reads_yeast_strains_as_pysam(shared_data, tmp_path, strain):
    folder = shared_data / "yeast_sacCer3"
    fasta = tmp_path / "yeast.fa"
    zipped = folder / "sacCer3.R64-1-1.ensembl_names.fa.gz"
    fasta.write_bytes(gzip.decompress(zipped.read_bytes()))
    path = folder / f"variants/{strain}.vcf.gz"
    free = ga.read_variants(path)
    assert rows_of(free) == oracle(path)
    table = ga.read_variants(path, fasta, rename_contigs="match", ref_mismatch="flag")
    assert table.sizes == free.sizes
    with pysam.FastaFile(str(fasta)) as file:
        genome = {name: file.fetch(name).upper() for name in file.references}
    same = [genome[c][a:b] == ref for c, a, b, ref, *_ in rows_of(table)]
    assert table.ref_matches.values.tolist() == same
    assert sum(same) > 0.99 * len(same)
