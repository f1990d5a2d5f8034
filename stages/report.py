"""Stage report: metrics, plots, figures and parameters as a short paper, reports/report.pdf."""

import os
from pathlib import Path

from maskcon.methods.parts.interface import build_method
from maskcon.parameters.model import Parameters
from maskcon.report.paper import gather_facts, read_finished_run, write_report
from maskcon.report.provenance import provenance
from maskcon.report.run_again import commands
from maskcon.runtime.entry import run_stage

REPORTS = Path("reports")


def main(parameters: Parameters) -> None:
    origin = provenance(Path.cwd(), os.environ)
    facts = gather_facts(
        read_finished_run(Path.cwd(), parameters),
        build_method(parameters.loss),
        origin,
        commands(origin["git.commit"], parameters, Path("conf")),
    )
    write_report(REPORTS / "report.typ", facts, REPORTS / "figures", REPORTS / "report.pdf")
    print(f"{REPORTS / 'report.pdf'}")


if __name__ == "__main__":
    run_stage(main)
