import gzip

import numpy as np
import pytest

import genoarrays as ga

HEAD = "MEME version 4\n\nALPHABET= ACGT\n\nstrands: + -\n\n"
BACKGROUND = "Background letter frequencies (from unknown source):\n A 0.3 C 0.2 G 0.2 T 0.3\n\n"
ONE = "MOTIF m1 REB1\n\nletter-probability matrix: alength= 4 w= 2 nsites= 20 E= 1e-3\n"
ROWS = " 0.7 0.1 0.1 0.1\n 0 0 0.5 0.5\n\n"
TWO = "MOTIF m2\nletter-probability matrix:\n0.25\t0.25\t0.25\t0.25\n"


def write(tmp_path, text, name="a.meme"):
    path = tmp_path / name
    path.write_text(text)
    return path


def test_read_motifs__gives_matrices_names_and_numbers(tmp_path):
    m = ga.read_motifs(write(tmp_path, HEAD + BACKGROUND + ONE + ROWS + "URL http://x\n\n" + TWO))
    assert m.motif.values.tolist() == ["m1", "m2"]
    assert m.alternate.values.tolist() == ["REB1", ""]
    assert m.length.values.tolist() == [2, 1]
    assert m.channel.values.tolist() == list("ACGT")
    np.testing.assert_allclose(m.probability[0], [[0.7, 0.1, 0.1, 0.1], [0, 0, 0.5, 0.5]])
    np.testing.assert_allclose(m.probability[1, 0], 0.25)
    assert np.isnan(m.probability[1, 1]).all()
    assert m.sites.values[0] == 20
    assert m.e_value.values[0] == 1e-3
    assert np.isnan(m.sites.values[1])
    assert m.attrs["background"] == [0.3, 0.2, 0.2, 0.3]
    packed = tmp_path / "a.meme.gz"
    packed.write_bytes(gzip.compress((tmp_path / "a.meme").read_bytes()))
    assert m.drop_attrs().equals(ga.read_motifs(packed).drop_attrs())


def test_read_motifs__reads_columns_in_another_order(tmp_path):
    path = write(tmp_path, HEAD + ONE + ROWS)
    m = ga.read_motifs(path, columns="ATGC")
    assert m.channel.values.tolist() == list("ACGT")
    np.testing.assert_allclose(m.probability[0, 1], [0, 0.5, 0.5, 0])  # A, C, G, T of A, T, G, C
    np.testing.assert_allclose(m.probability[0, 0], [0.7, 0.1, 0.1, 0.1])
    with pytest.raises(ga.GenomeError, match="columns='ACGU' are other letters than 'ACGT'"):
        ga.read_motifs(path, columns="ACGU")
    bare = write(tmp_path, ONE + ROWS, "bare.meme")
    assert ga.read_motifs(bare, columns="ACGT").length.values.tolist() == [2]


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        (ONE + ROWS, "line 3", 'no ALPHABET line stands before this matrix; .*columns="ACGT"'),
        (HEAD + ONE + " 7 1 1 1\n 0 0 1 1\n", "line 10", "sums to 10, and not to 1; give prob"),
        (HEAD + ONE + " 1.5 -0.5 0 0\n", "line 10", "not to 1"),
        (HEAD + ONE + " 0.5 0.5 0\n", "line 10", "has 3 values for 4 letters"),
        (HEAD + ONE + " 0.5 0.5 0 x\n", "line 10", "no row of numbers"),
        (HEAD + ONE + " 1 0 0 0\nMOTIF m2\n", "line 11", "'m1' ends after 1 of 2 rows"),
        (HEAD + ONE + " 1 0 0 0\n", "line 7", "'m1' has 1 rows, fewer than its w= says"),
        (HEAD + "MOTIF\n", "line 7", "this motif has no name"),
        (HEAD + ONE[14:] + ROWS, "line 8", "no MOTIF line"),
        (HEAD.replace("= ACGT", ' "DNA" DNA-LIKE'), "line 3", "lists no letters"),
        (HEAD, "", "no letter-probability matrix"),
        (HEAD + ONE.replace("w= 2", "w= two") + ROWS, "line 9", "w= two is no number"),
    ],
)
def test_read_motifs__names_file_line_and_cure(tmp_path, text, line, problem):
    with pytest.raises(ga.InputError, match=problem) as caught:
        ga.read_motifs(write(tmp_path, text))
    assert caught.value.where == line
    assert "a.meme" in str(caught.value)


def test_read_motifs__of_yeast_has_reb1_where_the_columns_are_right(shared_data):
    path = shared_data / "yeast_sacCer3" / "motifs" / "yetfasco_all.meme"
    m = ga.read_motifs(path, columns="ATGC")
    assert m.sizes["motif"] == 1883
    reb1 = m.isel(motif=m.alternate.values == "REB1")
    texts = {
        "".join("ACGT"[i] for i in matrix[:length].argmax(axis=1))
        for matrix, length in zip(reb1.probability.values, reb1.length.values, strict=True)
    }
    assert "CGGGTAA" in texts
    assert sum("GGGTAA" in text for text in texts) >= 10
