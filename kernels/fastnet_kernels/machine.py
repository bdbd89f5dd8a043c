"""What the machine offers this process."""

import os
import sys
from pathlib import Path


def cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def can_start_python() -> bool:
    """Whether ``sys.executable`` is Python, and not an application that Python is a part of."""
    name = Path(sys.executable or "").stem.lower()
    return name.startswith(("python", "pypy")) and not getattr(sys, "frozen", False)
