"""The jobs of the channels: the rows are the queue, a worker takes one at a time and makes one call for it.

`queue` puts jobs in and takes them out, `running` does one, `handlers` know what each kind means, `closing` ends them.
"""
