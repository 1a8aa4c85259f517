"""The machine: files, downloads, devices, threads, memory and signals.

* ``devices``: device names to PyTorch devices
* ``downloads``: one file over HTTP: resumed, retried, verified
* ``fields``: dataclass fields that declare their own help, range and choices
* ``files``: writing a file whole or not at all
* ``interrupts``: Ctrl-C as a request to stop after the current step
* ``memory``: sizes as text, the free amount, the peak, and how glibc frees it
* ``optional``: optional dependencies and the extras that install them
* ``plotting``: the common style of matplotlib plots
* ``precision``: whether bf16 or float32 is faster on this machine
* ``progress``: columns of progress bars
* ``registry``: tables of named objects that other packages extend through entry points
* ``safetensors``: reading and writing safetensors files
* ``strips``: large tensors strip by strip
* ``thread_room``: one thread where the limit on the address space leaves no room for stacks
* ``threads``: thread counts, and timing that ignores other processes
"""
