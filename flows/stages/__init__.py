"""The bodies of the tasks: the only place where a model's client and the run folder meet."""
