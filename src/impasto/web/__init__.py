"""A page and a service: requests over HTTP, events as a stream, results by an id.

The page and the service are one program, ``impasto serve``. The server never decodes a picture:
that is done by worker processes, which speak lines of JSON with it.

* ``settings``: address, access and limits; ``server``: runs the program until it is stopped
* ``app``: routes to functions; ``routes``, ``event_stream``: what the routes do
* ``openapi``: the description of the routes, made from the declared entries of requests
* ``gate``: who is let in, and the headers of every response; ``sessions``: cookies and tokens
* ``intake``: takes jobs, of every protocol; ``streams``: how many of them a client has open
* ``gradio_api``, ``gradio_schema``, ``gradio_messages``, ``gradio_files``: what Gradio's clients
  speak; ``mcp_api``, ``mcp_tools``: the Model Context Protocol; ``calls``: pictures by one call,
  for protocols with tools
* ``connections``: how many an address may hold, and how long a client may be silent
* ``receiving``: bodies with files, bounded in bytes and time; ``rates``: how many a minute
* ``posted``: a posted request whose pictures are uploads, checked strictly
* ``studio``: jobs, queues and workers; ``job``: one of them; ``fair_queue``: who is next
* ``lane``: a queue with its workers; ``job_files``, ``folders``: names and bytes in a job's folder
* ``worker_process``: a worker as the server sees it; ``worker_events``: what it tells, checked;
  ``worker``, ``work``: the process itself
* ``planning``: what a request would take; ``code``: a job as a command and as a program
* ``samples``: pictures and styles that the server has by name
* ``site``: the browser studio, a static site that needs no server
* ``telemetry``: metrics for Prometheus and logs as lines of JSON
"""
