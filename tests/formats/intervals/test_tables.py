import warnings

import numpy as np
import pandas as pd
import pytest

import genoarrays as ga
from genoarrays.errors import ContigError, InputError, RegionError
from tests.formats.files import TOY, write_text

ROWS = [("chr1", 5, 20, "a", 7.5, "+"), ("chr2", 0, 500, "b", 1, "-"), ("chr1", 1, 2, "c", 0, ".")]


def plain(regions):
    names = ("contig", "start", "end", "strand")
    return list(zip(*(regions[name].values.tolist() for name in names), strict=True))


WANT = [(c, s, e, way) for c, s, e, _, _, way in ROWS]


def test_read_regions__keeps_order_and_columns(tmp_path):
    path = write_text(tmp_path / "x.bed", *ROWS)
    regions = ga.read_regions(path, like=TOY)
    assert plain(regions) == WANT
    assert regions.name.values.tolist() == ["a", "b", "c"]
    assert regions.score.values.tolist() == [7.5, 1, 0]
    assert regions.region.values.tolist()[0] == "chr1:5-20:+"
    assert regions.attrs == {"source": str(path)}
    assert regions.assembly.attrs["name"] == "toy"
    assert "assembly" not in ga.read_regions(path).coords


def test_read_regions__reads_frames_pyranges_lists_and_tables(tmp_path):
    path = write_text(tmp_path / "x.bed", *ROWS)
    names = ["Chromosome", "Start", "End", "Name", "Score", "Strand"]
    frame = pd.DataFrame(ROWS, columns=names)
    frame["Chromosome"] = frame["Chromosome"].astype("category")
    lists = [
        [f"{c}:{s}-{e}:{way}" for c, s, e, _, _, way in ROWS],
        [(c, s, e, way) for c, s, e, _, _, way in ROWS],
        [ga.Region(c, s, e, way) for c, s, e, _, _, way in ROWS],
    ]
    for source in (str(path), frame, *lists, ga.read_regions(path)):
        assert plain(ga.read_regions(source, TOY)) == WANT
    extra = ga.read_regions(frame, TOY)
    assert extra.Name.values.tolist() == ["a", "b", "c"]
    assert extra.Score.dtype == float
    again = ga.read_regions(ga.read_regions(path, TOY), TOY)
    assert again.name.values.tolist() == ["a", "b", "c"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pyranges' own, of pandas
        import pyranges

        ranges = pyranges.PyRanges(frame)
        assert sorted(plain(ga.read_regions(ranges, TOY))) == sorted(WANT)
    assert ga.read_regions([], TOY).sizes == {"region": 0}
    assert plain(ga.read_regions(["chr1:3-9", ("chr2", 1, 2)])) == [
        ("chr1", 3, 9, "."),
        ("chr2", 1, 2, "."),
    ]


def test_read_regions__summits_are_places_on_the_contig(tmp_path):
    rows = [
        ("chr1", 100, 200, ".", 0, ".", 5.5, 3, 2, 30),
        ("chr1", 5, 9, ".", 0, ".", 1, 3, 2, -1),
    ]
    regions = ga.read_regions(write_text(tmp_path / "x.narrowPeak", *rows), TOY)
    assert regions.summit.values.tolist() == [130, -1]
    assert regions.signal.values.tolist() == [5.5, 1]


def test_read_regions__handles_regions_past_the_end_as_asked(tmp_path):
    path = write_text(
        tmp_path / "x.bed", ("chr3", 80, 95), ("chr1", 1, 2), ("chr3", 91, 99), ("chr3", 90, 91)
    )
    with pytest.raises(
        InputError, match=r"x\.bed, line 1: end 95 lies past the end of chr3 \(91 bp"
    ):
        ga.read_regions(path, TOY)
    padded = ga.read_regions(path, TOY, out_of_bounds="pad")
    assert padded.end.values.tolist() == [95, 2, 99, 91]
    clipped = ga.read_regions(path, TOY, out_of_bounds="clip")
    assert plain(clipped) == [("chr3", 80, 91, "."), ("chr1", 1, 2, "."), ("chr3", 90, 91, ".")]
    assert (clipped.attrs["rows_clipped"], clipped.attrs["rows_dropped"]) == (1, 1)
    dropped = ga.read_regions(path, TOY, out_of_bounds="drop")
    assert dropped.start.values.tolist() == [1, 90]
    assert dropped.attrs["rows_dropped"] == 2
    with pytest.raises(ga.GenomeError, match="say 'error', 'pad', 'clip' or 'drop'"):
        ga.read_regions(path, TOY, out_of_bounds="cut")


def test_read_regions__clips_what_starts_below_zero():
    frame = pd.DataFrame({"chrom": ["chr1", "chr1"], "start": [-5, -9], "end": [5, -1]})
    assert plain(ga.read_regions(frame, TOY, out_of_bounds="clip")) == [("chr1", 0, 5, ".")]
    for like in (TOY, None):
        with pytest.raises(InputError, match="DataFrame, row 0: start -5 is below 0"):
            ga.read_regions(frame, like)


def test_read_regions__refuses_starts_below_zero_in_files(tmp_path):
    path = write_text(tmp_path / "x.bed", ("chr1", 5, 9), ("chr1", -5, 9))
    for like in (TOY, None):
        with pytest.raises(InputError, match=r"x\.bed, line 2: start -5 is below 0"):
            ga.read_regions(path, like)
    with pytest.raises(InputError, match=r"x\.bed, line 2: start -5 is below 0"):
        ga.open_intervals(path, like=TOY)
    assert ga.read_regions(path, TOY, out_of_bounds="drop").sizes == {"region": 1}


def test_read_regions__reads_files_as_they_come(tmp_path):
    head = "\ufeffbrowser position chr1\r\ntrack name=x\r\n#chrom\r\n\r\n"
    text = head + "chr1\t5\t9\tä\r\nchr2\t0\t1\tb"
    path = tmp_path / "x.bed"
    path.write_bytes(text.encode())
    regions = ga.read_regions(path, TOY)
    assert plain(regions) == [("chr1", 5, 9, "."), ("chr2", 0, 1, ".")]
    assert regions.name.values.tolist() == ["ä", "b"]
    path.write_bytes(text.encode("latin-1", "ignore"))
    with pytest.raises(InputError, match=r"line 5: name is .*use UTF-8 text"):
        ga.read_regions(path, TOY)
    path.write_text("# only a comment\n")
    assert ga.read_regions(path, TOY).sizes == {"region": 0}
    assert int(ga.open_intervals(path, like=TOY).label.sum()) == 0
    path.write_text("")
    with pytest.raises(InputError, match=r"x\.bed: the file is empty"):
        ga.read_regions(path, TOY)


def test_read_regions__keeps_all_columns_of_bed(tmp_path):
    row = ("chr1", 10, 90, "g", 0, "-", 12, 80, "255,0,0", 2, "20,30,", "0,50,", "x")
    regions = ga.read_regions(write_text(tmp_path / "x.bed", row), TOY)
    got = {name: regions[name].values.tolist()[0] for name in list(regions.data_vars)[4:]}
    assert tuple(got.values()) == row[3:5] + row[6:]
    assert list(got)[-2:] == ["block_starts", "column_13"]
    peak = ("chr1", 10, 90, "p", 0, ".", 7.25, 3.5, 2.5, 40)
    as_bed = ga.read_regions(write_text(tmp_path / "peak.bed", peak), TOY)
    assert [as_bed[f"column_{n}"].values.tolist() for n in range(7, 11)] == [
        ["7.25"], ["3.5"], ["2.5"], ["40"],
    ]  # fmt: skip
    told = ga.read_regions(tmp_path / "peak.bed", TOY, format="narrowPeak")
    assert told.summit.values.tolist() == [50]


def test_read_regions__takes_features_of_files_only():
    with pytest.raises(RegionError, match="feature=, where= and attributes= are for GFF3 and GTF"):
        ga.read_regions(["chr1:1-2"], TOY, feature="gene")


def test_read_regions__drops_other_contigs_and_counts_them(tmp_path):
    path = write_text(tmp_path / "x.bed", ("chr1", 1, 2), ("chrU", 1, 9000), ("chrU", 3, 4))
    regions = ga.read_regions(path, TOY)
    assert plain(regions) == [("chr1", 1, 2, ".")]
    assert regions.attrs["contigs_dropped"] == ["chrU"]
    assert regions.attrs["rows_dropped"] == 2


def test_read_regions__renames_only_when_asked(tmp_path):
    path = write_text(tmp_path / "x.bed", ("1", 1, 2), ("2", 3, 4))
    with pytest.raises(ContigError, match=r"that is \{'1': 'chr1', '2': 'chr2'\}"):
        ga.read_regions(path, TOY)
    for asked in ("match", "ucsc", {"1": "chr1", "2": "chr2"}):
        regions = ga.read_regions(path, TOY, rename_contigs=asked)
        assert regions.contig.values.tolist() == ["chr1", "chr2"]
        assert regions.attrs["contigs_renamed"] == {"1": "chr1", "2": "chr2"}
    assert ga.read_regions(path, rename_contigs="ucsc").contig.values.tolist() == ["chr1", "chr2"]


def test_read_regions__refuses_what_is_no_region(tmp_path):
    with pytest.raises(InputError, match=r"for a region string give a list: \['chr1:0-200'\]"):
        ga.read_regions("chr1:0-200")
    with pytest.raises(InputError, match=r"none\.bed: cannot be read"):
        ga.read_regions(tmp_path / "none.bed")
    with pytest.raises(RegionError, match="int is no source of regions"):
        ga.read_regions(3)
    with pytest.raises(RegionError, match="region 1 is 5; write 'chr1:0-200'"):
        ga.read_regions(["chr1:0-5", 5])
    with pytest.raises(RegionError, match=r"no column 'end' .it has chrom, start.; name it 'end'"):
        ga.read_regions(pd.DataFrame({"chrom": ["a"], "start": [1]}))
    frame = pd.DataFrame({"chrom": ["a", None], "start": [1, 2], "end": [5, 6]})
    with pytest.raises(InputError, match="row 1: there is no contig"):
        ga.read_regions(frame)
    for end in (np.inf, 2.0**70, 2**80):
        frame = pd.DataFrame({"chrom": ["a", "b"], "start": [1, 2], "end": [5, end]})
        with pytest.raises(InputError, match=r"row 1: end is .*, no whole number"):
            ga.read_regions(frame)
    frame = pd.DataFrame([["a", 1, 5, 6]], columns=["chrom", "start", "end", "end"])
    with pytest.raises(RegionError, match="has two columns 'end'; rename or drop one"):
        ga.read_regions(frame)
    frame = pd.DataFrame({"chrom": ["a", "b"], "start": [1, 2.5], "end": [5, np.nan]})
    with pytest.raises(InputError, match=r"row 1: start is 2\.5, no whole number"):
        ga.read_regions(frame)
    frame = pd.DataFrame({"chrom": ["a"], "start": [1], "end": [5], "strand": ["x"]})
    with pytest.raises(InputError, match="row 0: strand is 'x'"):
        ga.read_regions(frame)
    with pytest.raises(InputError, match="list, row 0: start 9 lies past end 5"):
        ga.read_regions([("chr1", 9, 5)])


def test_read_regions__reads_real_peaks(shared_data):
    yeast = shared_data / "yeast_sacCer3"
    path = yeast / "atac" / "SRR1822137_hmmratac_accessible_regions.narrowPeak"
    peaks = ga.read_regions(path)
    assert peaks.sizes["region"] == 1605
    assert plain(peaks)[0] == ("chrI", 20, 560, ".")
    assert int(peaks.summit[0]) == 238
    human = shared_data / "human_hg19_chrX"
    like = ga.read_regions(human / "ENCODE_A549_ATF3_UniPk.hg19.narrowPeak.gz",
                           like=str(human / "hg19.chrom.sizes"))  # fmt: skip
    assert like.sizes["region"] > 1000


def test_read_regions__takes_a_bare_name_as_the_whole_contig():
    genome = ga.Assembly("g", {"chr1": 30, "Mito": 20, "HLA-A*01:01": 9})
    items = ["Mito", "chr1:5-9:-", "chr1:12-", ga.Region("chr1"), ("chr1", 3, None), "HLA-A*01:01"]
    table = ga.read_regions(items, like=genome)
    assert table.region.values.tolist() == [
        "Mito:0-20:.", "chr1:5-9:-", "chr1:12-30:.", "chr1:0-30:.", "chr1:3-30:.",
        "HLA-A*01:01:0-9:.",
    ]  # fmt: skip
    assert table.end.dtype == np.int64
    renamed = ga.read_regions(["MT", "chr1:0-5"], genome, rename_contigs={"MT": "Mito"})
    assert renamed.region.values.tolist() == ["Mito:0-20:.", "chr1:0-5:."]


@pytest.mark.parametrize(("item", "example"), [("Mito", "Mito:0-200"), ("Mito:7-", "Mito:7-207")])
def test_read_regions__of_a_whole_contig_needs_its_genome(item, example):
    message = f"region 1 is {item!r}; where Mito ends .* give like=, or write the end.*{example}"
    with pytest.raises(RegionError, match=message):
        ga.read_regions(["chr1:0-5", item])
    with pytest.raises(ContigError, match="contig 'Mito' is not in assembly"):
        ga.read_regions(["chr1:0-5", item], like=TOY)
    with pytest.raises(InputError, match="start 99999 lies past end"):
        ga.read_regions(["chr1:99999-"], like=TOY)
