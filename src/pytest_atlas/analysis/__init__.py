"""The analysis: statistics about a run and its data files, as typed findings. No AI, no file access, no clock.

`inputs` has the values that the analysis takes, and `sources` builds them from an Atlas run or the session model. Each other
module computes one finding and describes it for a report: `failures`, `comparison`, `outcome_history`, `margins`, `drift`,
`outliers`, `capability`, `traces`. `findings` computes all of them, with a reader from the caller, and `report` renders them.

This module imports plain values only, because a session without a report must not wait for `statistics` and `csv`.
"""

from .inputs import MAX_RUNS, MEASUREMENTS_FILE, REQUIRED_PPK, File, PastFile, PastStep, ReportInput, ReportText, Step

__all__ = ["MAX_RUNS", "MEASUREMENTS_FILE", "REQUIRED_PPK", "File", "PastFile", "PastStep", "ReportInput", "ReportText", "Step"]
