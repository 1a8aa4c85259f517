"""The machine: files, downloads, devices, precision, threads, memory, signals."""
