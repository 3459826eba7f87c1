"""What Holdgate decides and why: values and pure functions, no I/O and no clock."""
