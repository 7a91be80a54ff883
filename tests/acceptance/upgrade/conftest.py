"""Where the calls of ML Metadata are, and whether the previous release is there to be tried beside this one."""

import os
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent.parent / "mlmd"))
# `make upgrade` builds it.
collect_ignore = [] if "MODELPORT_PREVIOUS" in os.environ else ["test_side_by_side.py"]
