"""Write params.yaml from conf/ and the choices given.

Also docs/parameters.md, which says what each value means, and the table of methods in README.md.
"""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("choices", metavar="KEY=VALUE", nargs="*", help="such as data=digits loss=grafit loss.w=0.8")


def main(arguments: argparse.Namespace) -> None:
    from maskcon.images.reading.source import check_source
    from maskcon.parameters.composition import composed
    from maskcon.parameters.reference import parameter_reference, with_methods
    from maskcon.runtime.atomic_files import write_text

    text, parameters = composed(Path("conf"), arguments.choices)
    check_source(parameters.data)
    write_text(Path("params.yaml"), text)
    write_text(Path("docs/parameters.md"), parameter_reference(Path("conf")))
    write_text(Path("README.md"), with_methods(Path("README.md").read_text(), Path("conf")))
