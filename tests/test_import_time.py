"""Is `import genoarrays` cheap?"""

import subprocess
import sys

HEAVY = {"tensorflow", "keras", "pysam", "pyBigWig", "pyranges", "distributed", "matplotlib"}


def fresh(code):
    return subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout.strip()


def test_import__loads_nothing_heavy():
    code = f"import sys, genoarrays; print(sorted({HEAVY} & set(sys.modules)))"
    assert fresh(code) == "[]"


def test_import__takes_less_than_800_ms():
    # processor time of the import alone, the best of three: the machine may be busy
    code = (
        "import time; began = time.process_time(); import genoarrays, genoarrays.genome.index;"
        "print(time.process_time() - began)"
    )
    assert min(float(fresh(code)) for _ in range(3)) < 0.8


def test_help__of_the_command_line_loads_nothing_heavy():
    code = (
        "import sys; from genoarrays.cli import cli\n"
        "try: cli(['train', '--help'])\n"
        f"except SystemExit: print(sorted({HEAVY} & set(sys.modules)))"
    )
    assert fresh(code).splitlines()[-1] == "[]"


def test_backends__are_registered_and_import_little():
    code = (
        f"import sys, xarray; names = set(xarray.backends.list_engines());"
        f"print({{'fasta', 'bigwig', 'bam', 'bed'}} <= names, sorted({HEAVY} & set(sys.modules)))"
    )
    assert fresh(code) == "True []"
