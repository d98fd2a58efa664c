"""The build backend is imported from its folder.

Last on the path: it holds the native package's source as well, which without its libraries
must not hide the installed one.
"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "scripts" / "native"))
