"""Many pictures, with many workers, here or in a cluster; what is done is never done again.

* ``run``: the entry point: a plan in, a tally out
* ``plan``: what is fixed when a batch begins
* ``inputs``: ``listing`` (folders, patterns), ``tables`` and ``parquet`` (manifests), ``tars``
* ``shards``: the unit of the work; ``rows``: one picture each, with its request
* ``shard_work``: paints a shard; ``partial``: what is done of it; ``commit``: it takes its place
* ``shard_log``: says which shards are done
* ``schedule``: shards to workers, and what becomes of those that crash
* ``engine``: processes of this machine; ``ray_engine``: actors of a cluster
* ``worker``, ``worker_process``: the two sides of a worker; ``tasks``: what passes between them
* ``places``, ``outputs``: files here and in the cloud; ``names``: of outputs, never outside
* ``fetching``: files that rows name, brought here
"""
