"""The one door: a request is run, events are yielded, a result is returned."""
