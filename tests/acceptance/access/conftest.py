"""Where the calls of ML Metadata are."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent.parent / "mlmd"))
