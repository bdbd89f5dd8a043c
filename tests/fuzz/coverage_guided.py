"""Goes by the coverage of Python's code, with atheris: ``coverage_guided.py FORMAT [arguments for libFuzzer]``.

It starts from the same seeds, asks the same of what is read, and stops at the first finding, which libFuzzer saves.
"""

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["fastnet"]):
    import targets

import run


def main() -> None:
    """Fuzz one format until told to stop, as by ``-runs=100000`` or ``-max_total_time=600``."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    target = next((target for target in targets.TARGETS if target.name == name), None)
    if target is None:
        sys.exit(f"name a format: {', '.join(target.name for target in targets.TARGETS)}")
    with tempfile.TemporaryDirectory(dir=run.in_memory()) as temporary:
        folder = Path(temporary)
        corpus = folder / "corpus"
        corpus.mkdir()
        for index, content in enumerate(target.seeds(folder)):
            (corpus / str(index)).write_bytes(content)
        read, path = target.prepare(folder), folder / target.file_name

        def attempt(content: bytes) -> None:
            path.write_bytes(content)
            target.attempt(read, path)

        atheris.Setup([sys.argv[0], *sys.argv[2:], str(corpus)], attempt)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
