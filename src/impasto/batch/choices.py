"""Names that options choose from, without any work: help needs them."""

FILES, TAR = "files", "tar"
LAYOUTS = (FILES, TAR)
"""Of outputs: files with kept names, or an archive a shard."""

JSONL, PARQUET = "jsonl", "parquet"
FORMS = (JSONL, PARQUET)
"""Of logs."""

LOCAL = "local"
"""Address of this machine, whose workers are processes without Ray."""
