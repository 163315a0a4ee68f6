import numpy as np
import pandas as pd
import pytest

import genoarrays as ga
from genoarrays.cli.looking import attributions_in

from .test_cli import fails, ok
from .test_effects import place  # noqa: F401

REGIONS = ["chr1:20-40:+", "chr2:60-80:-", "chr2:180-200:+"]


@pytest.fixture(scope="module")
def bed(place):  # noqa: F811
    path = place / "peaks.bed"
    rows = [one.replace(":", "-").split("-", 3) for one in REGIONS]
    path.write_text("".join(f"{c}\t{s}\t{e}\t.\t0\t{o}\n" for c, s, e, o in rows))
    return path


@pytest.fixture(scope="module")
def expected(place):  # noqa: F811
    tree = ga.open_datatree(place / "a.zarr")
    told = {"track": "rap1", "logit": True, "like": tree}
    return ga.integrated_gradients(str(place / "m"), REGIONS, **told)


def attribute(place, bed, out, *more):  # noqa: F811
    return ["attribute", place / "m", place / "a.zarr", "--regions", bed, "--out", out,
            "--track", "rap1", "--logit", *more]  # fmt: skip


def test_attribute__writes_a_store_that_plot_reads(place, bed, expected, tmp_path, capsys):  # noqa: F811
    out = tmp_path / "a.zarr"
    ok(*attribute(place, bed, out))
    assert capsys.readouterr().out == f"3 windows -> {out}\n"
    stored = attributions_in(out)["dna"]
    assert stored.dims == expected.dims
    np.testing.assert_allclose(stored, expected, atol=1e-6)
    for name in ("contig", "start", "end", "orientation", "difference", "completeness"):
        assert name in stored.coords
    line = fails(capsys, *attribute(place, bed, out))
    assert line == f"Error: {out} exists already; give another --out, or --overwrite (see " \
        "genoarrays attribute --help)"  # fmt: skip
    ok(*attribute(place, bed, out, "--overwrite", "--method", "input-x-gradient"))
    assert attributions_in(out)["dna"].attrs["method"] == "input x gradient"
    assert [p.name for p in tmp_path.iterdir()] == ["a.zarr"]


def test_attribute__writes_tracks_tables_and_arrays(place, bed, expected, tmp_path):  # noqa: F811
    for end in ("bw", "tsv", "npz"):
        ok(*attribute(place, bed, tmp_path / f"a.{end}"))
    total = expected.sum("channel")
    tree = ga.open_datatree(place / "a.zarr")
    like = tree["1bp"].to_dataset()
    back = ga.open_bigwig(tmp_path / "a.bw", like=like).signal
    table = pd.read_csv(tmp_path / "a.tsv", sep="\t")
    assert len(table) == total.size
    np.testing.assert_allclose(table.contribution, total.values.ravel(), rtol=1e-4, atol=1e-6)
    for row in range(0, len(table), 7):
        one = table.iloc[row]
        where = f"{one.contig}:{one.position}-{one.position + 1}" if one.position >= 0 else None
        length = like.sizes["position"] and {"chr1": 300, "chr2": 200}[one.contig]
        if where is None or one.position >= length:
            assert one.base == "N"
            continue
        code = int(like.dna.sel(position=where)[0])
        assert one.base == "ACGT"[3 - code if one.orientation == "-" else code]
        np.testing.assert_allclose(one[one.base], one.contribution, rtol=1e-4, atol=1e-6)
        value = float(back.sel(position=where)[0])
        np.testing.assert_allclose(value, one.contribution, rtol=1e-4, atol=1e-6)
    with np.load(tmp_path / "a.npz") as stored:
        np.testing.assert_allclose(
            stored["contributions"], expected.transpose("window", "channel", ...), atol=1e-6
        )
        assert stored["one_hot"].shape == stored["contributions"].shape == (3, 4, 30)
        assert stored["window"].tolist() == REGIONS


def test_attribute__tries_other_bases(place, bed, tmp_path):  # noqa: F811
    ok(*attribute(place, bed, tmp_path / "a.tsv", "--method", "saturation"))
    table = pd.read_csv(tmp_path / "a.tsv", sep="\t")
    known = table[table.base != "N"]
    effects = known[list("ACGT")].to_numpy()
    np.testing.assert_allclose(known.contribution, -effects.sum(axis=1) / 3, rtol=1e-3, atol=1e-5)
    own = effects[np.arange(len(known)), ["ACGT".index(base) for base in known.base]]
    assert (own == 0).all()


def test_attribute__takes_region_strings_and_tiles(place, tmp_path):  # noqa: F811
    bed = "chr1:100-145"
    tiles = ["chr1:100-120:.", "chr1:120-140:.", "chr1:140-160:."]
    for anchor, wanted in [("center", ["chr1:112-132:."]), ("tile", tiles)]:
        out = tmp_path / f"{anchor}.npz"
        ok(*attribute(place, bed, out, "--anchor", anchor, "--method", "input-x-gradient"))
        with np.load(out) as stored:
            assert len(stored["window"]) == len(wanted)
            assert stored["window"][0] == wanted[0]


def test_attribute__shows_the_motif(place, tmp_path, capsys):  # noqa: F811
    motifs = tmp_path / "m.meme"
    rng = np.random.default_rng(0)
    text = "MEME version 4\n\nALPHABET= ACGT\n\n"
    for number in range(6):
        text += f"MOTIF m{number} NAME{number}\nletter-probability matrix: w= 8\n"
        for row in rng.dirichlet([0.5] * 4, 8):
            text += " ".join(f"{value:.4f}" for value in row) + "\n"
    motifs.write_text(text)
    ok(*attribute(place, "chr1", tmp_path / "a.npz", "--anchor", "tile", "--motifs", motifs,
                  "--method", "input-x-gradient"))  # fmt: skip
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("k-mers: ")
    assert lines[2].startswith(("motif: ", "no motif: "))
    wrong = motifs.with_name("b.meme")
    wrong.write_text(text.replace("ALPHABET= ACGT", ""))
    line = fails(capsys, *attribute(place, "chr1", tmp_path / "b.npz", "--motifs", wrong))
    assert "b.meme, line" in line
    assert "no ALPHABET line" in line


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        (["--track", "gal4"], "output 'bound' has no track 'gal4'; it has reb1, rap1"),
        (["--target", "y"], "the model has no output 'y'; it has bound"),
        (["--out", "a.xlsx"], "end it in .zarr, .bw, .tsv, .npz"),
        (["--columns", "ATGC"], "--columns are those of --motifs"),
        (["--regions", "chr9:1-20"], "chr9"),
        (["--of", "rna"], "of= names 'rna'; the inputs are dna"),
    ],
)
def test_attribute__names_what_is_wrong(place, bed, tmp_path, capsys, more, problem):  # noqa: F811
    line = fails(capsys, *attribute(place, bed, tmp_path / "a.tsv", *more))
    assert problem in line
    assert not list(tmp_path.iterdir())


def test_help__says_what_a_number_means():
    from click.testing import CliRunner

    from genoarrays.cli import cli

    text = CliRunner().invoke(cli, ["attribute", "--help"]).output
    assert "Every base of every window gets a number" in text
