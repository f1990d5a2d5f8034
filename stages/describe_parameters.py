"""Write docs/parameters.md: what each parameter means. Not a stage.

python -m stages.describe_parameters
"""

from pathlib import Path

from maskcon.atomic_files import write_text
from maskcon.parameter_reference import parameter_reference

if __name__ == "__main__":
    write_text(Path("docs/parameters.md"), parameter_reference(Path("conf")))
