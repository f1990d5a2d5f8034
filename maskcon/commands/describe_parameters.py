"""Write docs/parameters.md: what each parameter means. Not a stage.

python -m maskcon.commands.describe_parameters
"""

from pathlib import Path

from maskcon.parameters.reference import parameter_reference
from maskcon.runtime.atomic_files import write_text

if __name__ == "__main__":
    write_text(Path("docs/parameters.md"), parameter_reference(Path("conf")))
