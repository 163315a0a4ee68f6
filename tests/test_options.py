from genoarrays.options import track


def test_track__draws_a_plain_bar_in_a_notebook(monkeypatch, capsys):
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    assert list(track("abc", 3, "counting", progress=True)) == ["a", "b", "c"]
    out, err = capsys.readouterr()
    assert out == ""
    assert "counting" in err.split("\r")[-1]
    assert "3/3" in err.split("\r")[-1]
