import json

import click
import pytest

from genoarrays.cli.config import config
from genoarrays.cli.options import name_values, split_names


@pytest.fixture
def run(tmp_path):
    """What a command gets from a file and options."""

    @click.command()
    @config
    @click.option("--inputs", required=True, multiple=True, callback=split_names)
    @name_values("--flank", int, "")
    @click.option("--batch-size", default=64)
    @click.option("--resume", is_flag=True)
    @click.option("--model", "builder", type=click.Choice(["classifier", "danq"]))
    def command(**options):
        print(json.dumps(options))

    def call(text, *arguments):
        file = tmp_path / "run.toml"
        file.write_text(text)
        command.main(["--config", str(file), *arguments], standalone_mode=False)

    return call


def test_config__is_the_default_of_options_and_they_go_before(run, capsys):
    text = (
        'inputs = ["dna", "dnase"]\nbatch-size = 8\nresume = true\nmodel = "danq"\n'
        "flank = { dna = 150, dnase = 450 }\n"
    )
    run(text)
    expected = {
        "inputs": ["dna", "dnase"],
        "flank": {"dna": 150, "dnase": 450},
        "batch_size": 8,
        "resume": True,
        "builder": "danq",
    }
    assert json.loads(capsys.readouterr().out) == expected
    run(text, "--batch-size", "9", "--inputs", "rna", "--flank", "rna=1")
    told = json.loads(capsys.readouterr().out)
    assert told == expected | {"batch_size": 9, "inputs": ["rna"], "flank": {"rna": 1}}
    run('inputs = "dna,rna"\nbatch_size = 7')
    assert json.loads(capsys.readouterr().out)["inputs"] == ["dna", "rna"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("inputs = [", "run.toml"),
        ('inputs = "x"\nbatchsize = 8', "'batchsize' is no option; there are batch_size"),
        ('inputs = "x"\nbatch_size = [8]', "'batch_size' takes one value, not a list"),
        ('inputs = "x"\nbatch_size = "many"', "many"),
        ('inputs = "x"\nmodel = "dang"', "dang"),
        ("batch_size = 3", "inputs"),
    ],
)
def test_config__names_what_is_wrong(text, message, run):
    with pytest.raises(click.UsageError) as raised:
        run(text)
    assert message in raised.value.format_message() or message in str(raised.value)


def test_config__names_a_file_that_is_not_there(run):
    with pytest.raises(click.BadParameter, match="nowhere"):
        run("", "--config", "nowhere.toml")
