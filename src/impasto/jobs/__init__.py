"""The entry point of all painting: runs a request, which yields events and ends in a result.

* ``api``: ``paint``, ``stylize``, ``texture`` and ``reconstruct``
* ``requests``: what is to be made, as frozen values
* ``changes``: requests with some entries changed
* ``request_json``: requests as JSON and in the metadata of pictures, read as untrusted input
* ``run``: the door itself, with the options of a run
* ``events``: what a run yields
* ``results``: pictures with the request that made them
* ``optimization``, ``one_pass``: the two ways to run a request
* ``resources``: encoders, models and pictures that runs share
* ``checkpoints``: interrupted optimizations go on to the same pixels
* ``initial_image``, ``sources``: pictures that a request names
* ``display``: progress bar and notebook preview
* ``provenance``: what a result's file says of its origin
"""
