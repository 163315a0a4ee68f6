import pytest

import genoarrays as ga
from genoarrays.errors import AssemblyError, ContigError, GenomeError, InputError
from genoarrays.formats.match import (
    Header,
    assembly_like,
    match_contigs,
    match_files,
    name_files,
)
from tests.formats.files import LENGTHS, TOY, write_fasta


def header(**lengths):
    return Header("/data/x.bw", lengths)


def test_match_contigs__leaves_order_free_and_names_what_it_drops():
    match = match_contigs(header(chr2=500, odd=7, chr1=1037), TOY)
    assert match.assembly is TOY
    assert match.names == {}
    assert match.dropped == ["odd"]


def test_match_contigs__takes_the_files_own_genome_without_like():
    match = match_contigs(header(b=5, a=7), None)
    assert match.assembly.names == ("b", "a")
    assert match.assembly.name == "x"
    with pytest.raises(AssemblyError, match=r"x\.bw does not tell how long .* give like="):
        match_contigs(header(b=None), None)


@pytest.mark.parametrize("length", [0, -5])
def test_match_contigs__refuses_a_header_of_empty_contigs(length):
    header = Header("x.bam", {"chr1": 5, "chr2": length})
    with pytest.raises(
        InputError, match=rf"x\.bam, header: contig 'chr2' has a length of {length}"
    ):
        match_contigs(header, None)


def test_match_contigs__refuses_another_length():
    with pytest.raises(AssemblyError, match=r"x\.bw: contig 'chr2' has 501 bp here and 500 bp"):
        match_contigs(header(chr1=1037, chr2=501), TOY)


def test_match_contigs__refuses_other_bases():
    like = ga.Assembly("toy", LENGTHS, sequence_digests={"chr1": "aa", "chr2": "bb"})
    match_contigs(Header("x.bam", LENGTHS, {"chr1": "aa"}), like)
    with pytest.raises(AssemblyError, match=r"x\.bam: the bases of contig 'chr2' \(MD5 cc\)"):
        match_contigs(Header("x.bam", LENGTHS, {"chr1": "aa", "chr2": "cc"}), like)


def test_match_contigs__proposes_a_renaming_to_paste():
    with pytest.raises(ContigError) as caught:
        match_contigs(Header("x.bed", {"1": None, "2": None, "7": None}), TOY)
    text = str(caught.value)
    assert "x.bed: none of its contigs (1, 2, 7) is in assembly 'toy' (chr1, chr2, chr3)" in text
    assert """rename_contigs="match", that is {'1': 'chr1', '2': 'chr2'}""" in text
    mapping = eval(text.split("that is ")[1])
    assert match_contigs(Header("x.bed", {"1": None}), TOY, mapping).names == {"chr1": "1"}
    with pytest.raises(ContigError, match=r"rename_contigs=\{'their name': 'new name'\}"):
        match_contigs(Header("x.bed", {"plasmid": None}), TOY)


@pytest.mark.parametrize("asked", ["match", "ucsc", {"1": "chr1", "2": "chr2"}])
def test_match_contigs__renames_when_asked_and_records_it(asked):
    match = match_contigs(Header("x.bw", {"1": 1037, "2": 500, "GL7": 3}), TOY, asked)
    assert match.names == {"chr1": "1", "chr2": "2"}
    assert match.renamed == {"1": "chr1", "2": "chr2"}
    assert match.dropped == ["GL7"]


def test_match_contigs__does_not_mistake_a_renamed_contig_for_its_old_name():
    same = ga.Assembly("same", {"chr2": 1037, "chr1": 1037})
    mapping = {"chr1": "chr2", "chr2": "chr1"}
    swap = match_contigs(header(chr1=1037, chr2=1037), same, mapping)
    assert swap.names == {"chr1": "chr2", "chr2": "chr1"}
    gone = match_contigs(header(chr1=91), TOY, {"chr1": "chr3"})
    assert gone.names == {"chr3": "chr1", "chr1": None}


def test_match_contigs__refuses_a_renaming_that_cannot_be_meant():
    with pytest.raises(ContigError, match="'a' and 'b' would both be 'chr1'"):
        match_contigs(header(a=1037, b=1037), TOY, {"a": "chr1", "b": "chr1"})
    with pytest.raises(ContigError, match=r"names no contig of this file .*'a': 'new name'"):
        match_contigs(header(a=1), TOY, {"chr1": "a"})
    with pytest.raises(AssemblyError, match="needs like="):
        match_contigs(header(a=1), None, "match")


def test_match_files__refuses_files_of_different_genomes_without_like():
    with pytest.raises(AssemblyError, match=r"b and a list different contigs .*give like="):
        match_files([Header("a", {"c": 1}), Header("b", {"c": 1, "d": 2})], None)
    both = match_files([Header("a", {"chr1": 1037}), Header("b", {"chr2": 500})], TOY)
    assert [match.assembly for match in both] == [TOY, TOY]


def test_assembly_like__knows_objects_and_files(tmp_path):
    fasta = write_fasta(tmp_path / "g.fa", {"a": "ACGT", "b": "AC"})
    (tmp_path / "g.fa.fai").write_text("a\t4\t14\t10\t11\nb\t2\t33\t10\t11\n")
    (tmp_path / "h.chrom.sizes").write_text("a\t4\nb 2\n\n")
    dna = ga.open_fasta(fasta)
    regions = ga.read_regions(["a:0-2"], like=dna)
    want = ga.Assembly("g", {"a": 4, "b": 2})
    files = [fasta, str(fasta), f"{fasta}.fai", tmp_path / "h.chrom.sizes"]
    for like in [*files, want, dna, dna.dna, regions]:
        assert assembly_like(like) == want
    assert assembly_like(f"{fasta}.fai").name == "g"
    assert assembly_like(tmp_path / "h.chrom.sizes").name == "h"


def test_assembly_like__refuses_anything_else(tmp_path):
    with pytest.raises(InputError, match="cannot be told from this suffix"):
        assembly_like("peaks.bed")
    with pytest.raises(AssemblyError, match="list does not know its assembly"):
        assembly_like(["chr1"])
    (tmp_path / "bad.sizes").write_text("a\t4\nb\tx\n")
    with pytest.raises(InputError, match=r"bad\.sizes, line 2: 'b\\tx' is no contig and length"):
        assembly_like(str(tmp_path / "bad.sizes"))
    for text, message in [
        ("", "the file is empty"),
        ("\n", "it lists no contigs"),
        ("a\t4\na\t4\n", "line 2: contig 'a' is listed twice"),
        ("a\t99999999999999999999\n", "line 1: .* is no contig and length"),
        ("a\t\u0664\n", "line 1: .* is no contig and length"),
    ]:
        (tmp_path / "bad.sizes").write_text(text)
        with pytest.raises(InputError, match=rf"bad\.sizes.*{message}"):
            assembly_like(str(tmp_path / "bad.sizes"))
    (tmp_path / "mark.sizes").write_text("\ufeffa\t4\n")
    assert assembly_like(tmp_path / "mark.sizes").names == ("a",)
    with pytest.raises(InputError, match="No such file"):
        assembly_like(str(tmp_path / "none.sizes"))


def test_name_files__refuses_labels_that_occur_twice():
    assert name_files("a/x.bw", "track") == (None, ["a/x.bw"])
    assert name_files({"t": "x.bw"}, "track") == (["t"], ["x.bw"])
    with pytest.raises(GenomeError, match="two files would be track 'x'"):
        name_files(["a/x.bw", "b/x.bw"], "track")
    with pytest.raises(GenomeError, match="there is no file"):
        name_files([], "track")
    with pytest.raises(GenomeError, match="3 is no file"):
        name_files(3, "track")
